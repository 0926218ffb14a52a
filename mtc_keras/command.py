"""What the programs share at the command line: exit codes and messages."""

import argparse
import errno
import os
import sys
from collections.abc import Callable

from mtc_keras.errors import Stopped, UserError

USER_ERROR = 2
INTERRUPTED = 130
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def set_up(seed: int) -> None:
    """Imports Keras and its kin, which takes seconds, and prepares the process.

    TensorFlow only feeds the data: what its C++ code prints of devices and instructions,
    before any log level is read, concerns nobody and is hidden.

    Args:
        seed: int. Seeds Python, NumPy and Keras.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    shown, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        from mtc_keras import runtime

        runtime.setup(seed)
        import keras_hub  # noqa: F401
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(nowhere)


def run_program(program: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> int:
    """Runs a program and returns its exit code.

    A mistake of the user's, or a full disk, ends with one message on stderr and 2, as argparse
    does; Ctrl-C with 130, SIGTERM with 143. Anything else is a defect and keeps its traceback.
    """
    try:
        program(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return stopped.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(f"error: the disk is full: {error}", file=sys.stderr)
        return USER_ERROR
    return 0
