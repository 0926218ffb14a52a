"""All trackers of one training. One that fails is told and left out; the training goes on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from mtc_keras.config import Config, TrackingConfig
from mtc_keras.console.log import Log
from mtc_keras.errors import first_cause
from mtc_keras.files import read_json
from mtc_keras.run.checkpoints import Start, flat
from mtc_keras.run.directory import EVENTS, TRACKING
from mtc_keras.run.writer import RunWriter
from mtc_keras.scoring.judging import flat_logs
from mtc_keras.train.making import RunInMaking
from mtc_keras.train.tracking.mlflow import MlflowTracker
from mtc_keras.train.tracking.tensorboard import TensorBoardTracker
from mtc_keras.train.tracking.tracker import (
    Link,
    TrackedRun,
    Tracker,
    tracked_numbers,
    without_credentials,
)
from mtc_keras.train.tracking.wandb import WandbTracker

ARTIFACTS = ("report.html", "metrics.json", "config.toml")


class Tracking:
    """The trackers of one training.

    Args:
        trackers: those that the config names.
        tasks: the names of the tasks.
        log: takes a line for each that fails.

    Attributes:
        links: by tracker, what finds its run again.
    """

    def __init__(self, trackers: Sequence[Tracker], tasks: Sequence[str], log: Log) -> None:
        self._trackers, self._tasks, self._log = list(trackers), list(tasks), log
        self.links: dict[str, Link] = {}

    def begin(self, run: TrackedRun, earlier: Mapping[str, Link]) -> None:
        """Begins the trackers' runs, or goes on with earlier ones."""

        def begin(tracker: Tracker) -> None:
            before = dict(earlier.get(tracker.name, {}))
            link = tracker.begin(run, before)
            self.links[tracker.name] = link
            verb = "goes on" if link == before else "is"
            shown = link.get("url") or ", ".join(f"{key} {value}" for key, value in link.items())
            self._log.line(f"tracking: the run {verb} in {tracker.name}: {shown}")

        self._each(begin)

    def log_epoch(self, epoch: int, logs: Mapping[str, Any]) -> None:
        """Takes what Keras logs after an epoch, which is numbered from 1."""
        numbers = tracked_numbers(logs, self._tasks)
        self._each(lambda tracker: tracker.log(epoch, numbers))

    def log_results(self, metrics: Mapping[str, Any]) -> None:
        """Takes the metrics of the kept model, as `metrics.json` has them."""
        numbers = {"best_epoch": float(metrics["best_epoch"])}
        for split, prefix in (("validation", "kept_val_"), ("test", "test_")):
            if split in metrics:
                logs = flat_logs(metrics[split], prefix)
                numbers |= tracked_numbers(logs, self._tasks, prefix)
        self._each(lambda tracker: tracker.log(metrics["best_epoch"], numbers))

    def finish(self, directory: Path) -> None:
        """Ends the trackers' runs, with the files of the run that they keep."""
        files = [directory / name for name in ARTIFACTS if (directory / name).is_file()]
        self._each(lambda tracker: tracker.finish(files))
        self._trackers.clear()

    def stop(self, is_failed: bool) -> None:
        """Leaves the trackers' runs as they are."""
        self._each(lambda tracker: tracker.stop(is_failed))
        self._trackers.clear()

    def _each(self, act: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                act(tracker)
            except Exception as error:  # whatever a client raises costs no training
                self._trackers.remove(tracker)
                cause = without_credentials(first_cause(error))
                self._log.line(
                    f"tracking: {tracker.name} failed, and the training goes on without it: "
                    f"{cause}; {tracker.hint}"
                )


class TrackedEpochs(keras.callbacks.Callback):
    """Hands the numbers of each epoch to the trackers.

    Args:
        tracking: the `Tracking`.
    """

    def __init__(self, tracking: Tracking) -> None:
        super().__init__()
        self.tracking = tracking

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.tracking.log_epoch(epoch + 1, logs or {})


@contextmanager
def tracked(config: Config, start: Start, run: RunInMaking) -> Iterator[Tracking]:
    """Tracks a training while the context lasts; of several processes, the first alone.

    Args:
        config: the resolved `Config`.
        start: where the training starts.
        run: where it writes and what it shows.
    """
    writer = run.writer
    trackers = trackers_of(config.tracking, writer) if writer.is_kept else []
    tracking = Tracking(trackers, list(config.tasks), run.log)
    if trackers:
        checkpoint = start.checkpoint
        about = TrackedRun(
            writer.final.name,
            writer.final,
            parameters_of(config),
            checkpoint.epoch if checkpoint else 0,
        )
        tracking.begin(about, _earlier(writer, run.log) if checkpoint else {})
        writer.write_json(TRACKING, tracking.links)
    try:
        yield tracking
    except BaseException as error:
        tracking.stop(is_failed=isinstance(error, Exception))
        raise


def trackers_of(tracking: TrackingConfig, writer: RunWriter) -> list[Tracker]:
    """Returns the trackers that a config names."""
    found: list[Tracker] = []
    if tracking.tensorboard:
        inside, shown = writer.path(EVENTS), writer.final / EVENTS
        if isinstance(tracking.tensorboard, str):
            inside = shown = Path(tracking.tensorboard).expanduser() / writer.final.name
        found.append(TensorBoardTracker(inside, shown))
    if tracking.mlflow is not None:
        found.append(MlflowTracker(tracking.mlflow))
    if tracking.wandb is not None:
        found.append(WandbTracker(tracking.wandb))
    return found


def parameters_of(config: Config) -> dict[str, Any]:
    """Returns the values of a config by dotted key; where it is tracked is none of them."""
    values = flat(config.to_dict())
    return {key: value for key, value in values.items() if not key.startswith("tracking.")}


def _earlier(writer: RunWriter, log: Log) -> dict[str, Link]:
    """Returns the links that the training wrote which is resumed."""
    path = writer.path(TRACKING)
    if not path.exists():
        return {}
    try:
        found = read_json(path)
    except ValueError:
        found = None
    if isinstance(found, dict) and all(isinstance(link, dict) for link in found.values()):
        return found
    log.line(f"tracking: {TRACKING} cannot be read; the trackers begin new runs")
    return {}
