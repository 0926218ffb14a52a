"""Weights & Biases, by its client; offline where `WANDB_MODE=offline` says so."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

from mtc_keras.errors import ConfigError
from mtc_keras.train.tracking.tracker import Link, TrackedRun, Tracker, parameter_text, variables

STEP = "epoch"
_SECONDS = 30  # until a server has answered


class WandbTracker(Tracker):
    """Sends a run to Weights & Biases: its numbers and files, no code, no output, no machine.

    Args:
        project: the project, or `entity/project`.
    """

    name = "wandb"
    hint = "look whether its server can be reached; WANDB_MODE=offline writes to the disk"

    def __init__(self, project: str) -> None:
        self.entity, _, self.project = project.rpartition("/")

    def begin(self, run: TrackedRun, earlier: Link) -> Link:
        with variables(WANDB_ERROR_REPORTING="false", WANDB_SILENT="true"):
            import wandb

            mode = wandb.setup().settings.mode
            if mode == "online" and not wandb.login(prompt=False):
                raise ConfigError(
                    "nobody is logged in: `wandb login`, or set WANDB_API_KEY or WANDB_MODE=offline"
                )
            is_same = earlier.get("project") == self.project
            self._run: Any = wandb.init(
                entity=self.entity or None,
                project=self.project,
                name=run.name,
                id=earlier["id"] if is_same and "id" in earlier else token_hex(4),
                resume="allow",
                config={
                    **{key: _plain(value) for key, value in run.parameters.items()},
                    "run_directory": str(run.directory),
                },
                settings=wandb.Settings(
                    console="off",
                    disable_code=True,
                    disable_git=True,
                    init_timeout=_SECONDS,
                    silent=True,
                    x_disable_meta=True,
                    x_disable_stats=True,
                    x_save_requirements=False,
                ),
            )
        self._run.define_metric(STEP, hidden=True)
        self._run.define_metric("*", step_metric=STEP)
        link = {"project": self.project, "id": str(self._run.id), "directory": str(self._run.dir)}
        return link if self._run.offline else {**link, "url": str(self._run.url)}

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        self._run.log({STEP: step, **numbers})

    def finish(self, files: Sequence[Path]) -> None:
        for file in files:
            # Copied, as the client would link to a run directory that is about to be renamed.
            own = shutil.copy(file, self._run.dir)
            self._run.save(own, base_path=self._run.dir, policy="now")
        self._run.finish()

    def stop(self, is_failed: bool) -> None:
        self._run.finish(exit_code=1 if is_failed else 255)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float)) else parameter_text(value)
