"""What the programs share at the command line: exit codes and messages."""

import argparse
import os
import sys
from collections.abc import Callable

from mtc_keras.errors import UserError

USER_ERROR = 2
INTERRUPTED = 130


def run_program(program: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> int:
    """Runs a program and returns its exit code.

    A mistake of the user's ends with one message on stderr and 2, as argparse does;
    Ctrl-C with 130. Anything else is a defect and keeps its traceback.
    """
    # TensorFlow only feeds the data; what it says of devices concerns nobody.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        program(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
