"""Time and memory of a process; needs nothing but Python, as the peer's environment has no more."""

import ctypes
import platform
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


def resident() -> int:
    """Returns the bytes of memory that this process holds; 0 where the system does not say."""
    return _status().get("VmRSS", 0)


def resident_peak() -> int:
    """Returns the most bytes of memory that this process has held."""
    # Linux's ru_maxrss of a new process begins at that of the one that started it.
    if "VmHWM" in (status := _status()):
        return status["VmHWM"]
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Allocated(ctypes.Structure):
    """What glibc's `mallinfo2` returns."""

    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS.split()]


def allocated() -> int:
    """Returns the bytes that are in use of what glibc's malloc has handed out; 0 without it.

    What the process holds beyond these are libraries, and memory that was freed and is kept.
    """
    glibc = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
    mallinfo = getattr(glibc, "mallinfo2", None)  # from 2.33 on
    if mallinfo is None:
        return 0
    mallinfo.restype = _Allocated
    found = mallinfo()
    return found.uordblks + found.hblkhd


def _status() -> dict[str, int]:
    """Returns what Linux says of this process in bytes, by its names; elsewhere nothing."""
    file = Path("/proc/self/status")
    lines = file.read_text("ascii").splitlines() if file.exists() else []
    return {
        name: int(value.split()[0]) * 1024
        for name, value in (line.split(":", 1) for line in lines)
        if value.endswith(" kB")
    }
