"""What should perhaps not be in a file of texts: addresses, numbers of people, and secrets."""

import re
from collections.abc import Iterator

from mtc_keras.check.problems.pooled import Finding, Pooled

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[A-Za-z]{2,24}(?!\w)")
# International ones, and national ones that are written as such: in groups.
PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}"
    r"|0\d(?:[ .-]\d{2}){4}|\(?\d{3}\)?[ .-]\d{3}[.-]\d{4})(?![\w-])"
)
SECRET = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|(?<!\w)(?:AKIA[0-9A-Z]{16}|"
    r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|"
    r"sk-(?:[a-z]+-)?[A-Za-z0-9_-]{20,}|"
    r"hf_[A-Za-z0-9]{30,}|AIza[\w-]{35}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"
)
CARD = re.compile(r"(?<!\d)(?:\d{4}[ -]){3}\d{1,7}(?!\d)|(?<!\d)\d{13,19}(?!\d)")
IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")


def private_texts(pooled: Pooled) -> Iterator[Finding]:
    """Counts texts that hold an e-mail address, a telephone or account number, or a secret."""
    found: dict[str, list[int]] = {name: [] for name in WHAT}
    for row, text in enumerate(pooled.texts):
        for name in kinds_of_private(text):
            found[name].append(row)
    for name, rows in found.items():
        if rows:
            yield Finding(
                name,
                "note",
                f"{pooled.counted(rows, 'text', len(pooled))} with what seems to be {WHAT[name]}",
                len(rows),
                "a report shows texts, and a model may learn them: mask them, or leave the texts "
                "out with --no-texts",
                places=pooled.places(rows),
                table=pooled.table_of_places(rows),
            )


WHAT = {
    "emails": "an e-mail address",
    "phone_numbers": "a telephone number",
    "account_numbers": "the number of a card or of a bank account",
    "secrets": "a secret: a key or a token of an interface",
}


def kinds_of_private(text: str) -> Iterator[str]:
    """Yields which sorts of private data a text seems to hold."""
    if "@" in text and EMAIL.search(text):
        yield "emails"
    if SECRET.search(text):
        yield "secrets"
    if not any(map(str.isdigit, text)):
        return
    accounts = [match[0] for match in CARD.finditer(text) if _is_card(match[0])]
    accounts += [match[0] for match in IBAN.finditer(text) if _is_iban(match[0])]
    if accounts:
        yield "account_numbers"
    for account in accounts:
        text = text.replace(account, " ")
    if PHONE.search(text):
        yield "phone_numbers"


def _is_card(number: str) -> bool:
    """Whether the digits have the check digit of Luhn (ISO/IEC 7812)."""
    digits = [int(digit) for digit in number if digit.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(number: str) -> bool:
    """Whether a number has the check digits of ISO 13616: as a number it is 1 modulo 97."""
    plain = number.replace(" ", "")
    digits = "".join(str(int(c, 36)) for c in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(digits) % 97 == 1
