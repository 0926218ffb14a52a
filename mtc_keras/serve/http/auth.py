"""Who may ask: bearer tokens, read from a file and compared in constant time, and known hosts."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path

from mtc_keras.errors import ConfigError

SHORTEST = 16  # characters; a shorter one can be guessed


class Tokens:
    """The tokens of those who may ask.

    Args:
        tokens: the tokens; none, and everybody may.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        # Digests are of one length, so that the time of a comparison tells nothing of a token's.
        self._digests = [_digest(token) for token in tokens]

    def allow(self, authorization: str | None) -> bool:
        """Whether a request may be answered.

        Args:
            authorization: its `Authorization` header, `Bearer TOKEN`.
        """
        if not self._digests:
            return True
        scheme, _, token = (authorization or "").partition(" ")
        given = _digest(token.strip())
        is_known = False
        for digest in self._digests:  # all of them, whichever it is
            is_known |= hmac.compare_digest(digest, given)
        return is_known and scheme.lower() == "bearer"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Hosts:
    """The names that a server goes by, where it answers its own machine alone.

    A page of another site can have its name lead to 127.0.0.1, and read then what it asks there
    ("DNS rebinding"); but its requests still tell that name.

    Args:
        names: names beside `localhost`, such as that of a proxy; `None`, and any will do.
    """

    def __init__(self, names: Sequence[str] | None) -> None:
        self._names = None if names is None else {"localhost", *map(str.lower, names)}

    def allow(self, host: str | None) -> bool:
        """Whether a request may be answered.

        Args:
            host: its `Host` header, which browsers always send.
        """
        if self._names is None or host is None:
            return True
        name = re.sub(r":\d*$", "", host).lower()
        if name in self._names or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True  # an address leads nowhere else


def read_tokens(path: str | Path) -> list[str]:
    """Returns the tokens of a file, one per line; empty lines and comments with `#` are none.

    Raises:
        ConfigError: if it cannot be read, has no token, or one that is too short or could not
            stand in a header. No message holds a token.
    """
    name = f"--token-file {str(path)!r}"
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8") from None
    tokens = []
    for number, line in enumerate(lines, start=1):
        token = line.strip()
        if not token or token.startswith("#"):
            continue
        if len(token) < SHORTEST or not (token.isascii() and token.isprintable()) or " " in token:
            raise ConfigError(
                f"{name}, line {number}: a token has at least {SHORTEST} characters of ASCII and "
                "no blanks, such as `openssl rand -hex 32` prints"
            )
        tokens.append(token)
    if not tokens:
        raise ConfigError(f"{name} has no token: write one per line, or leave out the option")
    return tokens
