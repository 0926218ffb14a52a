"""What the programs share at the command line: their process, exit codes and messages."""

import argparse
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable

from mtc_keras.devices.startup import owned_process
from mtc_keras.errors import Stopped, UserError, legible

USER_ERROR = 2
INTERRUPTED = 130
RunArguments = Callable[[argparse.Namespace], int | None]
# What the machine refuses, and no code of ours can help.
REFUSED = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "the disk is full"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "not permitted"),
    **dict.fromkeys((errno.ENAMETOOLONG, errno.ELOOP), "no such path"),
}


def run_program(program: RunArguments, args: argparse.Namespace) -> int:
    """Runs a program in a process of its own and returns its exit code.

    That is what the program returned, or 0 for `None`. A mistake of the user's, a full disk or
    one that may not be written to ends with one message on stderr and 2, as argparse does; Ctrl-C
    with 130, SIGTERM with 143.
    Anything else is a defect and keeps its traceback. Where several processes train, one that
    fails leaves at once.
    """
    prepare_streams()
    try:
        with owned_process():
            code = _exit_code(program, args)
    except Exception:
        if not _is_one_of_several():
            raise
        traceback.print_exc()
        code = 1
    if code and _is_one_of_several():
        sys.modules["mtc_keras.devices.processes"].leave(code)
    return code


def prepare_streams() -> None:
    """Makes printing safe, whatever the locale and whichever streams the caller has closed.

    What an encoding cannot hold, as under `LC_ALL=C`, is printed as escapes.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where somebody has put another in its place
            stream.reconfigure(errors="backslashreplace")


def _open_closed_streams() -> None:
    """Has what is printed to a stream that the caller has closed, as `>&-` does, go nowhere.

    Its file descriptor is taken, too: the next file that is opened would get what is printed.
    """
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != descriptor and not _is_open(descriptor):
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
            nowhere = descriptor
        setattr(sys, name, open(nowhere, mode))  # noqa: SIM115


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _is_one_of_several() -> bool:
    processes = sys.modules.get("mtc_keras.devices.processes")  # not loaded: nothing was joined
    return processes is not None and processes.count() > 1


def _exit_code(program: RunArguments, args: argparse.Namespace) -> int:
    try:
        return program(args) or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except Stopped as stopped:
        print(legible(str(stopped)), file=sys.stderr)
        return stopped.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UnicodeEncodeError as error:
        encoding = sys.getfilesystemencoding()
        if encoding == "utf-8" or error.encoding != encoding:
            raise
        print(
            f"error: {encoding}, the encoding of the locale, cannot hold the name of a file; "
            "set LC_ALL=C.UTF-8, or PYTHONUTF8=1",
            file=sys.stderr,
        )
        return USER_ERROR
    except OSError as error:
        what = REFUSED.get(error.errno or 0)
        if what is None:
            raise
        print(legible(f"error: {what}: {error}"), file=sys.stderr)
        return USER_ERROR
