"""What a machine is: its processor, cores, memory and system."""

import os
import platform
from pathlib import Path
from typing import Any

from mtc_keras.devices.memory import total_memory


def processor() -> tuple[str, set[str]]:
    """Returns the processor's name, and its flags where Linux tells them."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    information = Path("/proc/cpuinfo")
    if information.exists():
        fields = [line.split(":", 1) for line in information.read_text("utf-8").splitlines()]
        known = {field[0].strip(): field[1].strip() for field in fields if len(field) == 2}
        name, flags = known.get("model name", name), set(known.get("flags", "").split())
    return name, flags


def cores() -> int | None:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def machine() -> dict[str, Any]:
    """Returns `processor`, `cores`, `memory` in bytes and `system`; no name of the machine."""
    return {
        "processor": processor()[0],
        "cores": cores(),
        "memory": total_memory(),
        "system": f"{platform.system()} {platform.machine()}",
    }
