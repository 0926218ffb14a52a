"""What is read of long texts, measured on documents of real clips.

    python -m benchmarks.long_texts --data FOLDER --documents 800 --poolings max

FOLDER holds `train.jsonl`, `validation.jsonl` and `test.jsonl` of GoEmotions, with `text` and
`sentiment`. A document is 20 of its clips, one paragraph each: all neutral, but for a passage of
three neighbouring ones that are all positive, or all negative, somewhere in it. The label is what
the passage is, or `none` where there is none.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import mtc_keras

CLIPS, PASSAGE = 20, 3


def documents(clips: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Returns documents with `text`, `passage` (the label) and `third`, where the passage is."""
    random = np.random.default_rng(seed)
    of = {kind: group["text"].to_numpy() for kind, group in clips.groupby("sentiment")}
    records = []
    for row in range(count):
        label = ("none", "positive", "negative")[row % 3]
        chosen = random.choice(of["neutral"], CLIPS, replace=False)
        start = int(random.integers(CLIPS - PASSAGE + 1))
        if label != "none":
            chosen[start : start + PASSAGE] = random.choice(of[label], PASSAGE, replace=False)
        third = 0 if label == "none" else 1 + start * 3 // (CLIPS - PASSAGE + 1)
        records.append({"text": "\n".join(chosen), "passage": label, "third": third})
    return pd.DataFrame(records)


def config(directory: Path, mode: str, pooling: str | None, epochs: int) -> mtc_keras.Config:
    task = {"kind": "multiclass", **({"window_pooling": pooling} if pooling else {})}
    return mtc_keras.check_config(
        {
            "tasks": {"passage": task},
            "model": {"backbone": "minilm", "max_length": 64, "long_texts": mode},
            # The lower layers stay as they are, so that a comparison takes minutes.
            "training": {"epochs": epochs, "batch_size": 16, "learning_rate": 4e-4, "freeze": 4},
            "output": {"directory": str(directory)},
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--poolings", nargs="*", default=["max", "attention", "mean"])
    args = parser.parse_args()
    ways = [("truncate", None), ("head_tail", None), *(("windows", p) for p in args.poolings)]
    splits = {}
    for seed, (name, share) in enumerate({"train": 1, "validation": 4, "test": 2}.items()):
        clips = pd.read_json(args.data / f"{name}.jsonl", lines=True)
        splits[name] = documents(clips, args.documents // share, seed)
    test = splits["test"]
    print("| read | accuracy | passage in the first third | second | last | seconds |")
    print("|---|---|---|---|---|---|")
    for mode, pooling in ways:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            run = mtc_keras.fit(
                config(Path(folder) / "run", mode, pooling, args.epochs), **splits, verbose=0
            )
            seconds = time.perf_counter() - began
            answers = run.model.classify(test["text"].tolist())
        right = np.array([row["passage"]["label"] for row in answers]) == test["passage"]
        thirds = " | ".join(f"{right[test['third'] == third].mean():.3f}" for third in (1, 2, 3))
        way = f"{mode}, {pooling}" if pooling else mode
        print(f"| {way} | {right.mean():.3f} | {thirds} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
