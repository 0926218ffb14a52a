"""A run in the making: the files that it will be, and what is shown while it is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mtc_keras.config import Config
from mtc_keras.console.log import Log
from mtc_keras.devices import processes
from mtc_keras.errors import TrainingError
from mtc_keras.run.checkpoints import Start
from mtc_keras.run.directory import FAILED
from mtc_keras.run.writer import RunWriter


@dataclass(frozen=True, eq=False)
class RunInMaking:
    """Where a training writes, and what it shows.

    Args:
        writer: writes the run's files.
        log: shows lines and tables, and keeps them in the run's `train.log`.
        verbose: 0 for silence, 1 for progress and tables, 2 for every class, too.
    """

    writer: RunWriter
    log: Log
    verbose: int


@contextmanager
def run_in_making(config: Config, start: Start, verbose: int) -> Iterator[RunInMaking]:
    """Begins the run of a config, or goes on with it; of several processes, the first alone."""
    resumed, first = start.checkpoint is not None, processes.process_id() == 0
    writer = RunWriter(config.output.directory, resumed, is_kept=first)
    quiet = verbose == 0 or not first
    with (
        writer.failures_told(),
        Log(writer.path("train.log"), quiet=quiet, append=resumed) as log,
    ):
        try:
            yield RunInMaking(writer, log, verbose)
        except TrainingError as error:
            writer.write_text(FAILED, f"{error.headline}\n")
            raise
