"""The benchmark's peer: a Hugging Face Trainer on the same rows, in an environment of its own.

    python -m benchmarks.trainer SPEC.json

Needs torch, transformers and accelerate, and nothing of mtc_keras. Reads one JSON request per
line from stdin, `{"do": "check" | "tune" | "training" | "prediction"}`, and answers each with a
line of JSON on stdout, so that its rounds alternate with those of mtc_keras.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from torch.nn.utils.rnn import pad_sequence
from transformers.trainer_pt_utils import get_length_grouped_indices

from benchmarks.memory import resident_peak

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

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: dict[str, torch.Tensor] | None = None,
    ) -> dict[str, Any]:
        """Returns the tasks' logits, and the sum of their weighted losses if there are labels."""
        output = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
        states = output.last_hidden_state
        real = attention_mask.unsqueeze(-1).to(states.dtype)
        features = self.dropout((states * real).sum(1) / real.sum(1))
        logits = [head(features).float() for head in self.heads]
        if labels is None:
            return {"logits": tuple(logits)}
        losses = [
            task["weight"] * task_loss(task["kind"], scores, labels[task["name"]])
            for task, scores in zip(self.tasks, logits, strict=True)
        ]
        return {"loss": torch.stack(losses).sum(), "logits": tuple(logits)}


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


class Rows(torch.utils.data.Dataset):
    """Tokens and labels of N rows, as tensors.

    Args:
        path: the `.npz` with `token_ids` of all rows joined, `lengths`, and `target_<task>`.
    """

    def __init__(self, path: str) -> None:
        with np.load(path) as arrays:
            lengths = arrays["lengths"]
            joined = torch.from_numpy(arrays["token_ids"].astype("int64"))
            self.targets = {
                name.removeprefix("target_"): torch.from_numpy(arrays[name])
                for name in arrays.files
                if name.startswith("target_")
            }
        self.token_ids = joined.split(lengths.tolist())

    def __len__(self) -> int:
        return len(self.token_ids)

    def __getitem__(self, row: int) -> dict[str, Any]:
        # `input_ids` is the key by which the Trainer finds the length of a row.
        return {"input_ids": self.token_ids[row], "row": row}

    def grouped(self, batch_size: int) -> list[int]:
        """Returns row numbers as `train_sampling_strategy="group_by_length"` orders many rows.

        Given a part of an epoch, the Trainer would sort within fewer batches, and pad more.
        """
        lengths = [len(ids) for ids in self.token_ids]
        generator = torch.Generator().manual_seed(0)
        return get_length_grouped_indices(lengths, batch_size, MEGA_BATCH, generator)

    def by_length(self) -> list[int]:
        """Returns the row numbers from the longest text to the shortest."""
        return sorted(range(len(self)), key=lambda row: -len(self.token_ids[row]))


class Collate:
    """Pads the rows of a batch to their longest, or to a fixed length.

    Args:
        rows: the `Rows`.
        padding: the token of padding.
        length: the fixed length; `None` for that of the longest.
        multiple: int. The length is rounded up to a multiple of it.
        labels: bool. Whether to add the labels.
    """

    def __init__(
        self, rows: Rows, padding: int, length: int | None, multiple: int, labels: bool
    ) -> None:
        self.rows = rows
        self.padding = padding
        self.length = length
        self.multiple = multiple
        self.labels = labels
        self.slots = 0  # places for tokens in all batches so far

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        token_ids = [item["input_ids"] for item in items]
        lengths = torch.tensor([len(ids) for ids in token_ids])
        padded = pad_sequence(token_ids, batch_first=True, padding_value=self.padding)
        width = self.length or -(-padded.shape[1] // self.multiple) * self.multiple
        padded = F.pad(padded, (0, width - padded.shape[1]), value=self.padding)
        batch = {
            "input_ids": padded,
            "attention_mask": (torch.arange(width) < lengths[:, None]).long(),
        }
        if self.labels:
            chosen = torch.tensor([item["row"] for item in items])
            batch["labels"] = {name: t[chosen] for name, t in self.rows.targets.items()}
        self.slots += padded.numel()
        return batch


class Clock(transformers.TrainerCallback):
    """Times an epoch, and remembers when the first step of the process had ended."""

    first_step: float | None = None

    def __init__(self) -> None:
        self.step_ends: list[float] = []

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.started = time.perf_counter()

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
    """Answers the requests.

    Args:
        spec: `rows` (an .npz), `encoder` (a folder, or the sizes of a BERT), `tasks`, `dropout`,
            `batch_size`, `learning_rate`, `weight_decay`, `clip_norm`, `device`, `bfloat16`
            (whether it is allowed), `fixed_length` (pads all rows to it; `None`: tuned
            dynamic padding), `started` (`time.time()` when the process was started).
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.on_cpu = spec["device"] == "cpu"
        self.rows = Rows(spec["rows"])
        if isinstance(spec["encoder"], str):
            encoder = transformers.AutoModel.from_pretrained(
                spec["encoder"], add_pooling_layer=False, dtype=torch.float32
            )
        else:
            config = transformers.BertConfig(**spec["encoder"])
            encoder = transformers.BertModel(config, add_pooling_layer=False)
        self.model = MultiTaskModel(encoder, spec["tasks"], spec["dropout"])
        self.model.to("cpu" if self.on_cpu else "cuda")
        # What TrainingArguments has by default; `tune` finds better ones.
        self.settings = {"attention": "sdpa", "optim": "adamw_torch_fused", "bfloat16": False}
        self.directory = tempfile.mkdtemp(prefix="benchmark_peer_")

    def check(self, heads: str, rows: int) -> dict[str, Any]:
        """Takes the heads of mtc_keras and returns logits of the first rows."""
        with np.load(heads) as arrays, torch.no_grad():
            for task, head in zip(self.spec["tasks"], self.model.heads, strict=True):
                head.weight.copy_(torch.from_numpy(arrays[f"kernel_{task['name']}"].T.copy()))
                head.bias.copy_(torch.from_numpy(arrays[f"bias_{task['name']}"]))
        few = torch.utils.data.Subset(self.rows, range(min(rows, len(self.rows))))
        output = self.trainer(few, training=False).predict(few).predictions
        arrays = output if isinstance(output, tuple) else (output,)
        names = [task["name"] for task in self.spec["tasks"]]
        return {"logits": {name: array.tolist() for name, array in zip(names, arrays, strict=True)}}

    def trainer(self, dataset: Any, training: bool) -> transformers.Trainer:
        """Returns a Trainer with the settings found so far."""
        spec, tuned = self.spec, self.spec["fixed_length"] is None
        self.model.encoder.set_attn_implementation(self.settings["attention"])
        arguments = transformers.TrainingArguments(
            output_dir=self.directory,
            num_train_epochs=1,
            per_device_train_batch_size=spec["batch_size"],
            per_device_eval_batch_size=spec["batch_size"],
            learning_rate=spec["learning_rate"],
            weight_decay=spec["weight_decay"],
            max_grad_norm=spec["clip_norm"],
            optim=self.settings["optim"],
            bf16=self.settings["bfloat16"],
            use_cpu=self.on_cpu,
            dataloader_pin_memory=not self.on_cpu,
            # The tuned one is given rows ordered by similar length.
            train_sampling_strategy="sequential" if tuned else "random",
            remove_unused_columns=False,
            label_names=[],
            save_strategy="no",
            logging_strategy="no",
            logging_nan_inf_filter=not tuned,
            report_to="none",
            disable_tqdm=True,
        )
        multiple = 8 if self.settings["bfloat16"] else 1
        padding = self.model.encoder.config.pad_token_id or 0
        collate = Collate(self.rows, padding, spec["fixed_length"], multiple, labels=training)
        return transformers.Trainer(
            self.model, arguments, data_collator=collate, train_dataset=dataset
        )

    def ordered(self) -> Any:
        """Returns the training rows, grouped by length unless the length is fixed."""
        if self.spec["fixed_length"] is not None:
            return self.rows
        return torch.utils.data.Subset(self.rows, self.rows.grouped(self.spec["batch_size"]))

    def train(self) -> dict[str, Any]:
        """Trains one epoch."""
        clock, trainer = Clock(), self.trainer(self.ordered(), training=True)
        trainer.add_callback(clock)
        trainer.train()
        slots = trainer.data_collator.slots
        return {"seconds": clock.seconds, "slots": slots, **self.facts()}

    def predict(self) -> dict[str, Any]:
        """Predicts all rows, sorted by length unless the length is fixed."""
        sort = self.spec["fixed_length"] is None
        dataset = torch.utils.data.Subset(self.rows, self.rows.by_length()) if sort else self.rows
        trainer = self.trainer(dataset, training=False)
        started = time.perf_counter()
        trainer.predict(dataset)
        wait()
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "slots": trainer.data_collator.slots, **self.facts()}

    def tune(self) -> dict[str, Any]:
        """Keeps the fastest of the settings, each tried for a few steps on the same rows."""
        size, ordered = self.spec["batch_size"], self.ordered()
        batches = range(0, len(ordered), size)
        # Evenly spread over the order, which goes from long rows to short ones.
        chosen = batches[:: max(len(batches) // (WARM_UP_STEPS + TUNING_STEPS), 1)]
        numbers = [n for at in chosen for n in range(at, min(at + size, len(ordered)))]
        few = torch.utils.data.Subset(ordered, numbers)
        tried = []
        for settings in candidates(self.spec["bfloat16"]):
            self.settings = settings
            clock, trainer = Clock(), self.trainer(few, training=True)
            trainer.add_callback(clock)
            trainer.train()
            times = np.diff([clock.started, *clock.step_ends]).tolist()
            tried.append((sum(times[WARM_UP_STEPS:] or times), settings))
        self.settings = min(tried, key=lambda pair: pair[0])[1]
        return {"tried": [{**s, "seconds": t} for t, s in tried], "settings": self.settings}

    def facts(self) -> dict[str, Any]:
        """Returns the peak memory, and the seconds from the process' start to the first step."""
        memory = resident_peak() if self.on_cpu else torch.cuda.max_memory_allocated()
        first = Clock.first_step
        return {
            "peak_memory_bytes": memory,
            "seconds_to_first_step": None if first is None else first - self.spec["started"],
        }


def candidates(bfloat16: bool) -> Iterator[dict[str, Any]]:
    """Yields the settings among which the tuned Trainer chooses."""
    for half in (False, True) if bfloat16 else (False,):
        for attention in ("sdpa", "eager"):
            for optim in ("adamw_torch_fused", "adamw_torch"):
                yield {"attention": attention, "optim": optim, "bfloat16": half}


def versions(spec: dict[str, Any]) -> dict[str, Any]:
    """Returns the versions and the number of threads."""
    return {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
        "device": "cpu" if spec["device"] == "cpu" else torch.cuda.get_device_name(),
    }


def main() -> int:
    """Answers requests until stdin ends."""
    # What libraries print goes to stderr; the answers alone to stdout.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    transformers.logging.set_verbosity_error()
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = json.load(file)
    peer = Peer(spec)
    actions = {"training": peer.train, "prediction": peer.predict, "tune": peer.tune}
    print(json.dumps(versions(spec)), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "check":
            answer = peer.check(request["heads"], request["rows"])
        else:
            answer = actions[request["do"]]()
        print(json.dumps(answer), file=answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
