"""Work that goes on in threads of its own while the caller does something else."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future


class Background:
    """Does what it is given in order, as many pieces at once as it has threads.

    A process that ends, or is interrupted, waits for the pieces under way, because it must not
    end while XLA compiles, and leaves out the others. No thread lives longer than its work.

    Args:
        threads: int. Most pieces at once.
        name: str. Of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        self.name = name
        self._free = threads
        self._waiting: deque[tuple[Future[None], Callable[[], None]]] = deque()
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], None]) -> "Future[None]":
        """Returns what tells when the work is done, and raises its error."""
        future: Future[None] = Future()
        with self._lock:
            self._waiting.append((future, work))
            starts = self._free > 0
            self._free -= starts
        if starts:
            threading.Thread(target=self._work, name=self.name, daemon=False).start()
        return future

    def _work(self) -> None:
        # The main thread of a process that ends waits for this one, and is no longer alive then.
        while threading.main_thread().is_alive():
            with self._lock:
                if not self._waiting:
                    self._free += 1
                    return
                future, work = self._waiting.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                work()
            except BaseException as error:  # it belongs to whoever asks for the result
                future.set_exception(error)
            else:
                future.set_result(None)
