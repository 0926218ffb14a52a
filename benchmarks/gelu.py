"""What exact GELU costs against GELU by tanh: CPU time of MiniLM's forward pass and training step.

    python -m benchmarks.gelu

Both take turns, so that whatever else the machine does falls on both alike.
"""

import statistics
import time
from collections.abc import Callable

import keras
import numpy as np

from mtc_keras.config import ModelConfig
from mtc_keras.model.backbones.as_trained import activation_named
from mtc_keras.model.backbones.loading import load_backbone

ROWS, TOKENS, ROUNDS = 32, 64, 15


def seconds(call: Callable[[], object]) -> float:
    """Returns the CPU time of a call, all threads together."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def model_with(activation: str) -> keras.Model:
    """Returns MiniLM with one output and another activation."""
    backbone = load_backbone(ModelConfig(backbone="minilm", max_length=TOKENS)).backbone
    for layer in backbone.transformer_layers:
        layer._feedforward_intermediate_dense.activation = activation_named(activation)
    first = backbone.output["sequence_output"][:, 0]
    model = keras.Model(backbone.input, keras.layers.Dense(1)(first))
    model.compile("adam", "mse")
    return model


def main() -> None:
    """Prints a line per activation."""
    ids = np.random.default_rng(0).integers(1000, 30_000, (ROWS, TOKENS)).astype("int32")
    inputs = {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": ids > 0}
    targets = np.ones((ROWS, 1), "float32")
    models = {name: model_with(name) for name in ("gelu", "gelu_approximate")}
    passes: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for _ in range(ROUNDS + 1):
        for name, model in models.items():
            forward = seconds(lambda model=model: model.predict_on_batch(inputs))
            step = seconds(lambda model=model: model.train_on_batch(inputs, targets))
            passes[name].append((forward, step))
    for name, found in passes.items():  # without the first round, which compiles
        forward, step = (statistics.median(times) for times in zip(*found[1:], strict=True))
        print(f"{name}: forward {forward * 1000:.0f} ms, step {step * 1000:.0f} ms")


if __name__ == "__main__":
    main()
