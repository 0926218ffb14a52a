"""A script for the Hugging Face Trainer as its users write it: from rows to predictions.

    python -m benchmarks.clock_trainer SPEC.json

Needs torch, transformers and accelerate, and nothing of mtc_keras; `benchmarks.clock` starts it.
Dynamic padding, batches grouped by length, one linear head per task on the mean of the token states
or the first of them, and predictions of the test rows at the end, sorted by length.
"""

import json
import sys
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import transformers

MISSING = -100  # the class of a row without one: PyTorch's cross-entropy leaves it out


class Classifier(torch.nn.Module):
    """An encoder with one linear head per task."""

    def __init__(self, spec: dict[str, Any], classes: dict[str, list[str]]) -> None:
        super().__init__()
        self.encoder = transformers.AutoModel.from_pretrained(
            spec["encoder"], add_pooling_layer=False, dtype=torch.float32
        )
        self.tasks = spec["tasks"]
        self.pools_mean = spec["pooling"] == "mean"
        self.dropout = torch.nn.Dropout(0.1)
        width = self.encoder.config.hidden_size
        self.heads = torch.nn.ModuleDict(
            {name: torch.nn.Linear(width, len(names)) for name, names in classes.items()}
        )

    def forward(self, input_ids: Any, attention_mask: Any, **labels: Any) -> dict[str, Any]:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pools_mean:
            real = attention_mask.unsqueeze(-1).float()
            pooled = (states * real).sum(1) / real.sum(1)
        else:
            pooled = states[:, 0]
        pooled = self.dropout(pooled)
        logits = {name: head(pooled) for name, head in self.heads.items()}
        found: dict[str, Any] = {"logits": tuple(logits.values())}
        if labels:
            losses = {
                "multiclass": labelled_cross_entropy,
                "multilabel": F.binary_cross_entropy_with_logits,
            }
            found["loss"] = sum(
                task["weight"] * losses[task["kind"]](logits[task["name"]], labels[task["name"]])
                for task in self.tasks
            )
        return found


def labelled_cross_entropy(logits: Any, labels: Any) -> Any:
    """Returns the mean over the rows that have a label; 0 where none has, and not 0 / 0."""
    labels = labels.long()
    total = F.cross_entropy(logits, labels, ignore_index=MISSING, reduction="sum")
    return total / (labels != MISSING).sum().clamp(min=1)


def read(path: str) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def encoded(
    rows: list[dict[str, Any]], spec: dict[str, Any], classes: dict[str, list[str]], tokenizer: Any
) -> list[dict[str, Any]]:
    """Returns tokens of rows, and the labels of the tasks whose classes are given."""
    texts = [row[spec["text"]] for row in rows]
    tokens = tokenizer(texts, truncation=True, max_length=spec["max_length"])
    found = [
        {"input_ids": ids, "attention_mask": mask}
        for ids, mask in zip(tokens["input_ids"], tokens["attention_mask"], strict=True)
    ]
    for task in spec["tasks"]:
        if task["name"] not in classes:
            continue
        names = classes[task["name"]]
        for features, row in zip(found, rows, strict=True):
            cell = row[task["column"]]
            if task["kind"] == "multilabel":
                features[task["name"]] = [float(name in (cell or ())) for name in names]
            else:
                features[task["name"]] = MISSING if cell is None else names.index(cell)
    return found


def main() -> int:
    """Trains, predicts the test rows, and writes their logits."""
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = json.load(file)
    transformers.logging.set_verbosity_error()
    transformers.set_seed(spec["seed"])
    train, test = read(spec["train"]), read(spec["test"])
    classes = {}
    for task in spec["tasks"]:
        cells = [row[task["column"]] for row in train if row[task["column"]] is not None]
        names = cells if task["kind"] == "multiclass" else [name for cell in cells for name in cell]
        classes[task["name"]] = sorted(set(names))
    tokenizer = transformers.AutoTokenizer.from_pretrained(spec["encoder"])
    labels = list(classes)

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        padded = tokenizer.pad(
            [{key: row[key] for key in ("input_ids", "attention_mask")} for row in rows],
            return_tensors="pt",
        )
        given = [name for name in labels if name in rows[0]]
        return {**padded, **{name: torch.tensor([row[name] for row in rows]) for name in given}}

    steps = spec["epochs"] * -(-len(train) // spec["batch_size"])
    arguments = transformers.TrainingArguments(
        output_dir=spec["output"],
        num_train_epochs=spec["epochs"],
        per_device_train_batch_size=spec["batch_size"],
        learning_rate=spec["learning_rate"],
        weight_decay=spec["weight_decay"],
        max_grad_norm=spec["clip_norm"],
        warmup_steps=round(spec["warmup"] * steps),
        lr_scheduler_type="linear",
        train_sampling_strategy="group_by_length",
        seed=spec["seed"],
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        label_names=[],
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    model = Classifier(spec, classes)
    rows = encoded(train, spec, classes, tokenizer)
    transformers.Trainer(model, arguments, collate, train_dataset=rows).train()

    # The Trainer's own `predict` would shuffle rows that it groups by length.
    model.eval()
    rows = encoded(test, spec, {}, tokenizer)
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]["input_ids"]))
    with torch.no_grad():
        parts = [
            model(**collate([rows[row] for row in order[at : at + 64]]))["logits"]
            for at in range(0, len(order), 64)
        ]
    places = np.argsort(order)
    logits = [torch.cat(part).numpy()[places] for part in zip(*parts, strict=True)]
    np.savez(spec["logits"], **dict(zip(labels, logits, strict=True)))
    with open(spec["classes"], "w", encoding="utf-8") as file:
        json.dump(classes, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
