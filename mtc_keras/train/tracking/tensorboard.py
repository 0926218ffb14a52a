"""TensorBoard: event files, written by its own writer of records, for which TensorFlow stays out.

`keras.callbacks.TensorBoard` and `tensorboard.summary.Writer` import TensorFlow, which takes
seconds and memory that a training on JAX has no other use for.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtc_keras.train.tracking.tracker import Link, TrackedRun, Tracker, parameter_text


class TensorBoardTracker(Tracker):
    """Writes the events of a run into a folder.

    Args:
        folder: the folder, which may hold the events of the training that is resumed.
        shown: what the folder will be called in the end.
    """

    name = "tensorboard"
    hint = "look whether the folder can be written to"

    def __init__(self, folder: Path, shown: Path) -> None:
        self.folder, self.shown = folder, shown

    def begin(self, run: TrackedRun, earlier: Link) -> Link:
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.plugins.text.summary_v2 import text_pb

        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns() / 1e9:020.9f}.{os.getpid()}"
        self._file = self.folder / name
        events: list[dict[str, Any]] = [
            {"file_version": "brain.Event:2"},
            # What stands there of later epochs, of a training that was stopped, counts no more.
            {"session_log": SessionLog(status=SessionLog.START), "step": run.epochs_before},
        ]
        if not earlier:
            settings = {
                key: value if isinstance(value, (bool, int, float)) else parameter_text(value)
                for key, value in run.parameters.items()
            }
            lines = "\n".join(f"    {key} = {text}" for key, text in settings.items())
            events += [
                {"summary": hparams_pb(settings, trial_id=str(run.directory))},
                {"summary": text_pb("config", lines)},
                {"summary": text_pb("run", f"    {run.directory}")},
            ]
        self._write(events)
        return {"directory": str(self.shown)}

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        self._write(
            {"summary": scalar_pb(name, number), "step": step} for name, number in numbers.items()
        )

    def finish(self, files: Sequence[Path]) -> None:
        """Does nothing: TensorBoard shows no files; those of the run lie beside its events."""

    def stop(self, is_failed: bool) -> None:
        """Does nothing: what was logged is in the file."""

    def _write(self, events: Iterable[Mapping[str, Any]]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._file.open("ab") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(Event(wall_time=time.time(), **event).SerializeToString())
