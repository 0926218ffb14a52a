"""Time and memory of a process; needs nothing but Python, as the peer's environment has no more."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def seconds_of(action: Callable[..., Any], *arguments: Any) -> float:
    """Calls a function and returns the seconds it took."""
    started = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - started


def resident_peak() -> int:
    """Returns the most bytes of memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux's ru_maxrss of a new process begins at that of the one that started it.
        lines = dict(line.split(":", 1) for line in status.read_text("ascii").splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
