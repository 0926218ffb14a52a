"""A run's report: written by its training, and again for a run that is there."""

import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtc_keras.devices.startup import start
from mtc_keras.errors import ConfigError, UserError
from mtc_keras.files import read_json
from mtc_keras.pages import check_page, write_page
from mtc_keras.report.account import Account, account_of
from mtc_keras.report.assembly import page_of
from mtc_keras.run.directory import REPORT, RUN, Run
from mtc_keras.run.rows import as_run


@dataclass(frozen=True)
class Report:
    """A report that has been written.

    Args:
        path: the HTML file; beside it lie its numbers, as `.json`, and a folder of `.csv`.
        values: the numbers, by section: what the JSON file holds.
        notes: lines for people: what is missing, and why.
    """

    path: Path
    values: dict[str, Any]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Returns the numbers as JSON values."""
        return self.values


def report_run(
    run: Run | str | Path, out: str | Path | None = None, *, explained: int = 0
) -> Report:
    """Writes the report of a finished run: a page of HTML that needs no network.

    It is made of what the run has kept; nothing is predicted again. A run of an earlier version
    gets what its files allow, and the page says what is missing.

    Args:
        run: a `Run`, or the path of a run directory.
        out: the HTML file; default: `report.html` in the run, in place of the one that is there.
        explained: int. Examples whose words are coloured by what they add to the prediction, which
            takes some seconds.

    Returns:
        The `Report`.

    Raises:
        ConfigError: if the file cannot be written, or another process is writing the run.
        DataError: if there is no such run, or it is damaged.

    Example:

    ```python
    report = mtc_keras.report_run("runs/quickstart")
    report.values["summary"]["tasks"]["sentiment"]["value"]
    ```
    """
    run = as_run(run)
    own = run.directory / REPORT
    if out is not None and Path(out).resolve() == own.resolve():
        out = None
    path = own if out is None else Path(out)
    if out is not None:
        check_apart(path)
    check_page(path)
    with run.being_changed() if out is None else run.being_read():
        start()
        return _written(replace(account_of(run), explained=explained), path)


def check_apart(path: Path) -> None:
    """Checks that a page is not to lie in a run, whose own report it might replace.

    Raises:
        ConfigError: if it is; a run that holds another page could not be replaced, either.
    """
    folder = path.resolve().parent
    for run in (folder, folder.parent):
        if (run / RUN).is_file():
            raise ConfigError(
                f"cannot write {str(path)!r}: {str(run)!r} is a run, which holds no page but its "
                "own report; name a file elsewhere"
            )


def report_in_passing(account: Account, folder: Path) -> str | None:
    """Writes the report of a run whose training has just ended, into its directory.

    A report that cannot be written costs no training its run.

    Returns:
        What is to be told if it was not written: why, without a word of the rows.
    """
    path = folder / REPORT
    try:
        _written(account, path)
    except Exception as error:  # whatever it is, the run is whole without
        return (
            f"{REPORT} is not written ({_without_texts(error)}); the run stands without it, and "
            "`mtc-keras report` tries again"
        )
    return None


def _written(account: Account, path: Path) -> Report:
    write_page(page_of(account), path)
    return Report(path, read_json(path.with_suffix(".json")), account.notes)


def _without_texts(error: Exception) -> str:
    """Returns an error for the log: of ours its words, of others the place, as they quote rows."""
    if isinstance(error, UserError):
        return error.headline
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
