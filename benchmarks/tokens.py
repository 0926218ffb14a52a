"""Whether a backbone's tokenizer reads texts alike everywhere, and how fast.

    python -m benchmarks.tokens --backbone FOLDER --data train.jsonl test.jsonl

compares the package `tokenizers`, which trains, predicts and is beside an ONNX model, with
TensorFlow Text, which is in a SavedModel: on the texts, in runs of letters and in texts that are
hostile to tokenizers.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from mtc_keras.config import ModelConfig
from mtc_keras.data.long_texts import whole_texts
from mtc_keras.data.sources import file_blocks
from mtc_keras.export.texts import TEXTS
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.tokenization.fast import fast_tokenizer, readable

RUNS = [letter * count for letter in "xroeaà!.😀" for count in range(1, 41)]


def main(argv: Sequence[str] | None = None) -> None:
    """Prints how many texts have other tokens in a graph, and what tokenizing took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tokens", description=__doc__)
    parser.add_argument("--backbone", required=True, help="as model.backbone in a config")
    parser.add_argument("--data", required=True, nargs="+", help="files with a column of texts")
    parser.add_argument("--text", default="text", help="the column")
    parser.add_argument("--limit", type=int, default=10_000, help="texts that are read")
    args = parser.parse_args(argv)

    loaded = load_backbone(ModelConfig(backbone=args.backbone), load_weights=False)
    tokenizer = loaded.preprocessor.tokenizer
    started = time.perf_counter()
    if fast_tokenizer(tokenizer) is None:
        parser.error(f"{type(tokenizer).__name__} is called itself, wherever texts are read")
    print(f"{type(tokenizer).__name__}: made in {time.perf_counter() - started:.2f} s")
    sets = {"texts": texts_of(args)[: args.limit], "runs of letters": RUNS, "hostile": TEXTS}
    for name, texts in sets.items():
        started = time.perf_counter()
        read = list(whole_texts(loaded.preprocessor, texts))
        seconds = time.perf_counter() - started
        own = [row for ids, offsets in read for row in np.split(ids, offsets[1:-1])]
        others = in_graph(tokenizer, texts)
        wrong = sum(not np.array_equal(a, b) for a, b in zip(own, others, strict=True))
        print(f"{name}: {wrong} of {len(texts):,} differ; {seconds:.2f} s for all")


def texts_of(args: argparse.Namespace) -> list[str]:
    """Returns the texts of the files, those that are not empty."""
    blocks = (block for file in args.data for block in file_blocks(file))
    return [text for block in blocks for text in block.cells(args.text) if text]


def in_graph(tokenizer: object, texts: Sequence[str]) -> list[np.ndarray]:
    """Returns the token ids of texts by a tokenizer that is traced in a graph."""
    import tensorflow as tf

    plain = [readable(text).encode() for text in texts]
    dataset = tf.data.Dataset.from_tensor_slices(plain).batch(1024).map(tokenizer)
    return [np.asarray(row) for batch in dataset for row in batch.to_list()]


if __name__ == "__main__":
    main()
