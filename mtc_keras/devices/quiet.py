"""What C++ code says to stderr of no use to anybody is kept from the screen, and nothing else."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

# As TensorFlow, XLA and Abseil log: `E0000 00:00:1700000000.0 1 cuda_platform.cc:52] …`, or with a
# date, and a few lines that belong to them.
OF_CPP = re.compile(
    rb"[IWE]\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] "
    rb"|WARNING: All log messages before absl::|To enable the following instructions: "
)
# Whether the process is a program's own, which shows nothing at all of such code.
owned: ContextVar[bool] = ContextVar("owned", default=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps the log lines of C++ code off stderr while it is entered.

    TensorFlow only feeds the data: what it says of devices and instructions while it is
    imported, before any log level is read, concerns nobody. Whatever else was written
    meanwhile is written at the end, unless the process is a program's own.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        shown = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(shown, 2)
            os.close(shown)
            kept.seek(0)
            rest = b"" if owned.get() else b"".join(line for line in kept if not OF_CPP.match(line))
            while rest:
                rest = rest[os.write(2, rest) :]


def importing_quietly() -> AbstractContextManager[None]:
    """Returns `quietly()` for what imports Keras and its kin.

    Where a caller's process has imported them, stderr is left alone: they have had their say.
    """
    is_over = not {"keras_hub", "tensorflow"}.isdisjoint(sys.modules)
    return nullcontext() if is_over and not owned.get() else quietly()
