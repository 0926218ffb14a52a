"""DeBERTa's layers here beside KerasHub's: seconds per step and per prediction, random weights.

python -m benchmarks.deberta [--layers 2] [--lengths 64 512] [--tokens 1024]
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import keras
import keras_hub
import numpy as np

from mtc_keras.model.backbones.deberta_backbone import DebertaBackbone

REPEATS = 3


def seconds(function: Callable[[], object]) -> float:
    """Returns how long a call takes, on average, after one that compiles."""
    function()
    start = time.perf_counter()
    for _ in range(REPEATS):
        function()
    return (time.perf_counter() - start) / REPEATS


def main() -> None:
    """Prints a line per class and length."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=2, help="of deberta-v3-base's 12")
    parser.add_argument("--lengths", type=int, nargs="+", default=[64, 512], help="tokens per text")
    parser.add_argument("--tokens", type=int, default=1024, help="tokens per batch")
    args = parser.parse_args()
    sizes = {"num_heads": 12, "hidden_dim": 768, "intermediate_dim": 3072}
    for length in args.lengths:
        texts = max(args.tokens // length, 1)
        ids = np.random.default_rng(0).integers(5, 900, (texts, length), dtype="int32")
        inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
        for kind in (keras_hub.models.DebertaV3Backbone, DebertaBackbone):
            backbone = kind(vocabulary_size=1000, num_layers=args.layers, **sizes)
            model = keras.Model(backbone.input, keras.layers.Dense(2)(backbone.output[:, 0]))
            model.compile("sgd", "mse")
            step = seconds(partial(model.train_on_batch, inputs, np.zeros((texts, 2))))
            answer = seconds(partial(model.predict_on_batch, inputs))
            print(
                f"{kind.__name__}: {texts} texts of {length} tokens: "
                f"{step:.2f} s per step, {answer:.2f} s per prediction",
                flush=True,
            )


if __name__ == "__main__":
    main()
