"""Texts that say little, that are cut, that hold odd characters, or what is private."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.check.problems.characters import ODDITIES, odd_characters, odd_class_names
from mtc_keras.check.problems.private import kinds_of_private, private_texts
from mtc_keras.check.problems.texts import (
    cut_texts,
    empty_texts,
    one_word_texts,
    very_long_texts,
    wordless_texts,
)
from tests.check.problems.planted import clean_rows, found, places, pool, splits, where
from tests.fuzzing import tries

PLANTED = {
    "empty_texts": (empty_texts, ["", "  ", "\n\t", "\u200b", "\ufeff \xa0"]),
    "wordless_texts": (wordless_texts, ["?!", "…", "😀 😂", "https://example.org/x", "@someone #"]),
    "mojibake": (odd_characters, ["trÃ¨s bien", "lâ€™Ã©tÃ© arrive", "EspaÃ±a"]),
    "replacement_characters": (odd_characters, ["caf\ufffd au lait"]),
    "control_characters": (odd_characters, ["a\x00b", "it\x92s", "bell \x07"]),
    "private_characters": (odd_characters, ["icon \ue012"]),
    "unseen_characters": (odd_characters, ["zero\u200bwidth", "soft\xadhyphen", "mark\ufeff"]),
    "html_entities": (odd_characters, ["fish &amp; chips", "it&#39;s", "&eacute;t&#xe9;"]),
    "html_tags": (odd_characters, ["one<br/>two", '<a href="x">y</a>', "<P>text"]),
    "escapes": (odd_characters, ["caf\\u00e9", "one\\nTwo", "\\xe9t\\xe9"]),
    "emails": (private_texts, ["write to first.last+x@mail.example.org please"]),
    "phone_numbers": (private_texts, ["+33 6 12 34 56 78", "06 12 34 56 78", "(555) 123-4567"]),
    "account_numbers": (private_texts, ["4111 1111 1111 1111", "GB82 WEST 1234 5698 7654 32"]),
    "secrets": (private_texts, ["AKIAABCDEFGHIJKLMNOP", "key ghp_" + "a1B2" * 10]),
}
FINE = [
    "Très bien, l’été à Noël – naïve “quotes” ¿qué? ÅÄÖ",
    "Здравствуйте, как дела? こんにちは 안녕하세요 مرحبا",
    "a family 👨\u200d👩\u200d👧 and می\u200cخواهم and क्\u200dष",  # joiners that are needed
    "if a < b and c > d then x<y>z & R&D; AT&T",
    r"C:\new\table and \alpha ¯\_(ツ)_/¯",
    "room 12, 2024-05-17, 10:30, version 1.2.3, 12 345 678 people, order 1234567890123",
    "tabs\tand\nlines are fine, @name and me@home, too",
]


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_text_is_found_and_no_other(name):
    kind, texts = PLANTED[name]
    rows = splits()
    for at, text in enumerate(texts):
        rows["train"][10 * at]["text"] = text
    for at, text in enumerate(FINE):
        rows["validation"][at]["text"] = text
    pooled = pool(rows)
    findings = found(pooled, [kind])
    assert places(findings[name]) == where(pooled, "train", range(0, 10 * len(texts), 10))
    assert findings[name].count == len(texts)
    # A mark may be no character of a file in UTF-8 and the sign of one in another encoding.
    assert findings.keys() - {name} <= {"mojibake", "control_characters"}


def test_accents_apart_are_told_where_others_are_not():
    rows = splits()
    rows["train"][0]["text"] = "e\u0301te\u0301"
    assert found(pool(rows), [odd_characters]) == {}
    rows["train"][1]["text"] = "été"
    assert found(pool(rows), [odd_characters])["mixed_accents"].count == 1


def test_names_of_classes_with_traces_of_an_encoding():
    rows = splits()
    for row in rows["train"][:30]:
        row["mood"] = "trÃ¨s bien"
    finding = found(pool(rows), [odd_class_names])["odd_class_names_mood"]
    assert (finding.count, finding.severity) == (1, "warning")
    assert finding.table == [{"class": "trÃ¨s bien", "trace": "mojibake"}]


@tries(40)
@given(st.text(max_size=60))
def test_fuzz_any_text_can_be_asked(text):
    list(kinds_of_private(text))
    for oddity in ODDITIES:
        # What is asked only of other texts is in no text of ASCII.
        assert oddity.ascii or not (text.isascii() and oddity.is_in(text))
    rows = clean_rows(12)
    rows[5]["text"] = text
    found(pool({"train": rows}))


@pytest.mark.parametrize("few", [True, False])
def test_texts_of_one_word_are_told_where_there_are_many(few):
    rows = splits()
    for row in rows["train"][: 2 if few else 12]:
        row["text"] = row["text"].split()[0]
    assert found(pool(rows), [one_word_texts]).keys() == (set() if few else {"one_word_texts"})


def test_languages_without_blanks_are_not_words():
    rows = splits()
    for row in rows["train"][:50]:
        row["text"] = "今日はとても良い天気ですから公園まで散歩に行きましょうと彼女は言った"
    assert found(pool(rows), [one_word_texts]) == {}


def test_a_text_that_swallowed_the_rest_of_a_file_is_told():
    rows = splits()
    rows["train"][9]["text"] = "\n".join(row["text"] for row in clean_rows(200, seed=9))
    pooled = pool(rows)
    finding = found(pooled, [very_long_texts])["very_long_texts"]
    assert places(finding) == where(pooled, "train", [9])
    assert "data.quoting" in finding.remedy


def test_texts_of_more_tokens_than_are_read():
    rows = splits()
    for row in rows["train"][:6]:
        row["text"] = " ".join(["word"] * 198) + row["text"][:3]

    finding = found(pool(rows), [cut_texts])["cut_texts"]
    assert finding.count == 6
    assert finding.severity == "note"
    assert "cut at max_length = 128 tokens" in finding.title
    assert finding.table[0]["tokens"] == 200
    assert "max_length = 200 reads 99%" in finding.remedy and "windows" in finding.remedy
    short = pool(rows)
    short.checked.__dict__["most_tokens"] = 199
    assert found(short, [cut_texts])["cut_texts"].remedy.startswith("long_texts")
    windows = pool(rows, model={"long_texts": "windows"})
    assert found(windows, [cut_texts]) == {}
    dropped = found(pool(rows, too_long="drop"), [cut_texts])["cut_texts"]
    assert "those of train are left out" in dropped.title


def test_either_text_of_a_pair_may_be_empty():
    rows = [dict(row, other="some words of it") for row in clean_rows(20)]
    rows[3]["other"], rows[4]["text"] = " ", "\u200b"
    pooled = pool({"train": rows}, text=["text", "other"])
    assert places(found(pooled, [empty_texts])["empty_texts"]) == where(pooled, "train", [3, 4])
