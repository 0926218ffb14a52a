"""Times one training step of ModernBERT beside BERT with as many weights in its layers.

    python -m benchmarks.encoders [TEXTSxTOKENS ...]

Both have 384 numbers per token and 6 heads: BERT 4 layers, ModernBERT 6 (of which two read the
whole text), in float32. Per shape the best of three steps each, in turn, and the memory that the
compiled step takes beside weights and inputs.
"""

import argparse
import time
from typing import Any

import jax
import keras_hub
import numpy as np
from keras import ops

from mtc_keras.model.backbones.modernbert_backbone import ModernBertBackbone

SIZES = {"vocabulary_size": 1000, "hidden_dim": 384, "num_heads": 6, "dropout": 0.0}
ROUNDS = 3


def compiled_step(backbone: Any, inputs: dict[str, np.ndarray]) -> Any:
    """Returns a compiled function from weights to a loss and its gradients."""
    rest = [variable.value for variable in backbone.non_trainable_variables]

    def loss(weights: Any) -> Any:
        outputs, _ = backbone.stateless_call(weights, rest, inputs, training=True)
        states = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
        return ops.mean(states**2)

    weights = [variable.value for variable in backbone.trainable_variables]
    return jax.jit(jax.value_and_grad(loss)).lower(weights).compile(), weights


def measure(texts: int, tokens: int) -> None:
    """Prints seconds and MiB of one shape."""
    backbones = {
        "BERT": keras_hub.models.BertBackbone(
            num_layers=4, intermediate_dim=1536, max_sequence_length=max(tokens, 512), **SIZES
        ),
        "ModernBERT": ModernBertBackbone(num_layers=6, intermediate_dim=576, **SIZES),
    }
    ones = np.ones((texts, tokens), "int32")
    steps, seconds = {}, {}
    for name, backbone in backbones.items():
        inputs = {key: ones * (key != "segment_ids") for key in backbone.input}
        steps[name] = compiled_step(backbone, inputs)
    for _ in range(ROUNDS):
        for name, (step, weights) in steps.items():
            start = time.perf_counter()
            jax.block_until_ready(step(weights))
            seconds[name] = min(seconds.get(name, np.inf), time.perf_counter() - start)
    for name, (step, _) in steps.items():
        memory = step.memory_analysis().temp_size_in_bytes / 2**20
        print(f"{texts} x {tokens} {name}: {seconds[name]:.2f} s, {memory:,.0f} MiB", flush=True)


def main() -> None:
    """Measures the shapes that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*", default=["16x128", "4x512", "1x2048", "1x4096"])
    for shape in parser.parse_args().shapes:
        measure(*map(int, shape.split("x")))


if __name__ == "__main__":
    main()
