"""Ctrl-C and SIGTERM while a model trains: the first asks it to stop, the second stops it."""

import os
import signal
import sys
import threading
from typing import Any, Self

from mtc_keras.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While it is entered, the first signal is only noted; what comes then is as ever.

    Handlers are set in the main thread alone, and not for signals that the process ignores,
    as under `nohup`.

    Attributes:
        received: the signal, or `None`.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _note(self, number: int, frame: Any) -> None:
        self.received = signal.Signals(number)
        self._restore()
        # Not `print`: the signal may have come in the middle of one.
        message = f"\n{self.received.name}: stopping after this step; once more stops at once\n"
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
