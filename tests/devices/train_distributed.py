"""Run by test_distribution.py in processes of its own: trains and notes what every step saw.

    python -m tests.devices.train_distributed OUT '{"name": {"distribution": {…}, …}, …}' [fail]

Each training leaves OUT/NAME, a run, and OUT/NAME.PROCESS.json.
"""

import json
import sys
from pathlib import Path

import numpy as np

import mtc_keras
from mtc_keras.data.batches import TrainingBatches
from mtc_keras.devices import processes
from mtc_keras.errors import DataError
from mtc_keras.model.classifier import MultiTaskClassifier
from mtc_keras.train.callbacks import EpochOrder
from tests.conftest import rows, tiny_config


def note_steps(losses: list, fed: list, fails: bool) -> None:
    """Notes each step's loss (a mean up to it, as Keras logs it) and the tokens it was fed."""

    def on_train_batch_end(self, batch, logs=None):
        losses.append(float(logs["loss"]))
        if fails and batch == 3 and processes.process_id() == 1:
            raise DataError("one process fails alone")

    def batch_and_note(self, numbers):
        found = whole(self, numbers)
        fed.append(found[0]["token_ids"].tolist())
        return found

    EpochOrder.on_train_batch_end = on_train_batch_end
    TrainingBatches.batch = batch_and_note
    # Which takes batches, too, only to compile their shapes, and on one device alone.
    MultiTaskClassifier.prepare_training = lambda self, batches: None


def parameter_shares(model) -> list[float]:
    """Returns the share of the parameters' bytes that each device holds."""
    held: dict = {}
    for variable in model.variables:
        for shard in variable.value.addressable_shards:
            held[shard.device] = held.get(shard.device, 0) + shard.data.nbytes
    total = sum(variable.value.nbytes for variable in model.variables)
    return [size / total for size in held.values()]


def train(out: Path, name: str, sections: dict, fails: bool) -> None:
    losses: list = []
    fed: list = []
    note_steps(losses, fed, fails)
    config = tiny_config(
        out / name,
        distribution=sections.get("distribution", {}),
        # Few lengths, of which each is compiled.
        model={"dropout": 0.1, "max_length": 6, **sections.get("model", {})},
        balancing={"method": "famo"},
        training={
            "epochs": 2,
            "batch_size": 16,
            "learning_rate": 1e-3,
            **sections.get("training", {}),
        },
    )
    # 150 training rows: the last batch holds 6, which 8 devices do not divide.
    run = mtc_keras.fit(config, rows(150), rows(50, 1), rows(41, 2), verbose=0)
    found = {"losses": losses, "fed": fed}
    if run.is_here and processes.count() == 1:
        found["shares"] = parameter_shares(run.model)
        found |= use(run.model) if name != "split" else {}
    (out / f"{name}.{processes.process_id()}.json").write_text(json.dumps(found))


def use(model) -> dict:
    """Returns what a user's own calls give, on rows and batches that devices do not divide."""
    frame = rows(13, 3)
    texts = frame["text"].tolist()
    targets = {task.name: task.encode(frame[task.name].tolist())[0] for task in model.tasks}
    tokens = {k: np.asarray(v) for k, v in model.preprocessor(texts).items()}
    found = {
        "texts": {k: v.tolist() for k, v in model.predict_logits(texts).items()},
        "tokens": {k: v.tolist() for k, v in model.predict_logits(tokens).items()},
    }
    model.compile()
    found["evaluate"] = model.evaluate(texts, targets, batch_size=5, verbose=0, return_dict=True)
    found["fit"] = model.fit(texts, targets, batch_size=5, verbose=0).history["loss"]
    return found


if __name__ == "__main__":
    whole = TrainingBatches.batch
    for title, sections in json.loads(sys.argv[2]).items():
        train(Path(sys.argv[1]), title, sections, fails="fail" in sys.argv[3:])
