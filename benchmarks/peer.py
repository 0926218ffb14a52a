"""The peer of the benchmark: processes of `benchmarks.trainer` in an environment of their own."""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import jax
import numpy as np

from benchmarks.sides import Side, work_of
from mtc_keras.errors import ConfigError

TUNED, DEFAULT = "Trainer, tuned", "Trainer, padded to 128"
PADDED_TO = 128
COMPARED_ROWS = 4
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Untrained:
    """The heads of a side, and the logits of its first rows, as they are before training."""

    heads: dict[str, np.ndarray]
    logits: dict[str, np.ndarray]

    @classmethod
    def of(cls, side: Side) -> "Untrained":
        heads = {}
        for task in side.model.tasks:
            layer = side.model.get_layer(f"head_{task.name}")
            heads[f"kernel_{task.name}"] = np.asarray(layer.kernel)
            heads[f"bias_{task.name}"] = np.asarray(layer.bias)
        few = side.tokens.select(np.arange(min(COMPARED_ROWS, len(side.tokens))))
        return cls(heads, side.model.predict_logits(few, COMPARED_ROWS))


def start_peers(
    args: argparse.Namespace, ours: Side, untrained: Untrained | None, stack: ExitStack
) -> list["Peer"]:
    """Starts the tuned Trainer and, for texts of its length, the one with its defaults.

    They get the rows of `ours`, and give what is `untrained`, unless each side draws its own
    weights. The stack closes them.
    """
    spec = {
        "encoder": ours.encoder,
        "optimizer": ours.optimizer,
        "tasks": task_specs(ours.model),
        "dropout": ours.model.dropout,
        "batch_size": ours.batch_size,
        "device": "cpu" if jax.default_backend() == "cpu" else "gpu",
        "bfloat16": args.precision == "bfloat16",
    }
    variables = dict(variable.split("=", 1) for variable in args.peer_variable)
    kinds = [(TUNED, None, len(ours.tokens), variables)]
    if ours.tokens.lengths.max() <= PADDED_TO:
        kinds.append((DEFAULT, PADDED_TO, args.padded_rows, {}))
    peers = []
    for name, fixed, rows, own in kinds:
        peer = Peer(name, args.peer_python, {**spec, "fixed_length": fixed}, ours, rows, own)
        peers.append(peer)
        stack.callback(peer.close)
        if untrained is not None:
            peer.compare_logits(untrained)
        peer.warm_up()
    return peers


class Peer:
    """A process of `benchmarks.trainer`.

    Args:
        name: what it is called in tables.
        python: the Python of its environment.
        spec: what `benchmarks.trainer.Peer` describes, without `rows` and `started`.
        ours: the side it is compared with.
        rows: int. How many of that side's rows it gets, at most.
        variables: environment variables of its process.

    Raises:
        ConfigError: if the process cannot be started, or ends.
    """

    def __init__(
        self,
        name: str,
        python: str,
        spec: dict[str, Any],
        ours: Side,
        rows: int,
        variables: Mapping[str, str],
    ) -> None:
        self.name = name
        lengths = ours.tokens.lengths[:rows]
        work = work_of(lengths, 0, ours.size)  # it counts the slots itself
        self.work = {"training": work, "prediction": work}
        self._is_tuned = spec["fixed_length"] is None
        self._directory = tempfile.TemporaryDirectory(prefix="benchmark_peer_")
        folder = Path(self._directory.name)
        np.savez(
            folder / "rows.npz",
            token_ids=ours.tokens.flat["token_ids"][: lengths.sum()],
            lengths=lengths,
            **{f"target_{task}": values[:rows] for task, values in ours.targets.items()},
        )
        spec = {**spec, "rows": str(folder / "rows.npz"), "started": time.time()}
        (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        self._errors: IO[str] = (folder / "stderr.txt").open("w+", encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
        environment |= {"TOKENIZERS_PARALLELISM": "false", **variables}
        try:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.trainer", str(folder / "spec.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=environment,
            )
        except OSError as error:
            raise ConfigError(f"--peer-python {python!r}: {error.strerror}") from None
        self._facts: dict[str, Any] = {"versions": self.ask(do="versions")}

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and returns the answer."""
        with suppress(BrokenPipeError):  # it has ended: the answer says so
            print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        last = [line.strip() for line in self._errors if line.strip()][-3:]
        raise ConfigError(f"the peer ended with {self._process.returncode}", last)

    def compare_logits(self, untrained: Untrained) -> None:
        """Gives it our heads' weights and measures by how much its logits differ from ours.

        KerasHub's BERT computes GELU by its tanh approximation, so that they are not quite equal.
        """
        path = Path(self._directory.name) / "heads.npz"
        np.savez(path, **untrained.heads)
        theirs = self.ask(do="check", heads=str(path), rows=COMPARED_ROWS)["logits"]
        self._facts["largest_difference_of_logits"] = max(
            float(np.abs(np.reshape(theirs[task], values.shape) - values).max())
            for task, values in untrained.logits.items()
        )

    def warm_up(self) -> None:
        """Finds the best settings, unless it has the defaults; trains and predicts once."""
        self._facts["settings"] = self.ask(do="tune") if self._is_tuned else {}
        self.run("training")
        self.run("prediction")

    def run(self, action: str) -> float:
        """Runs `training` (an epoch) or `prediction` and returns its seconds."""
        answer = self.ask(do=action)
        self.work[action] = replace(self.work[action], slots=answer.pop("slots"))
        seconds = answer.pop("seconds")
        self._facts |= answer
        return seconds

    def facts(self) -> dict[str, Any]:
        """Returns what is known once a side has run."""
        return self._facts

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()  # closes its stdin
        self._errors.close()
        self._directory.cleanup()


def task_specs(model: Any) -> list[dict[str, Any]]:
    """Returns the tasks of a model as the peer takes them.

    Raises:
        ConfigError: for a head that the peer lacks.
    """
    specs = []
    for task in model.tasks:
        if task.kind not in ("multiclass", "multilabel", "regression") or task.hidden:
            raise ConfigError(f"tasks.{task.name}: the peer has no such head")
        outputs = model.get_layer(f"head_{task.name}").kernel.shape[-1]
        weight = float(model.task_loss_weights[task.name])
        specs.append({"name": task.name, "kind": task.kind, "outputs": outputs, "weight": weight})
    return specs
