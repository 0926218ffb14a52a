"""What a machine is, as numbers of it are told: processor, vector instructions, matmul peak."""

from typing import Any

import numpy as np

from benchmarks.costs import seconds_of
from mtc_keras.devices.machine import cores, processor

# From the widest to the narrowest, as Linux names them.
LEVELS = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512f", "avx2", "avx")
SIZE, PRODUCTS = 2048, 8


def machine() -> dict[str, Any]:
    """Returns the processor's name, its levels of vector instructions, cores and matmul peak.

    The peak is the fastest of several products of float32 matrices by NumPy (BLAS), in GFLOP/s.
    """
    model, flags = processor()
    levels = [level for level in LEVELS if level in flags]
    left, right = np.random.default_rng(0).standard_normal((2, SIZE, SIZE), "float32")
    fastest = min(seconds_of(np.matmul, left, right) for _ in range(PRODUCTS))
    peak = round(2 * SIZE**3 / fastest / 1e9)
    shown = f"{model}, {cores()} cores, {', '.join(levels) or 'no AVX'}, sgemm peak {peak} GFLOP/s"
    found = {"model": model, "cores": cores(), "levels": levels, "sgemm_gflops": peak}
    return {**found, "shown": shown}
