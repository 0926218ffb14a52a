"""What each number of padded lengths would cost a training, by estimate, and which is chosen.

    python -m benchmarks.plans --config configs/hwu64.toml [--rows 2560] [--epochs 2]

Seconds: of computing, once and for all epochs, and with so many seconds per length to compile.
"""

import argparse

import numpy as np

from mtc_keras.config import load_config
from mtc_keras.data.lengths import StepCosts, candidates, fewest_slots
from mtc_keras.data.plan import BatchPlan, batch_plan
from mtc_keras.data.reading import read_splits
from mtc_keras.data.tokens import tokenize
from mtc_keras.model.backbones.loading import load_backbone
from mtc_keras.model.costs import step_costs

COMPILING = (0.5, 1.0, 2.0, 5.0)  # seconds per length: read from the cache, or compiled


def show(sizes: np.ndarray, batch_size: int, epochs: int, costs: StepCosts) -> None:
    """Prints a line per number of lengths, the chosen one marked."""
    chosen = batch_plan(sizes, lambda length: batch_size, costs, epochs)
    headings = ["lengths", "padding", "computing", *(f"{s} s per length" for s in COMPILING), ""]
    print(f"| {' | '.join(headings)} |\n|{'---|' * len(headings)}")
    for lengths in fewest_slots(*candidates(sizes)):
        plan = BatchPlan(tuple(lengths.tolist()), (batch_size,) * len(lengths))
        shapes = plan.shapes(sizes)
        slots = sum(rows * length * number for (rows, length), number in shapes.items())
        computing = epochs * slots * costs.per_slot
        cells = [f"{len(lengths)}", f"{1 - sizes.sum() / slots:.1%}", f"{computing:.1f}"]
        cells += [f"{computing + seconds * len(shapes):.1f}" for seconds in COMPILING]
        cells += [f"chosen: {', '.join(map(str, plan.lengths))}" if plan == chosen else ""]
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Reads a config's training rows and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True)
    parser.add_argument("--rows", type=int, help="only so many rows, drawn at random")
    parser.add_argument("--epochs", type=int)
    args = parser.parse_args()
    config = load_config(args.config)
    loaded = load_backbone(config.model)
    sizes = tokenize(loaded.preprocessor, read_splits(config).train.texts).lengths
    if args.rows:
        sizes = np.random.default_rng(0).permutation(sizes)[: args.rows]
    epochs = args.epochs or config.training.epochs
    show(sizes, config.training.batch_size, epochs, step_costs(loaded.backbone, False))


if __name__ == "__main__":
    main()
