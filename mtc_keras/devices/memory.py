"""The memory of this machine, and what this process does with what it frees of it."""

import ctypes
import os
import platform

# Parameters of glibc's mallopt, from malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> None:
    """Makes the process keep freed memory for its next allocations.

    glibc maps large arrays again each time, and the kernel fills each new page with zeros: a
    training step on a CPU that frees and allocates hundreds of megabytes spends a quarter of its
    time there (docs/performance.md). Call it before TensorFlow and JAX start their threads, which
    would otherwise get arenas of their own that cannot grow as large. Does nothing without glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_ARENA_MAX, 1)
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def total_memory() -> int | None:
    """Returns the bytes of memory that this machine has; `None` where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no such function
        return None
