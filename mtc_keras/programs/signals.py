"""What Ctrl-C and SIGTERM do.

While a model trains the first asks it to stop, the second stops it; elsewhere SIGTERM can be
made to tidy up as Ctrl-C does.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from mtc_keras.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While it is entered, the first signal is only noted; what comes then is as ever.

    Attributes:
        received: the signal, or `None`.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            if _may_be_handled(number):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _note(self, number: int, frame: Any) -> None:
        self.received = signal.Signals(number)
        self._restore()
        # Not `print`: the signal may have come in the middle of one.
        message = (
            f"\n{self.received.name}: stopping after this step; a second signal stops at once\n"
        )
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, message.encode())

    def _restore(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    def stop_if_asked(self, message: str) -> None:
        """Stops the training if a signal has been received.

        Raises:
            Stopped: with the message.
        """
        if self.received is not None:
            raise Stopped(self.received, message)


@contextmanager
def tidied_at_sigterm(message: str) -> Iterator[None]:
    """While it is entered, SIGTERM raises `Stopped` with a message, as Ctrl-C raises.

    So what is unfinished is removed, and processes that were started are ended. Without it
    Python ends at once.
    """

    def stop(number: int, frame: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # another one would cut the tidying short
        raise Stopped(signal.SIGTERM, message)

    if not _may_be_handled(signal.SIGTERM):
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _may_be_handled(number: signal.Signals) -> bool:
    """Whether a handler may be set: in the main thread, and if the signal is not ignored.

    It is under `nohup`; a handler that is `None` is one of C, which Python cannot set again.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and signal.getsignal(number) not in (signal.SIG_IGN, None)
