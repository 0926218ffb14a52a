"""The benchmark's peer: a Hugging Face Trainer on the same rows, in an environment of its own.

    python -m benchmarks.trainer SPEC.json

Needs torch, transformers and accelerate, and nothing of mtc_keras. Reads one JSON request per
line from stdin, `{"do": …}` with the name of a method of `Peer` and its arguments, and answers
with a line of JSON on stdout, so that its rounds alternate with those of mtc_keras.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from torch.nn.utils.rnn import pad_sequence
from transformers.trainer_pt_utils import get_length_grouped_indices

from benchmarks.costs import resident_peak, seconds_of

MEGA_BATCH = 50  # batches among which the Trainer sorts rows by length, unless rows are few
MISSING = -1  # of a class index; NaN in targets of float
TUNING_STEPS = 8
WARM_UP_STEPS = 2


class MultiTaskModel(torch.nn.Module):
    """An encoder, the mean of its token states, and one linear head per task.

    Args:
        encoder: what `transformers.AutoModel` returned.
        tasks: dicts of `name`, `kind`, `outputs` and `weight`.
        dropout: float. Dropout before the heads.
    """

    def __init__(self, encoder: Any, tasks: list[dict[str, Any]], dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.tasks = tasks
        self.dropout = torch.nn.Dropout(dropout)
        width = encoder.config.hidden_size
        self.heads = torch.nn.ModuleList(torch.nn.Linear(width, t["outputs"]) for t in tasks)

    def forward(self, input_ids: Any, attention_mask: Any, labels: Any = None) -> dict[str, Any]:
        """Returns the tasks' logits, and the sum of their weighted losses if there are labels."""
        states = self.encoder(input_ids, attention_mask).last_hidden_state
        real = attention_mask.unsqueeze(-1).to(states.dtype)
        features = self.dropout((states * real).sum(1) / real.sum(1))
        logits = tuple(head(features).float() for head in self.heads)
        if labels is None:
            return {"logits": logits}
        losses = [
            task["weight"] * task_loss(task["kind"], scores, labels[task["name"]])
            for task, scores in zip(self.tasks, logits, strict=True)
        ]
        return {"loss": sum(losses), "logits": logits}


def task_loss(kind: str, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Returns the mean loss over the labels that are known, 0 if there is none."""
    if kind == "multiclass":
        total = F.cross_entropy(logits, targets.long(), ignore_index=MISSING, reduction="sum")
        return total / (targets != MISSING).sum().clamp(min=1)
    known = ~targets.isnan()
    harmless = targets.nan_to_num()
    if kind == "multilabel":
        losses = F.binary_cross_entropy_with_logits(logits, harmless, reduction="none")
    else:
        losses = F.mse_loss(logits[:, 0], harmless, reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)


@dataclass
class Collate:
    """Makes a batch of the rows with the given numbers, padded to one length."""

    token_ids: Sequence[torch.Tensor]  # of each row
    targets: dict[str, torch.Tensor]  # of all rows by task; an empty dict leaves them out
    padding: int  # the token of padding
    fixed_length: int | None  # `None`: that of the longest row, rounded up to a multiple
    multiple: int
    slots: int = 0  # places for tokens in all batches so far

    def __call__(self, numbers: list[int]) -> dict[str, Any]:
        rows = [self.token_ids[number] for number in numbers]
        padded = pad_sequence(rows, batch_first=True, padding_value=self.padding)
        width = self.fixed_length or -(-padded.shape[1] // self.multiple) * self.multiple
        padded = F.pad(padded, (0, width - padded.shape[1]), value=self.padding)
        self.slots += padded.numel()
        mask = (torch.arange(width) < torch.tensor([[len(row)] for row in rows])).long()
        batch = {"input_ids": padded, "attention_mask": mask}
        if self.targets:
            batch["labels"] = {name: values[numbers] for name, values in self.targets.items()}
        return batch


class Clock(transformers.TrainerCallback):
    """Times an epoch, and remembers when the first step of the process had ended."""

    first_step: float | None = None

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.started = time.perf_counter()
        self.step_ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if Clock.first_step is None:
            wait()
            Clock.first_step = time.time()
        self.step_ends.append(time.perf_counter())

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        wait()
        self.seconds = time.perf_counter() - self.started


def wait() -> None:
    """Waits until a GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Peer:
    """Answers requests, each of which has a method.

    Args:
        spec: `rows` (an .npz of `token_ids` of all rows joined, `lengths`, and `target_<task>`),
            `encoder` (a folder, or the sizes of a BERT), `tasks`, `dropout`, `batch_size`,
            `optimizer` (arguments of `TrainingArguments`), `device`, `bfloat16` (whether it is
            allowed), `fixed_length` (pads all rows to it; `None`: tuned dynamic padding),
            `started` (`time.time()` when the process was started).
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        names = self.task_names = [task["name"] for task in spec["tasks"]]
        with np.load(spec["rows"]) as arrays:
            self.lengths = arrays["lengths"].tolist()
            joined = torch.from_numpy(arrays["token_ids"].astype("int64"))
            self.targets = {name: torch.from_numpy(arrays[f"target_{name}"]) for name in names}
        self.token_ids = joined.split(self.lengths)
        if isinstance(spec["encoder"], str):
            encoder = transformers.AutoModel.from_pretrained(
                spec["encoder"], add_pooling_layer=False, dtype=torch.float32
            )
        else:
            config = transformers.BertConfig(**spec["encoder"])
            encoder = transformers.BertModel(config, add_pooling_layer=False)
        self.device = "cpu" if spec["device"] == "cpu" else "cuda"
        self.model = MultiTaskModel(encoder, spec["tasks"], spec["dropout"]).to(self.device)
        self.settings = candidates(bfloat16=False)[0]  # until `tune` finds better ones

    def versions(self) -> dict[str, Any]:
        """Returns the versions and the number of threads."""
        return {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "threads": torch.get_num_threads(),
            "device": "cpu" if self.device == "cpu" else torch.cuda.get_device_name(),
        }

    @torch.no_grad()
    def check(self, heads: str, rows: int) -> dict[str, Any]:
        """Takes the heads of mtc_keras and returns logits of the first rows."""
        with np.load(heads) as arrays:
            for name, head in zip(self.task_names, self.model.heads, strict=True):
                head.weight.copy_(torch.from_numpy(arrays[f"kernel_{name}"].T.copy()))
                head.bias.copy_(torch.from_numpy(arrays[f"bias_{name}"]))
        batch = self._collate({})(list(range(rows)))
        inputs = {name: tensor.to(self.device) for name, tensor in batch.items()}
        logits = self.model.eval()(**inputs)["logits"]
        return {"logits": dict(zip(self.task_names, (t.tolist() for t in logits), strict=True))}

    def tune(self) -> dict[str, Any]:
        """Keeps the fastest of the settings, each tried for a few steps on the same rows."""
        size, order = self.spec["batch_size"], self._grouped_by_length()
        # Evenly spread over the order, which goes from long rows to short ones.
        step = max(-(-len(order) // size) // (WARM_UP_STEPS + TUNING_STEPS), 1)
        few = [n for at in range(0, len(order), step * size) for n in order[at : at + size]]
        tried = []
        for settings in candidates(self.spec["bfloat16"]):
            self.settings = settings
            clock, _ = self._train(few)
            times = np.diff([clock.started, *clock.step_ends]).tolist()
            tried.append({**settings, "seconds": sum(times[WARM_UP_STEPS:] or times)})
        fastest = min(tried, key=lambda one: one["seconds"])
        self.settings = {name: fastest[name] for name in self.settings}
        return {"tried": tried, "settings": self.settings}

    def training(self) -> dict[str, Any]:
        """Trains one epoch."""
        clock, slots = self._train(self._grouped_by_length())
        return {"seconds": clock.seconds, "slots": slots, **self._facts()}

    def prediction(self) -> dict[str, Any]:
        """Predicts all rows, sorted by length, which changes nothing where that is fixed."""
        order = sorted(range(len(self.lengths)), key=lambda row: -self.lengths[row])
        collate = self._collate({})
        trainer = self._trainer(order, collate)
        seconds = seconds_of(lambda: (trainer.predict(order), wait()))
        return {"seconds": seconds, "slots": collate.slots, **self._facts()}

    def _grouped_by_length(self) -> list[int]:
        """Returns row numbers as `train_sampling_strategy="group_by_length"` orders many rows.

        Given a part of an epoch, the Trainer would sort within fewer batches, and pad more.
        """
        generator, size = torch.Generator().manual_seed(0), self.spec["batch_size"]
        return get_length_grouped_indices(self.lengths, size, MEGA_BATCH, generator)

    def _train(self, order: list[int]) -> tuple[Clock, int]:
        """Trains on rows and returns the clock, and the slots of all batches."""
        clock, collate = Clock(), self._collate(self.targets)
        trainer = self._trainer(order, collate)
        trainer.add_callback(clock)
        trainer.train()
        return clock, collate.slots

    def _collate(self, targets: dict[str, torch.Tensor]) -> Collate:
        padding = self.model.encoder.config.pad_token_id or 0
        multiple = 8 if self.settings["bfloat16"] else 1
        return Collate(self.token_ids, targets, padding, self.spec["fixed_length"], multiple)

    def _trainer(self, order: list[int], collate: Collate) -> transformers.Trainer:
        """Returns a Trainer with the settings found so far."""
        tuned = self.spec["fixed_length"] is None
        self.model.encoder.set_attn_implementation(self.settings["attention"])
        arguments = transformers.TrainingArguments(
            output_dir=os.path.dirname(self.spec["rows"]),
            num_train_epochs=1,
            per_device_train_batch_size=self.spec["batch_size"],
            per_device_eval_batch_size=self.spec["batch_size"],
            **self.spec["optimizer"],
            optim=self.settings["optim"],
            bf16=self.settings["bfloat16"],
            use_cpu=self.device == "cpu",
            dataloader_pin_memory=self.device != "cpu",
            # The tuned one keeps the order in which it gets the rows.
            train_sampling_strategy="sequential" if tuned else "random",
            remove_unused_columns=False,
            label_names=[],
            save_strategy="no",
            logging_strategy="no",
            logging_nan_inf_filter=not tuned,
            report_to="none",
            disable_tqdm=True,
        )
        # Of the rows it gets the numbers alone: `Collate` knows the rest.
        return transformers.Trainer(self.model, arguments, collate, train_dataset=order)

    def _facts(self) -> dict[str, Any]:
        """Returns the peak memory, and the seconds from the process' start to the first step."""
        peak = resident_peak if self.device == "cpu" else torch.cuda.max_memory_allocated
        started = self.spec["started"]
        return {"peak_memory_bytes": peak(), "seconds_to_first_step": Clock.first_step - started}


def candidates(bfloat16: bool) -> list[dict[str, Any]]:
    """Returns the settings among which the tuned Trainer chooses, the defaults first."""
    halves = (False, True) if bfloat16 else (False,)
    choices = product(halves, ("sdpa", "eager"), ("adamw_torch_fused", "adamw_torch"))
    return [{"attention": a, "optim": o, "bfloat16": half} for half, a, o in choices]


def main() -> int:
    """Answers requests until stdin ends."""
    # What libraries print goes to stderr; the answers alone to stdout.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    transformers.logging.set_verbosity_error()
    with open(sys.argv[1], encoding="utf-8") as file:
        peer = Peer(json.load(file))
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(peer, request.pop("do"))(**request)
        print(json.dumps(answer), file=answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
