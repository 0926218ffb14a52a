"""Texts are read right in whatever encoding people's programs have written them."""

import gzip
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.config import DataConfig
from mtc_keras.data.formats.encodings import LATIN, OTHER_SCRIPTS, encoding_of
from mtc_keras.data.formats.faults import PassedOver
from mtc_keras.data.formats.files import read_stream
from mtc_keras.data.formats.layout import Layout
from mtc_keras.data.formats.utf8 import SAMPLE
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import ConfigError
from tests.data.layouts import predicted, problems, read, training, write
from tests.fuzzing import tries

FRENCH = ["Très bon café à midi", "Déçu par la qualité", "Où est l’hôtel ? Ça va, peut-être"]
GERMAN = ["Das Frühstück war köstlich", "Die Straße war laut", "Übernachtung „schön“ – gern wieder"]
POLISH = ["Zażółć gęślą jaźń", "Obsługa była świetna i miła", "Jedzenie było okropne, niestety źle"]
CZECH = ["Příliš žluťoučký kůň", "Jídlo bylo hrozné a číšník nepříjemný", "Děkuji, přijdeme znovu"]
SPANISH = ["¿Dónde está el baño?", "Mañana será otro día", "La señora pidió más café"]
RUSSIAN = ["Очень хороший ресторан", "Плохое обслуживание и грязь", "Придём ещё раз, спасибо"]
JAPANESE = [
    "とても良いレストランでした",
    "サービスが悪かったです",
    "また来たいと思います。ありがとう",
]
CHINESE = ["这家餐厅非常好，服务员很热情", "服务很差，再也不来了", "菜的味道不错，就是有点贵"]
KOREAN = ["아주 좋은 식당이었습니다", "서비스가 나빴습니다", "다시 오고 싶어요 감사합니다"]
GREEK = ["Πολύ καλό εστιατόριο", "Κακή εξυπηρέτηση και θόρυβος", "Θα ξαναέρθουμε σύντομα"]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(texts: list[str], line_end: str = "\n") -> str:
    rows = ["label,text", "plain,All of this is ASCII", *(f'a,"{text}"' for text in texts)]
    return line_end.join(rows) + line_end


@pytest.mark.parametrize(
    ("texts", "encoding"),
    [
        (FRENCH, "cp1252"),
        (FRENCH, "mac-roman"),
        (GERMAN, "cp1252"),
        (SPANISH, "cp1252"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859-2"),
        (CZECH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (KOREAN, "cp949"),
        (GREEK, "cp1253"),
    ],
)
def test_the_letters_of_a_file_show_its_encoding_which_is_told(texts, encoding):
    texts = [text.encode(encoding, "ignore").decode(encoding) for text in texts]
    write("x.csv", table(texts).encode(encoding))
    columns, notes = read("x.csv")
    assert columns["text"][1:] == texts
    assert notes == [
        f"x.csv: is read as {encoding}, first non-ASCII line 3; set data.encoding if that is wrong"
    ]
    assert predicted("x.csv") == (columns["text"], [], notes)


@pytest.mark.parametrize(
    ("texts", "encoding"),
    [
        (
            ["バスが一時間遅れました", "職員がとても親切でした", "バスが来ない", "職員が失礼"],
            "cp932",
        ),
        (
            ["バスが一時間遅れました", "職員がとても親切でした", "バスが来ない", "職員が失礼"],
            "euc_jp",
        ),
        (["האוטובוס איחר שוב", "צוות נחמד מאוד", "המחיר גבוה מדי", "אין מענה בטלפון"], "cp1255"),
        (["автобус опоздал на час", "персонал очень вежливый", "слишком дорого"], "cp1251"),
        (["АВТОБУС ОПОЗДАЛ НА ЧАС", "ПЕРСОНАЛ ОЧЕНЬ ВЕЖЛИВЫЙ", "СЛИШКОМ ДОРОГО"], "koi8_r"),
        (["το λεωφορειο αργησε", "ευγενικο προσωπικο", "πολυ ακριβο", "δεν απαντα"], "cp1253"),
        (["公交车又迟到了", "工作人员非常亲切", "费用太高了"], "gb18030"),
        (["公車今天又遲到了", "職員非常親切", "費用太高了"], "big5"),
        (["버스가 또 늦었어요", "직원이 아주 친절해요", "요금이 너무 비싸요"], "cp949"),
    ],
)
def test_a_few_short_texts_show_their_script(texts, encoding):
    write("x.csv", ("text,label\n" + "".join(f"{text},a\n" for text in texts)).encode(encoding))
    columns, _ = read("x.csv")
    assert columns["text"] == texts


@pytest.mark.parametrize(
    "text",
    ["I had a café au lait", "It’s a “good” thing", "£20 a night", "at 5° C", "a résumé – well"],
)
def test_a_single_letter_or_sign_is_western(text):
    write("x.csv", f"text,label\nplain words,a\n{text},b\n".encode("cp1252"))
    columns, notes = read("x.csv")
    assert columns["text"][1] == text
    assert "is read as cp1252, first non-ASCII line 3" in notes[0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("texts", [FRENCH, JAPANESE])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_mark_at_the_beginning_says_the_encoding(encoding, texts, line_end):
    write("x.csv", table(texts, line_end).encode(encoding))
    columns, notes = read("x.csv")
    assert columns["text"][1:] == texts
    assert notes == []


def test_utf_16_is_told_without_a_mark_too():
    for encoding in ("utf-16-le", "utf-16-be"):
        write("x.csv", table(FRENCH).encode(encoding))
        columns, notes = read("x.csv")
        assert columns["text"][1:] == FRENCH
        assert notes == [f"x.csv: is read as {encoding}; set data.encoding if that is wrong"]
        config = {"encoding": encoding}
        write("x.csv", ("\ufeff" + table(FRENCH)).encode(encoding))
        assert read("x.csv", **config)[0]["text"][1:] == FRENCH


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("name", ["x.tsv", "x.jsonl", "x.json"])
def test_every_format_of_text_is_read_in_its_encoding(name, pack):
    rows = [{"text": text, "label": "a"} for text in FRENCH]
    content = {
        "x.tsv": "text\tlabel\n" + "".join(f"{text}\ta\n" for text in FRENCH),
        "x.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
        "x.json": json.dumps(rows, ensure_ascii=False),
    }[name]
    name += ".gz" if pack is gzip.compress else ""
    write(name, pack(content.encode("cp1252")))
    columns, [note] = read(name)
    assert columns["text"] == FRENCH
    assert note.startswith(f"{name}: is read as cp1252")


def test_one_broken_line_of_utf_8_is_refused_with_what_reads_it():
    content = b"".join(f'"{text}",a\n'.encode() for text in FRENCH)
    write("x.csv", b"text,label\n" + content + "Déjà vu,b\n".encode("cp1252"))
    [problem] = problems("x.csv", validation=1)
    assert problem == (
        "data.train: x.csv:5: byte 0xe9 is not UTF-8, though 3 other lines with such letters are; "
        'mend the line, or set data.encoding = ["utf-8", "cp1252"] to read each line by the first '
        "that can"
    )
    texts, bad, _ = predicted("x.csv")
    assert (texts, bad) == (FRENCH, [(5, "byte 0xe9 is not UTF-8")])
    columns, notes = read("x.csv", encoding=["utf-8", "cp1252"])
    assert columns["text"] == [*FRENCH, "Déjà vu"]
    assert notes == ["x.csv: 1 line as cp1252, first line 5"]


def test_a_broken_line_far_behind_is_refused_by_its_place():
    line = "Très bon,a\n".encode()
    many = SAMPLE // len(line) + 10_000
    write("x.csv", b"text,label\n" + line * many + b"\xe9t\xe9,b\n")
    [problem] = problems("x.csv")
    assert problem.startswith(
        f"data.train: x.csv:{many + 2}: byte 0xe9 is not UTF-8, though {many:,} "
    )


def test_the_first_letter_may_stand_far_behind():
    many = 40_000
    write("x.csv", b"text,label\n" + b"plain,a\n" * many + "été,b\nÀ bientôt,b\n".encode("cp1252"))
    columns, [note] = read("x.csv")
    assert columns["text"][-2:] == ["été", "À bientôt"]
    assert f"first non-ASCII line {many + 2};" in note


def test_bytes_of_no_encoding_are_refused():
    write("x.csv", b"text,label\n" + b"x\xff\xfe,a\n")
    [problem] = problems("x.csv")
    assert problem == (
        "data.train: x.csv:2: byte 0xff is not UTF-8, and its encoding cannot be told; save it as "
        "UTF-8, or set data.encoding"
    )


def test_the_key_decides_and_names_the_byte_that_it_cannot_read():
    write("x.csv", table(RUSSIAN).encode("cp866"))
    assert read("x.csv", encoding="cp866") == ({**read("x.csv", encoding="IBM866")[0]}, [])
    assert read("x.csv", encoding="cp866")[0]["text"][1:] == RUSSIAN
    write("x.csv", b"text,label\nfine,a\n\xe9t\xe9,a\nbad \x81,b\n")
    [problem] = problems("x.csv", encoding="cp1252")
    assert problem == ("data.train: x.csv:4: byte 0x81 is not cp1252, which data.encoding says")
    texts, bad, _ = predicted("x.csv", encoding="cp1252")
    assert (texts, bad) == (["fine", "été"], [(4, "byte 0x81 is not cp1252")])
    write("x.csv", "text,label\nfine,a\n".encode("utf-16") + b"\x00")
    assert ":3: byte 0x00 is not utf-16" in problems("x.csv")[0]


def test_utf_16_whose_order_of_bytes_is_open_is_refused_with_what_says_it():
    write("x.csv", table(FRENCH).encode("utf-16-be"))
    [problem] = problems("x.csv", encoding="utf-16")
    assert "set data.encoding, such as to utf-16-le" in problem


def test_letters_that_the_guess_cannot_read_are_named():
    line = "Déjà vu à Paris,a\n".encode("cp1252")
    many = SAMPLE // len(line) + 10_000
    write("x.csv", b"text,label\n" + line * many + b"bad \x81,b\n")
    [problem] = problems("x.csv")
    assert problem == (
        f"data.train: x.csv:{many + 2}: byte 0x81 is not cp1252, as which it is read by its first "
        "letters; set data.encoding if that is wrong"
    )


def test_a_key_that_the_file_contradicts_is_told():
    write("x.csv", table(FRENCH).encode("utf-8-sig"))
    columns, notes = read("x.csv", encoding="latin-1")
    assert columns["text"][1:] == FRENCH
    assert notes == ["x.csv: begins with the mark of utf-8 and is read so, not as iso8859-1"]
    write("x.csv", table(FRENCH))
    assert read("x.csv", encoding="latin-1")[1] == [
        "x.csv: is read as iso8859-1 by data.encoding, though its letters are UTF-8"
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_marks_of_files_put_together_are_left_out_and_told(encoding):
    content = "text,label\nété,a\n\ufeffnoël,b\nin the \ufeff middle,b\n\ufefflast,a\n"
    write("x.csv", content.encode(encoding))
    columns, notes = read("x.csv")
    assert columns["text"] == ["été", "noël", "in the \ufeff middle", "last"]
    assert notes == ["x.csv: 2 lines begin with a mark of encoding, as in files put together"]


def test_what_is_told_reaches_the_notes_of_a_training_once():
    write("x.csv", "text,label\né,a\nà,a\nè,b\n".encode("cp1252"))
    notes = read_splits(training("x.csv")).notes
    assert sum("is read as cp1252" in note for note in notes) == 1


@pytest.mark.parametrize("encoding", [None, "cp1252"])
def test_standard_input_is_utf_8_or_what_the_key_says(encoding):
    content = '{"text": "été"}\n'.encode(encoding or "utf-8-sig")
    broken = PassedOver("-")
    layout = Layout.of(DataConfig(encoding=encoding))
    [block] = read_stream(io.BytesIO(content), "-", 10, broken, layout)
    assert block.columns["text"] == ["été"]


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("utf8x", "no encoding is called 'utf8x'. Did you mean 'utf8'?"),
        ("cp-1252", "no encoding is called 'cp-1252'. Did you mean 'cp1252'?"),
        ("rot13", "no encoding is called 'rot13'."),
        ("base64", "no encoding is called 'base64'."),
        ("", "no encoding is called ''."),
        ("a\0b", "no encoding is called"),
        (["utf-8", "utf-16"], "'utf-16' cannot be the encoding of single lines"),
        ([], "names no encoding"),
    ],
)
def test_a_wrong_encoding_in_the_config_is_named(encoding, message):
    with pytest.raises(ConfigError) as error:
        training("x.csv", encoding=encoding)
    assert message in str(error.value)


NO_LETTER = re.compile(r"[\x00-\x1f\x7f-\x9f\",\ufeff\ud800-\udfff]")
all_encodings = [*(name for name, _ in LATIN), *OTHER_SCRIPTS, "utf-8", "utf-16-le"]


@tries(60)
@given(data=st.data(), encoding=st.sampled_from(all_encodings), size=st.sampled_from([0, 70_000]))
def test_fuzz_a_key_reads_what_its_encoding_has_written(data, encoding, size):
    bytes_ = st.binary(min_size=4, max_size=20)
    drawn = data.draw(st.lists(bytes_, min_size=1, max_size=9))
    texts = [NO_LETTER.sub("", line.decode(encoding, "ignore")) + "é" for line in drawn]
    texts = [t.encode(encoding, "ignore").decode(encoding) for t in ["x" * size, *texts]]
    rows = "".join(f'"{text}",a\n' for text in texts)
    write("x.csv", f"text,label\n{rows}".encode(encoding))
    columns, _ = read("x.csv", encoding=encoding)
    assert columns["text"] == texts


@tries(60)
@given(sample=st.binary(max_size=60))
def test_fuzz_an_encoding_that_is_told_can_read_the_sample(sample):
    found = encoding_of(sample)
    others = [line for line in sample.split(b"\n") if not line.isascii()]
    if found not in (None, "utf-8"):
        b"\n".join(others).decode(found, "replace")
