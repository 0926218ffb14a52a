"""Which sections a report has, and in which order."""

from collections.abc import Callable, Iterable

from mtc_keras.pages import Page, Part
from mtc_keras.report.account import Account
from mtc_keras.report.errors_together import errors_together
from mtc_keras.report.examples import examples
from mtc_keras.report.headline import headline
from mtc_keras.report.learning_curves import learning_curves
from mtc_keras.report.reproduction import how_to_reproduce
from mtc_keras.report.slices import slices
from mtc_keras.report.task_sections import task_sections

# Each tells something of a run, or nothing where there is nothing to tell. A page is read from the
# top: whether the run learned anything, then how, then what is wrong across tasks, then task by
# task, and last how to get it again.
PARTS: tuple[Callable[[Account], Iterable[Part]], ...] = (
    headline,
    learning_curves,
    errors_together,
    slices,
    examples,
    task_sections,
    how_to_reproduce,
)


def page_of(account: Account) -> Page:
    """Returns the page of a run."""
    parts = [part for make in PARTS for part in make(account)]
    return Page(title=f"Report of {account.name}", facts=_facts(account), parts=parts)


def _facts(account: Account) -> list[tuple[str, str]]:
    split = account.split
    found = [("run", account.name), ("backbone", account.config.model.backbone)]
    if split is not None:
        score = account.metrics[split].get("score")
        found.append((f"score on {split}", "undefined" if score is None else f"{score:.4f}"))
    if (shown := account.shown) is not None:
        found.append((f"{split} rows", f"{len(shown):,}"))
    if best := account.metrics.get("best_epoch"):
        found.append(("kept epoch", f"{best} of {len(account.history) or best}"))
    return found
