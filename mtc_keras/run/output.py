"""Where a run is written: whether it may be, by which process, and what is removed for it.

    runs/NAME.unfinished    the run that is being written
    runs/NAME               the run, once it is whole
    runs/NAME.replaced      an older one, while the new one takes its place
    runs/.NAME.lock         held by the process that writes

What lies under one of the first three names and was not written by a training is never removed.
"""

import shutil
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mtc_keras.devices.joining import joined_processes
from mtc_keras.errors import ConfigError, listed
from mtc_keras.files import (
    MOST_TOML,
    SUMS,
    check_folder,
    held,
    is_left_by_system,
    is_unfinished,
    parents_made,
    read_bytes,
    read_json,
)
from mtc_keras.run.checkpoints import STATE, saved_checkpoints
from mtc_keras.run.directory import (
    CHECKPOINTS,
    CONFIG,
    FILES,
    MARK,
    MODEL,
    PREDICTED,
    PREDICTIONS,
    REPORT_TABLES,
    RUN,
    WRITTEN_BY,
    checkpoint_directory,
    resolved_path,
    unfinished,
)

TABLES_OF_0_1 = {
    *("seed", "data", "tasks", "model", "training", "balancing", "decisions", "distribution"),
    "output",
}
ANOTHER = "choose another (--set output.directory=…)"


def replaced(directory: Path) -> Path:
    """Returns where an older run lies while a new one takes its place."""
    return directory.with_name(directory.name + ".replaced")


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run or a part of one, and so may be replaced; an empty one may.

    It is known by what a training alone writes, not by names; what somebody has put beside that
    is found by `strangers`.
    """
    if folder.is_symlink() or not folder.is_dir():
        return False
    if not any(folder.iterdir()) or _is_marked(folder / RUN):
        return True
    # Version 0.1 wrote no run.json, but its whole config first, or went on from a checkpoint.
    return _is_whole_config(folder / CONFIG) or any(
        (path / STATE).is_file() for path in saved_checkpoints(folder / CHECKPOINTS)
    )


def strangers(folder: Path) -> list[str]:
    """Returns the names in a run that no training writes, but for what systems leave anywhere."""
    return [
        path.relative_to(folder).as_posix()
        for inner in (folder, folder / MODEL, folder / PREDICTIONS, folder / REPORT_TABLES)
        for path in (sorted(inner.iterdir()) if inner.is_dir() else ())
        if not _is_written(path.name, inner.name if inner != folder else "")
        and not is_unfinished(path.name)
        and not is_left_by_system(path.name)
    ]


def _is_written(name: str, within: str) -> bool:
    """Whether a training writes a file of that name into a run, or into a folder of it."""
    if within == MODEL:  # by KerasHub, which has more names than one model has files
        return name in (SUMS, "assets") or name.endswith((".json", ".weights.h5"))
    if within == REPORT_TABLES:
        return name.endswith(".csv")
    return name in ((*PREDICTED, SUMS) if within == PREDICTIONS else FILES)


def check_no_strangers(folder: Path) -> None:
    """Checks that nobody has put a file of their own into a run that is to be removed.

    Raises:
        ConfigError: naming them.
    """
    if found := strangers(folder):
        raise ConfigError(
            f"output.directory: {str(folder)!r} is a run that holds {listed(found, 4)}, too, which "
            f"no training wrote and which would be removed with it; move that away, or {ANOTHER}"
        )


def _is_marked(file: Path) -> bool:
    """Whether a `run.json` is one that a training wrote."""
    try:
        about = read_json(file)
    except ValueError:
        return False
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        return False
    is_of_1 = about["format"] == 1 and about.keys() <= {"format", "sha256"}
    return is_of_1 or about.get(WRITTEN_BY) == MARK[WRITTEN_BY]


def _is_whole_config(file: Path) -> bool:
    """Whether a `config.toml` has all tables, as a training writes it and hardly anybody else."""
    try:
        values = tomllib.loads(read_bytes(file, MOST_TOML).decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return values.keys() >= TABLES_OF_0_1


def remove_run(folder: Path) -> None:
    """Removes a run, or what is left of one; that it is one can be seen until the end.

    Raises:
        ConfigError: if the folder holds something else, too.
    """
    if not folder.is_symlink() and not folder.exists():
        return
    if not is_run(folder):
        raise ConfigError(_in_the_way(folder))
    check_no_strangers(folder)
    for path in sorted(folder.iterdir(), key=lambda path: path.name == RUN):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def check_output(directory: str, overwrite: bool, resume: bool = False) -> None:
    """Checks that a run may be written.

    Raises:
        ConfigError: if the directory cannot be written, holds something that is not a run,
            or holds a run and `overwrite` is not set; if an unfinished run has checkpoints
            and neither `overwrite` nor `resume` is set; if somebody else's files lie where the
            run is written until it is whole.
    """
    path, where = resolved_path(directory), f"output.directory: {directory!r}"
    check_folder(path, where)
    if path.exists() and not is_run(path):
        raise ConfigError(f"{where} holds files that are not a run; {ANOTHER}")
    for beside in (unfinished(path), replaced(path)):
        if (beside.is_symlink() or beside.exists()) and not is_run(beside):
            raise ConfigError(_in_the_way(beside))
    if saved_checkpoints(checkpoint_directory(directory)) and not overwrite and not resume:
        raise ConfigError(
            f"output.directory: {str(unfinished(path))!r} holds checkpoints of an unfinished run; "
            "continue with --resume, or start again with --overwrite"
        )
    for folder in (path, unfinished(path)) if overwrite else ():
        if folder.exists():
            check_no_strangers(folder)
    may_replace = overwrite or (resume and unfinished(path).exists())  # it was begun with that
    if path.exists() and any(path.iterdir()) and not may_replace:
        raise ConfigError(f"{where} already holds a run; {ANOTHER} or replace it with --overwrite")


@contextmanager
def owned_output(directory: str, overwrite: bool, resume: bool = False) -> Iterator[None]:
    """Makes this process the one that writes a run, while the context lasts.

    Of several processes that train together the first one is; all of them must enter.

    Raises:
        ConfigError: if another one is, or for what `check_output` says, on all of them.
    """
    processes = joined_processes()
    path, where = resolved_path(directory), f"output.directory: {directory!r}"
    refusal: ConfigError | None = None
    with ExitStack() as stack:
        if processes is None or processes.process_id() == 0:
            try:
                stack.enter_context(parents_made(path))
                stack.enter_context(held(path, where))
                check_output(directory, overwrite, resume)  # another may have begun and ended
            except ConfigError as error:
                refusal = error
            except OSError as error:
                refusal = ConfigError(f"{where} cannot be made: {error.strerror}; {ANOTHER}")
        refused = float(refusal is not None)
        if refused if processes is None else processes.of_first_process(refused):
            raise refusal or ConfigError(f"{where} is refused to process 0")
        yield


def _in_the_way(folder: Path) -> str:
    return (
        f"output.directory: {str(folder)!r} holds files that are not a run, and a run is written "
        f"under that name until it is whole; move it away, or {ANOTHER}"
    )
