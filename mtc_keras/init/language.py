"""In which language texts are, by their letters and small words, as far as a backbone cares."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

SMALL_WORDS = {
    "English": "the and is of to in that it you for was with this not are have but",
    "French": "le la les des est et une dans que pour pas sur je vous il ce qui du au",
    "German": "der die und das ist nicht ein eine mit den auf ich sie von zu auch es",
    "Spanish": "el los las es una y que por con para del se no lo mi muy pero su",
    "Italian": "il lo gli che di una per con non è sono del della mi ma più questo",
    "Portuguese": "o os um uma que não com para por do da em é mais eu muito se foi",
    "Dutch": "de het een en van is niet dat ik op te met zijn voor maar er",
}
SCRIPTS = {
    "CYRILLIC": "Russian or another language in Cyrillic",
    "CJK": "Chinese or Japanese",
    "HIRAGANA": "Japanese",
    "HANGUL": "Korean",
    "ARABIC": "Arabic or another language in its letters",
    "HEBREW": "Hebrew",
    "DEVANAGARI": "Hindi or another language in Devanagari",
    "GREEK": "Greek",
    "THAI": "Thai",
}
ENGLISH = "English"
_WORD = re.compile(r"[^\W\d_]+")
_OF_WORD: dict[str, list[str]] = {}  # languages by small word
for _language, _small in SMALL_WORDS.items():
    for _word in _small.split():
        _OF_WORD.setdefault(_word, []).append(_language)


def language_of(texts: Iterable[str]) -> str:
    """Returns the language of most texts, `""` where it cannot be told."""
    words, letters = Counter[str](), Counter[str]()
    for text in texts:
        words.update(_WORD.findall(text.lower()))
        letters.update(unicodedata.name(letter, "").split(" ")[0] for letter in text[:200])
    total = sum(count for script, count in letters.items() if script in {"LATIN", *SCRIPTS})
    for script, language in SCRIPTS.items():
        if letters[script] > 0.3 * total > 0:
            return language
    hits = {
        language: sum(words[word] for word in small.split())
        for language, small in SMALL_WORDS.items()
    }
    best, second = sorted(hits.values(), reverse=True)[:2]
    if best < 3 or best < 1.2 * second:
        return ""
    return max(hits, key=lambda language: hits[language])


def language_of_one(text: str) -> str:
    """Returns the language of one text by its small words, `""` where they cannot tell it.

    A word that several languages have counts for each, so that none of them is told by it alone.
    """
    found = Counter(
        language for word in _WORD.findall(text.lower()) for language in _OF_WORD.get(word, ())
    )
    (best, hits), (_, second) = [*found.most_common(2), ("", 0), ("", 0)][:2]
    return best if hits >= 3 and hits >= 2 * second else ""
