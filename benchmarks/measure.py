"""What the benchmarks measure with: rates, FLOPs, the matmul peak, compile time, memory.

Imports neither TensorFlow nor mtc_keras, so that `--plain` runs where there is neither.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from benchmarks.memory import resident_peak

# The event that JAX records of each stage of a compilation; a program that is found in the
# persistent cache is traced and lowered all the same.
COMPILE_EVENTS = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)
BACKEND_COMPILE = COMPILE_EVENTS[-1]
PEAK_SIZES = {"cpu": (1024, 2048), "gpu": (4096, 8192, 16384)}
PEAK_SECONDS = 0.3


@dataclass(frozen=True)
class Work:
    """What one pass over some rows asks of a model.

    Args:
        rows: int. Texts.
        tokens: int. Real tokens, special tokens counted.
        slots: int. Places for tokens in all batches; `slots - tokens` are padding.
        forward_flops: float. `forward_flops` of the rows.
    """

    rows: int
    tokens: int
    slots: int
    forward_flops: float

    @property
    def padding_share(self) -> float:
        """Share of the slots that hold no real token."""
        return 1 - self.tokens / self.slots


@dataclass(frozen=True)
class MatmulSize:
    """The weights of a model that tokens and texts are multiplied with.

    Args:
        num_layers: int. Transformer layers.
        hidden_dim: int. Width of a token's state.
        layer_parameters: int. Matrix weights of all transformer layers together.
        head_parameters: int. Matrix weights of all heads together, used once a text.
    """

    num_layers: int
    hidden_dim: int
    layer_parameters: int
    head_parameters: int


def matmul_size(model: Any) -> MatmulSize:
    """Returns the `MatmulSize` of a `MultiTaskClassifier` on a BERT-like backbone.

    Raises:
        ValueError: if its transformer layers cannot be identified, or share their weights.
    """
    backbone = model.backbone
    layers = [
        layer
        for layer in backbone.layers
        if layer.name.rsplit("_", 1)[-1].isdigit() and "_layer_" in layer.name and _kernels(layer)
    ]
    if len(layers) != backbone.num_layers:
        raise ValueError(f"cannot count the FLOPs of a {type(backbone).__name__}")
    in_backbone = {variable.path for variable in backbone.variables}
    heads = [k for k in _kernels(model) if k.path not in in_backbone]
    return MatmulSize(
        num_layers=len(layers),
        hidden_dim=backbone.hidden_dim,
        layer_parameters=sum(_size(kernel) for layer in layers for kernel in _kernels(layer)),
        head_parameters=sum(map(_size, heads)),
    )


def _kernels(layer: Any) -> list[Any]:
    return [weight for weight in layer.weights if weight.path.endswith("/kernel")]


def _size(weight: Any) -> int:
    return int(np.prod(weight.shape))


def forward_flops(size: MatmulSize, lengths: np.ndarray) -> float:
    """Returns the floating-point operations of matrix products in one forward pass.

    `Σ_rows 2·P·n + 4·L·d·n² + 2·H`: P and H the matrix weights of layers and heads, L the
    layers, d the width and n the *real* tokens of a row, so that padding counts as loss.
    The attention products are `QKᵀ` and `softmax(…)V`, `2·d·n²` each. Training counts three
    times this, as the backward pass has two products for each of the forward pass.

    Args:
        size: the model's `MatmulSize`.
        lengths: int of shape `(N,)`, real tokens per row.
    """
    lengths = np.asarray(lengths, "float64")
    products = 2.0 * size.layer_parameters * lengths.sum()
    attention = 4.0 * size.num_layers * size.hidden_dim * np.square(lengths).sum()
    return float(products + attention + 2.0 * size.head_parameters * len(lengths))


def matmul_peak(dtype: str) -> float:
    """Returns the best measured rate of a large matrix product, in FLOP/s.

    On a CPU the better of XLA's and NumPy's (BLAS) product counts.

    Args:
        dtype: `"float32"` or `"bfloat16"`.
    """
    platform = jax.devices()[0].platform
    random = np.random.default_rng(0)
    product = jax.jit(jnp.matmul)
    best = 0.0
    for size in PEAK_SIZES.get(platform, PEAK_SIZES["gpu"]):
        left, right = random.standard_normal((2, size, size), "float32")
        a, b = jnp.asarray(left, dtype), jnp.asarray(right, dtype)
        best = max(best, _rate(lambda a=a, b=b: product(a, b).block_until_ready(), size))
        if platform == "cpu" and dtype == "float32":
            best = max(best, _rate(lambda a=left, b=right: a @ b, size))
    return best


def _rate(product: Any, size: int) -> float:
    """Returns the rate of the fastest of many products of square matrices."""
    product()
    fastest, until = float("inf"), time.perf_counter() + PEAK_SECONDS
    while time.perf_counter() < until:
        started = time.perf_counter()
        product()
        fastest = min(fastest, time.perf_counter() - started)
    return 2.0 * size**3 / fastest


class CompileClock:
    """Counts what JAX compiles from the moment it is made.

    Attributes:
        seconds: float. Time in tracing, lowering and compiling.
        programs: int. Programs compiled, or taken from the persistent cache.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.programs = 0
        jax.monitoring.register_event_duration_secs_listener(self._count)

    def _count(self, event: str, seconds: float, **_: Any) -> None:
        if event in COMPILE_EVENTS:
            self.seconds += seconds
            self.programs += event == BACKEND_COMPILE


class EpochClock(keras.callbacks.Callback):
    """Times the epoch of a `fit`, from before its first batch is read to its last update.

    Attributes:
        seconds: float. The epoch's time.
        first_step: float. `time.time()` at the end of the first step.
    """

    async_safe = True  # as the callbacks of the training program are

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 0:
            float(np.asarray(logs["loss"]))  # waits for the step
            self.first_step = time.time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        float(np.asarray(logs["loss"]))
        self.seconds = time.perf_counter() - self.started


def peak_memory() -> int:
    """Returns the most bytes held so far: of the GPU if there is one, else of this process."""
    stats = jax.devices()[0].memory_stats() or {}
    return int(stats.get("peak_bytes_in_use", 0)) or resident_peak()


class Stopwatch:
    """Times one stage after the other.

    Args:
        seconds: the dict that takes the time of each stage.
    """

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds
        self.last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Ends a stage."""
        now = time.perf_counter()
        self.seconds[stage], self.last = now - self.last, now


def spread(values: Sequence[float]) -> dict[str, float]:
    """Returns the median of several rounds, and the lowest and highest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def rates(
    work: Work, seconds: Sequence[float], peaks: Sequence[float], passes: int
) -> dict[str, Any]:
    """Returns the rates of several rounds of the same work.

    Args:
        work: what one round did.
        seconds: the time of each round.
        peaks: the matmul peak measured beside each round, in FLOP/s.
        passes: int. Forward passes' worth of FLOPs: 1 in prediction, 3 in training.
    """
    flops = [passes * work.forward_flops / s for s in seconds]
    return {
        "rows": work.rows,
        "tokens": work.tokens,
        "seconds": list(seconds),
        "examples_per_second": spread([work.rows / s for s in seconds]),
        "tokens_per_second": spread([work.tokens / s for s in seconds]),
        "padding_share": work.padding_share,
        "model_flops_per_second": spread(flops),
        "share_of_peak": spread([rate / peak for rate, peak in zip(flops, peaks, strict=True)]),
    }


def ratios(numerator: dict[str, Any], denominator: dict[str, Any]) -> dict[str, float]:
    """Returns the spread, round by round, of the quotients of seconds per row of two `rates`."""
    pairs = zip(seconds_per_row(numerator), seconds_per_row(denominator), strict=True)
    return spread([a / b for a, b in pairs])


def seconds_per_row(measured: dict[str, Any]) -> list[float]:
    """Returns the time of a row in each round of `rates`."""
    return [seconds / measured["rows"] for seconds in measured["seconds"]]
