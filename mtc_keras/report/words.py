"""The words of examples with what each adds to a prediction, for some of them."""

from collections.abc import Mapping, Sequence

from mtc_keras.errors import plural
from mtc_keras.report.account import Account

# A task, a row and a class: what an example is about.
About = tuple[str, int, str | None]
HINT = (
    "`mtc-keras report RUN --explain 20` colours the words of 20 mistakes by what each adds "
    "to the prediction; that takes some seconds."
)
Words = Mapping[About, Sequence[tuple[str, float]]]


def coloured_words(account: Account, wanted: Sequence[About]) -> tuple[Words, str]:
    """Returns the words of the first few examples with their attributions, and a line for people.

    They take seconds, so a training asks for none; `mtc-keras report RUN --explain N` does.

    Args:
        account: what the run is told by; `explained` says how many examples.
        wanted: the examples, in the order of the page.
    """
    judged = account.shown
    if account.model is None or judged is None or judged.texts is None:
        return {}, ""
    if not account.explained:
        return {}, HINT
    from mtc_keras.model.explaining import unexplainable

    model = account.model()
    if why := unexplainable(model):
        return {}, f"Words are not coloured, as that {why}."
    chosen = _spread(wanted, account.explained)
    found: dict[About, Sequence[tuple[str, float]]] = {}
    for task in dict.fromkeys(name for name, *_ in chosen):
        own = [about for about in chosen if about[0] == task]
        columns = [[column[row] for _, row, _ in own] for column in judged.texts]
        texts = columns[0] if len(columns) == 1 else tuple(columns)
        labels = [label for *_, label in own]
        label = None if labels.count(None) == len(labels) else labels
        for about, explained in zip(own, model.explain(texts, task=task, label=label), strict=True):
            found[about] = explained[task].pieces()
    return found, (
        f"In {plural(len(found), 'example')} words are coloured by what they add to the logit of "
        "the class that was wrongly predicted or left out, or to the number (integrated gradients, "
        "Sundararajan et al. 2017): blue adds to it, orange takes from it."
    )


def _spread(wanted: Sequence[About], most: int) -> list[About]:
    """Returns the first examples of each task in turn, so that no task takes all."""
    by_task: dict[str, list[About]] = {}
    for about in wanted:
        by_task.setdefault(about[0], []).append(about)
    turns = max((len(own) for own in by_task.values()), default=0)
    order = [own[turn] for turn in range(turns) for own in by_task.values() if turn < len(own)]
    return order[:most]
