"""What the benchmarks measure with: rates, FLOPs, the matmul peak, compile time, memory.

Imports neither TensorFlow nor mtc_keras, so that `--plain` runs where there is neither.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from benchmarks.costs import resident_peak, seconds_of

# The event that JAX records of each stage of a compilation; a program that is found in the
# persistent cache is traced and lowered all the same.
STAGES = ("jaxpr_trace", "jaxpr_to_mlir_module", "backend_compile")
COMPILE_EVENTS = [f"/jax/core/compile/{stage}_duration" for stage in STAGES]
PEAK_SIZES = {"cpu": (1024, 2048), "gpu": (4096, 8192, 16384)}
PEAK_SECONDS = 0.3


@dataclass(frozen=True)
class Work:
    """What one pass over some rows asks of a model."""

    rows: int
    tokens: int  # without padding; special tokens counted
    slots: int  # places for tokens in all batches: tokens and padding
    forward_flops: float

    @property
    def padding_share(self) -> float:
        """Share of the slots that hold no real token."""
        return 1 - self.tokens / self.slots


@dataclass(frozen=True)
class MatmulSize:
    """The matrix weights of a model."""

    num_layers: int  # of transformer layers
    hidden_dim: int  # the width of a token's state
    layer_parameters: int  # of all transformer layers together, multiplied with each token
    head_parameters: int  # of all heads together, multiplied with each text


def matmul_size(model: Any) -> MatmulSize:
    """Returns the `MatmulSize` of a `MultiTaskClassifier` on a BERT-like backbone.

    Raises:
        ValueError: if its transformer layers cannot be identified, or share their weights.
    """
    backbone = model.backbone
    layers = [
        parameters
        for layer in backbone.layers
        if re.search(r"_layer_\d+$", layer.name) and (parameters := _kernel_sizes(layer))
    ]
    if len(layers) != backbone.num_layers:
        raise ValueError(f"cannot count the FLOPs of a {type(backbone).__name__}")
    heads = _kernel_sizes(model) - _kernel_sizes(backbone)
    return MatmulSize(len(layers), backbone.hidden_dim, sum(layers), heads)


def _kernel_sizes(layer: Any) -> int:
    kernels = [weight for weight in layer.weights if weight.path.endswith("/kernel")]
    return sum(int(np.prod(kernel.shape)) for kernel in kernels)


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
        matrices = jnp.asarray(left, dtype), jnp.asarray(right, dtype)
        best = max(best, _rate(lambda a, b: product(a, b).block_until_ready(), *matrices))
        if platform == "cpu" and dtype == "float32":
            best = max(best, _rate(np.matmul, left, right))
    return best


def _rate(product: Any, left: Any, right: Any) -> float:
    """Returns the rate of the fastest of many products of square matrices."""
    product(left, right)  # compiles
    times, until = [], time.perf_counter() + PEAK_SECONDS
    while time.perf_counter() < until:
        times.append(seconds_of(product, left, right))
    return 2.0 * len(left) ** 3 / min(times)


class CompileClock:
    """Counts what JAX compiles from the moment it is made."""

    def __init__(self) -> None:
        self.seconds = 0.0  # of tracing, lowering and compiling
        self.programs = 0  # compiled, or taken from the persistent cache
        jax.monitoring.register_event_duration_secs_listener(self._count)

    def _count(self, event: str, seconds: float, **_: Any) -> None:
        if event in COMPILE_EVENTS:
            self.seconds += seconds
            self.programs += event == COMPILE_EVENTS[-1]


class EpochClock(keras.callbacks.Callback):
    """Times the epoch of a `fit`, from before its first batch is read to its last update."""

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


class Stopwatch(dict[str, float]):
    """The seconds of one stage after the other, from the moment it is made."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Ends a stage."""
        now = time.perf_counter()
        self[stage], self.last = now - self.last, now


def spread(values: Any) -> dict[str, float]:
    """Returns the median of several rounds, and the lowest and highest."""
    median, low, high = np.quantile(values, (0.5, 0, 1)).tolist()
    return {"median": median, "low": low, "high": high}


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
    flops = np.divide(passes * work.forward_flops, seconds)
    return {
        "rows": work.rows,
        "tokens": work.tokens,
        "seconds": list(seconds),
        "examples_per_second": spread(np.divide(work.rows, seconds)),
        "tokens_per_second": spread(np.divide(work.tokens, seconds)),
        "padding_share": work.padding_share,
        "model_flops_per_second": spread(flops),
        "share_of_peak": spread(flops / peaks),
    }


def ratios(numerators: Sequence[dict[str, Any]], denominator: dict[str, Any]) -> dict[str, float]:
    """Returns the spread, round by round, of quotients of seconds per row.

    Args:
        numerators: one or more `rates`, whose seconds per row are added up.
        denominator: the `rates` to compare them with.
    """
    per_row = [np.divide(one["seconds"], one["rows"]) for one in (*numerators, denominator)]
    return spread(sum(per_row[:-1]) / per_row[-1])
