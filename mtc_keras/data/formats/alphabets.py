"""What letters and signs beyond ASCII mean in a language, to tell 8-bit encodings apart.

Nearly any bytes are letters in each of them: `é` of one is `Ž` of another. But each is used for
few languages, and a text is in one.
"""

import re
from collections import Counter

WESTERN = (
    "àâæçèéêëîïôœùûü",  # French
    "áéíñóúüïçºª",  # Spanish, Catalan
    "áâãàçéêíóôõúüºª",  # Portuguese
    "àèéìíòóùú",  # Italian
    "äöüßéàè",  # German
    "åäöæøéèüóðþáíúýô",  # of the north
    "éëïöüáóíèêçä",  # Dutch
    "éèêëçñïîöüäûôàáó",  # words that English has from all over
)
CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýžľĺŕôä",  # Czech, Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţșț",  # Romanian
    "čćđšžëç",  # Croatian, Slovene, Albanian
)
TURKISH = ("çğıöşüâîûi̇",)

_SIGNS = frozenset("‘’“”„‚«»‹›–—…•€£¥§¢°ºª·©®™´¨¡¿½¼¾±×÷²³µ†‡\xa0\xad")
_APOSTROPHES = "’´‘"
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def plausibility(text: str, alphabets: tuple[str, ...]) -> float:
    """Returns the share of what is beyond ASCII in a text that is as a language has it, in [0, 1].

    A letter is if one alphabet holds it and most of the others, if it stands between letters of
    ASCII and is no capital within a word; a sign is if it stands between no letters.

    Args:
        text: holds something beyond ASCII.
        alphabets: lower-case letters beyond ASCII of each language.
    """
    letters: Counter[str] = Counter()
    total = signs = 0
    for match in _BEYOND_ASCII.finditer(text):
        total += 1
        at, character = match.start(), match[0]
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if character.isalpha() and character not in _SIGNS:
            is_among_others = _is_other_letter(before) and _is_other_letter(after)
            if not is_among_others and not (character.isupper() and before.islower()):
                letters[character.lower()] += 1
        elif character in _SIGNS:
            is_within = before.isalpha() and after.isalpha()
            signs += not is_within or character in _APOSTROPHES
    known = max(sum(letters[letter] for letter in alphabet) for alphabet in alphabets)
    return (signs + known) / total


def _is_other_letter(character: str) -> bool:
    return character.isalpha() and not character.isascii()
