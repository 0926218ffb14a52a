"""A run of today's format that tests damage, and what they damage it with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mtc_keras.files import write_sums
from mtc_keras.run.directory import FORMAT, MARK, READ, RUN, TASK

OLD = Path(__file__).parents[1] / "written_by_0_1"


def run_of_today(directory: Path) -> Path:
    """Returns a copy of the run of version 0.1 that is of today's format."""
    shutil.copytree(OLD / "run", directory)
    (directory / RUN).write_text(json.dumps(FORMAT.stamped(MARK)))
    stamp(directory)
    return directory


def stamp(directory: Path) -> None:
    """Writes a run's checksums anew, as a stranger would who has changed it."""
    for folder, names in ((directory, READ), (directory / "model", None)):
        if names is not None:
            names = [name for name in names if (folder / name).is_file()]
        write_sums(folder, names)


def change(name: str, function: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Returns what changes the value of a JSON file; `None` of the function keeps it in place."""

    def damage(run: Path) -> None:
        value = json.loads((run / name).read_text())
        changed = function(value)
        (run / name).write_text(json.dumps(value if changed is None else changed))

    return damage


def task_config(**values: Any) -> Callable[[Path], None]:
    """Returns what changes the config in `task.json`."""
    return change(TASK, lambda saved: saved["config"].update(values))


def backbone(**values: Any) -> Callable[[Path], None]:
    """Returns what changes the backbone in `config.json` and in `task.json`."""

    def damage(run: Path) -> None:
        change("model/config.json", lambda saved: saved["config"].update(values))(run)
        change(TASK, lambda saved: saved["config"]["backbone"]["config"].update(values))(run)

    return damage


def task(number: int, **values: Any) -> Callable[[Path], None]:
    """Returns what changes one of the tasks."""
    return change(TASK, lambda saved: saved["config"]["tasks"][number].update(values))


def decision(name: str, **values: Any) -> Callable[[Path], None]:
    """Returns what changes the decision of a task."""
    return change(TASK, lambda saved: saved["config"]["decisions"][name].update(values))


def write(name: str, content: bytes | str) -> Callable[[Path], None]:
    """Returns what writes a file."""
    encoded = content.encode() if isinstance(content, str) else content

    def damage(run: Path) -> None:
        (run / name).write_bytes(encoded)

    return damage


def remove(name: str) -> Callable[[Path], None]:
    """Returns what removes a file."""
    return lambda run: (run / name).unlink()


def replace(name: str, make: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Returns what puts something else in a file's place."""

    def damage(run: Path) -> None:
        (run / name).unlink()
        make(run / name)

    return damage
