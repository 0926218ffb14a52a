"""What a loss or a metric of Keras is handed of a task: only known labels, in the form it reads.

Shapes: B rows, C classes.
"""

import inspect
from dataclasses import dataclass
from typing import Any

import keras
from keras import KerasTensor, ops

from mtc_keras.tasks import Task
from mtc_keras.tasks.losses import known_labels

# What measures by how much a number is wrong; between the positions of classes it means nothing.
OF_NUMBERS = {
    *("meanabsoluteerror", "meansquarederror", "rootmeansquarederror", "huber", "logcosh"),
    *("meanabsolutepercentageerror", "meansquaredlogarithmicerror", "r2score"),
}
# What averages over single cells, so that the unknown cells of a row can be left out by
# themselves; anything else compares the classes of a row with each other.
CELL_BY_CELL = {
    *(OF_NUMBERS - {"r2score"}),
    *("binaryaccuracy", "binarycrossentropy", "binaryfocalcrossentropy"),
    *("hinge", "squaredhinge", "precision", "recall", "auc"),
    *("truepositives", "truenegatives", "falsepositives", "falsenegatives"),
}


@dataclass(frozen=True)
class KerasView:
    """How the targets and logits of a task are handed to a loss or a metric of Keras.

    Args:
        task: the task.
        from_logits: bool. Whether it takes logits, and not what `predict` returns.
        one_hot: bool. Whether class indices become one-hot rows of shape `(B, C)`.
        by_cell: bool. Whether each cell of a row of several is a row by itself.
    """

    task: Task
    from_logits: bool
    one_hot: bool
    by_cell: bool

    @classmethod
    def of(cls, task: Task, given: Any, logits_shape: tuple[int, ...]) -> "KerasView":
        """Returns the view that fits a loss, a metric or a function.

        One that says `from_logits` is believed; a threshold outside of (0, 1) can be one of
        logits only. Whatever else is Keras' own takes probabilities, and a user's own the
        model's outputs, which are logits.

        Args:
            task: the task.
            given: a loss, a metric or a function of `(y_true, y_pred)`.
            logits_shape: the shape of one row of the task's logits.

        Raises:
            ValueError: if it would read logits as one per class that are not, or classes as
                numbers.
        """
        config, keras_own = config_of(given), is_of_keras(given)
        thresholds = config.get("thresholds", config.get("threshold"))
        says = config.get("from_logits")
        if says is None and keras_own and thresholds is not None:
            values = thresholds if isinstance(thresholds, (list, tuple)) else [thresholds]
            says = not all(0 < value < 1 for value in values)
        name = name_of(given)
        if says and task.has_classes and logits_shape != (len(task.known_classes),):
            raise ValueError(
                f"a task of kind {task.kind!r} has other logits than one per class; give "
                f"from_logits=False. Received: {shown_name(given)!r} for task {task.name!r}"
            )
        if keras_own and name in OF_NUMBERS and "int" in task.prediction_dtype:
            raise ValueError(
                f"task {task.name!r} has classes, and {shown_name(given)!r} compares numbers; "
                "'crossentropy' is a loss of classes, 'accuracy' a metric"
            )
        by_class = any(config.get(key) is not None for key in ("class_id", "top_k"))
        return cls(
            task,
            from_logits=bool(says) if says is not None else not keras_own,
            one_hot=keras_own and "sparse" not in name and not config.get("sparse_y_true"),
            by_cell=keras_own
            and name in CELL_BY_CELL
            and not by_class
            and not config.get("multi_label"),
        )

    def __call__(
        self, targets: KerasTensor, logits: KerasTensor, sample_weight: KerasTensor | None = None
    ) -> tuple[KerasTensor, KerasTensor, KerasTensor]:
        """Returns targets, predictions and float32 weights, 0 where a label is missing.

        Missing labels are replaced by 0, missing numbers by the mean of the batch's known ones:
        what a loss can compute of a real label, such as its logarithm, it can of these. A number
        per row has the shape `(B, 1)`, as a layer of one unit gives it. Of several cells per row,
        a row with an unknown one has the weight 0 as a whole, unless its cells are handed one by
        one.
        """
        targets, logits = ops.convert_to_tensor(targets), ops.cast(logits, "float32")
        if not self.one_hot:
            targets = hard(self.task, targets)
        known = known_labels(targets)
        truth = ops.where(known, targets, ops.zeros_like(targets))
        if known.ndim == 1 and not is_index(targets):
            count = ops.sum(ops.cast(known, truth.dtype))
            mean = ops.where(count > 0, ops.sum(truth) / ops.maximum(count, 1), 1)
            truth = ops.where(known, truth, mean)
        predicted = logits if self.from_logits else self.task.activate(logits)
        weights = ops.cast(known, "float32")
        if sample_weight is not None:
            rows = ops.cast(ops.reshape(sample_weight, (-1, *[1] * (known.ndim - 1))), "float32")
            weights = weights * rows
        if known.ndim > 1:
            if self.by_cell:
                return _column(truth), _column(predicted), ops.reshape(weights, (-1,))
            return truth, predicted, ops.min(weights, axis=tuple(range(1, known.ndim)))
        if predicted.ndim == 1:
            return truth[:, None], predicted[:, None], weights
        if self.one_hot and is_index(targets):
            truth = ops.one_hot(truth, predicted.shape[-1], dtype="float32")
        return truth, predicted, weights


def hard(task: Task, targets: KerasTensor) -> KerasTensor:
    """Returns class indices, also of targets that give the share of each class."""
    if "int" not in task.prediction_dtype or targets.ndim == 1:
        return targets
    known = ops.all(known_labels(targets), axis=-1)
    return ops.where(known, ops.argmax(targets, axis=-1), -1)


def is_index(targets: Any) -> bool:
    """Whether targets are class indices."""
    return "int" in keras.backend.standardize_dtype(targets.dtype)


def config_of(given: Any) -> dict[str, Any]:
    """Returns the settings of a loss, a metric or a function by name."""
    if inspect.isfunction(given) or inspect.ismethod(given):
        parameters = inspect.signature(given).parameters.values()
        return {p.name: p.default for p in parameters if isinstance(p.default, (bool, float))}
    try:
        return dict(given.get_config())
    except (AttributeError, NotImplementedError):  # a user's own, that is never saved
        return {}


def name_of(given: Any) -> str:
    """Returns one name for a class and its function, such as `"binarycrossentropy"`."""
    return shown_name(given).replace("_", "").lower()


def shown_name(given: Any) -> str:
    """Returns the name of a class or function as Keras writes it."""
    return str(getattr(given, "__name__", type(given).__name__))


def is_of_keras(given: Any) -> bool:
    """Whether a loss or a metric comes with Keras; a wrapper of a user's function does not."""
    if name_of(given) in ("meanmetricwrapper", "lossfunctionwrapper"):
        return False
    module = given.__module__ if hasattr(given, "__name__") else type(given).__module__
    return str(module).split(".")[0] == "keras"


def _column(values: KerasTensor) -> KerasTensor:
    return ops.reshape(values, (-1, 1))
