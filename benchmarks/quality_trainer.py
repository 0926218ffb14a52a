"""A Hugging Face Trainer that fine-tunes the model of a run, in an environment of its own.

    python -m benchmarks.quality_trainer SPEC.json

Needs torch, transformers and accelerate, and nothing of mtc_keras; `benchmarks.quality` starts it.
"""

import json
import os
import sys
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks.trainer import Collate, MultiTaskModel


class Rows(torch.utils.data.Dataset):
    """Numbers of rows, and their lengths as a column, by which the Trainer groups them.

    The Trainer reads the column of a dataset of `datasets`, else each row's input ids.
    """

    def __init__(self, token_ids: list[torch.Tensor]) -> None:
        self.token_ids = token_ids

    def __len__(self) -> int:
        return len(self.token_ids)

    def __getitem__(self, number: int) -> dict[str, Any]:
        return {"input_ids": self.token_ids[number], "number": number}


class RowCollate(Collate):
    """Collates the rows of `Rows`."""

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:  # type: ignore[override]
        return super().__call__([row["number"] for row in rows])


def split(arrays: Any, name: str) -> list[torch.Tensor]:
    """Returns the token ids of each row of a split."""
    joined = torch.from_numpy(arrays[f"{name}_token_ids"].astype("int64"))
    return list(joined.split(arrays[f"{name}_lengths"].tolist()))


def train(spec: dict[str, Any], arrays: Any) -> dict[str, np.ndarray]:
    """Trains with the settings of a spec and returns logits by `<split>_<task>`.

    Args:
        spec: `encoder` (a folder), `tasks`, `dropout`, `seed`, `epochs`, `batch_size`,
            `learning_rate`, `weight_decay`, `max_grad_norm`, `warmup`, `padding`.
        arrays: token ids and lengths of `train`, `validation` and `test`, targets of `train`.
    """
    transformers.set_seed(spec["seed"])  # before the heads get their first weights
    encoder = transformers.AutoModel.from_pretrained(
        spec["encoder"], add_pooling_layer=False, dtype=torch.float32
    )
    model = MultiTaskModel(encoder, spec["tasks"], spec["dropout"])
    rows = Rows(split(arrays, "train"))
    targets = {
        task["name"]: torch.from_numpy(arrays[f"target_{task['name']}"]) for task in spec["tasks"]
    }
    steps = spec["epochs"] * -(-len(rows) // spec["batch_size"])
    arguments = transformers.TrainingArguments(
        output_dir=os.path.dirname(sys.argv[1]),
        num_train_epochs=spec["epochs"],
        per_device_train_batch_size=spec["batch_size"],
        learning_rate=spec["learning_rate"],
        weight_decay=spec["weight_decay"],
        max_grad_norm=spec["max_grad_norm"],
        warmup_steps=round(spec["warmup"] * steps),
        lr_scheduler_type="linear",
        train_sampling_strategy="group_by_length",
        seed=spec["seed"],
        use_cpu=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        label_names=[],
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    collate = RowCollate(rows.token_ids, targets, spec["padding"], None, 1)
    transformers.Trainer(model, arguments, collate, train_dataset=rows).train()
    model.eval()
    logits = {}
    for name in ("validation", "test"):
        token_ids = split(arrays, name)
        collate = RowCollate(token_ids, {}, spec["padding"], None, 1)
        for task, values in zip(spec["tasks"], predicted(model, token_ids, collate), strict=True):
            logits[f"{name}_{task['name']}"] = values
    return logits


@torch.no_grad()
def predicted(
    model: MultiTaskModel, token_ids: list[torch.Tensor], collate: RowCollate, batch: int = 64
) -> list[np.ndarray]:
    """Returns the logits of each task, in the order of the rows."""
    rows = Rows(token_ids)
    order = sorted(range(len(rows)), key=lambda row: len(token_ids[row]))
    parts = [
        model(**collate([rows[number] for number in order[at : at + batch]]))["logits"]
        for at in range(0, len(order), batch)
    ]
    places = np.argsort(order)
    return [torch.cat(task).numpy()[places] for task in zip(*parts, strict=True)]


def main() -> int:
    """Trains and writes the logits beside the spec."""
    transformers.logging.set_verbosity_error()
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = json.load(file)
    with np.load(spec["rows"]) as arrays:
        np.savez(spec["logits"], **train(spec, arrays))
    return 0


if __name__ == "__main__":
    sys.exit(main())
