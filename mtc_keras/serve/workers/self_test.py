"""What a model must answer before it is served: sample texts, twice."""

from collections.abc import Mapping

import numpy as np

from mtc_keras.errors import DataError
from mtc_keras.export.texts import TEXTS
from mtc_keras.predict.predictor import Predictor
from mtc_keras.tasks import Task

TOLERANCE = 1e-5


def check_answers(predictor: Predictor) -> None:
    """Asks a loaded predictor for sample texts of every sort.

    Raises:
        DataError: if an answer has another shape than its task says, is no finite number, or is
            another one the second time.
    """
    columns = [TEXTS, TEXTS[::-1]][: len(predictor.data.text_columns)]
    first, second = predictor.predict(tuple(columns)), predictor.predict(tuple(columns))
    problems = [
        f"{task.name}: {problem}"
        for task in predictor.tasks
        if (problem := _problem(task, first, second)) is not None
    ]
    if problems:
        raise DataError(f"{str(predictor.path)!r} fails its self-test", problems)


def _problem(
    task: Task, first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]
) -> str | None:
    found = first.get(task.name)
    shape = (len(TEXTS), len(task.shown_classes)) if task.has_probabilities else (len(TEXTS),)
    if found is None:
        return "there is no answer"
    if found.shape != shape:
        return f"the answer has shape {found.shape}, expected {shape}"
    if not np.isfinite(found).all():
        return f"{np.count_nonzero(~np.isfinite(found))} of {found.size} numbers are not finite"
    if not np.allclose(found, second[task.name], rtol=TOLERANCE, atol=TOLERANCE):
        return "the same texts have other answers the second time"
    return None
