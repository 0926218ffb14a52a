"""Whether a file or folder can be written at a place, found out before any work is done.

What is written gets its name by renaming. So more than a permission counts: the name must leave
room for the longer ones that are in use until then, and nothing may be mounted at it. Whatever else
a file system may say against a name is found out by trying.
"""

import errno
import os
import secrets
from pathlib import Path

from mtc_keras.errors import ConfigError

PART = ".part"
ROOM = 40  # bytes that names in use until then have more, such as `.NAME.PID.XXXXXXXX.part`
MOUNTS = Path("/proc/self/mountinfo")


def resolved(path: str | Path, where: str) -> Path:
    """Returns the path itself: absolute, `~` expanded, links followed.

    Args:
        path: the path.
        where: the option that names it, and its value, for the message.

    Raises:
        ConfigError: if no file can have that path, or it begins with the home of an unknown user.
    """
    text = os.fspath(path)
    _check_nul(text, where)
    expanded = os.path.expanduser(text)
    if text.startswith("~"):
        _check_home(text, expanded, where)
    real = Path(os.path.realpath(expanded))
    if any(map(os.path.islink, (real, *real.parents))):  # all others have been followed
        raise ConfigError(f"{where} is a link that leads to itself; choose another")
    return real


def check_writable(path: str | Path) -> None:
    """Checks, before any work is done, that a file can be written whole.

    Raises:
        ConfigError: if there is a directory or a device, its own directory does not exist, or
            may not be written to, or its name is too long.
    """
    path = Path(path)
    check_file(path)
    _try(path.parent, path.name, f"cannot write {str(path)!r}")


def check_file(path: Path) -> None:
    """Checks of `check_writable` what can be seen without trying.

    Raises:
        ConfigError: if the file cannot be written.
    """
    where = f"cannot write {str(path)!r}"
    _check_nul(str(path), where)
    if os.path.isdir(path):
        raise ConfigError(f"{where}: it is a directory")
    # Such as /dev/null, in whose place a file would be put.
    if os.path.lexists(path) and (not os.path.isfile(path) or is_mount_point(path)):
        raise ConfigError(f"{where}: it is no ordinary file, and cannot be replaced by one")
    if not os.path.isdir(path.parent):
        raise ConfigError(f"{where}: {str(path.parent)!r} does not exist")
    # The directory's permission counts, not the file's, which is replaced.
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{where}: {str(path.parent)!r} may not be written to")


def check_folder(path: Path, where: str, *, renamed: bool = True) -> None:
    """Checks, before any work is done, that a folder can be written.

    Args:
        path: the folder.
        where: the option that names it, and its value, for the message.
        renamed: bool. Whether it is written whole under another name, and then gets its own;
            else what is there stays, and files are written into it.

    Raises:
        ConfigError: if it is a file, or cannot be made; if it is to be renamed, and something is
            mounted there.
    """
    _check_nul(str(path), where)
    if os.path.lexists(path) and not os.path.isdir(path):
        kind = "a link that leads nowhere" if os.path.islink(path) else "a file"
        raise ConfigError(f"{where} is {kind}; choose another folder")
    if renamed and is_mount_point(path):
        raise ConfigError(
            f"{where} is a mount point, which no folder can take the place of; choose one in it, "
            f"such as {str(path / 'x')!r}"
        )
    if os.path.isdir(path) and not renamed:
        parent, missing, what = path, "", f"{where} cannot be written to"
    else:
        parent = next(p for p in path.parents if os.path.lexists(p))
        missing = max(path.relative_to(parent).parts, key=lambda part: len(os.fsencode(part)))
        what = f"{where} cannot be made in {str(parent)!r}"
    if not os.path.isdir(parent) or not os.access(parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{what}; choose another folder")
    _try(parent, missing, what)


def is_mount_point(path: Path) -> bool:
    """Whether something is mounted at a path, which can be neither renamed nor replaced then."""
    if os.path.ismount(path):
        return True
    try:
        mounts = MOUNTS.read_bytes().splitlines()
    except OSError:  # another system than Linux
        return False
    # `ismount` does not see what is mounted from the same device. Spaces are escaped in this list.
    escaped = os.fsencode(path).replace(b"\\", b"\\134")
    for character in b" \t\n":
        escaped = escaped.replace(bytes([character]), b"\\%03o" % character)
    return any(mount.split(b" ")[4] == escaped for mount in mounts)


def _check_nul(text: str, where: str) -> None:
    if "\0" in text:
        raise ConfigError(f"{where}: a path cannot hold the character NUL")


def _check_home(text: str, expanded: str, where: str) -> None:
    user = text.replace(os.sep, "/").partition("/")[0]
    hint = f"; a folder of that name is written './{user}'"
    if expanded == text:
        raise ConfigError(f"{where}: there is no user {user[1:]!r}{hint}")
    home = os.path.expanduser(user)
    if not os.path.isdir(home):
        raise ConfigError(f"{where}: {home!r}, the home of that user, does not exist{hint}")


def _try(parent: Path, name: str, what: str) -> None:
    """Makes a folder in a directory, with as long a name as will be needed, and removes it."""
    start, end = f".{name}.{os.getpid()}.", PART
    digits = max(8, len(os.fsencode(name)) + ROOM - len(os.fsencode(start + end)))
    trial = parent / f"{start}{secrets.token_hex(digits)[:digits]}{end}"
    try:
        trial.mkdir()
    except OSError as error:
        hint = "; choose a shorter name" if error.errno == errno.ENAMETOOLONG else ""
        raise ConfigError(f"{what}: {error.strerror}{hint}") from None
    trial.rmdir()
