"""Linear heads on features that are given, and what they predict of rows that they never saw.

Shapes: N rows, D features, P logits or what becomes them, of all heads together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from mtc_keras.devices.executables import Executable
from mtc_keras.devices.gradients import with_gradients
from mtc_keras.tasks import Task

# What makes a loss another one than the negative logarithm of the label's probability.
OF_THE_LOSS = (
    *("loss", "gamma", "gamma_positive", "gamma_negative", "margin", "tau", "delta"),
    *("class_weights", "max_class_weight", "class_weight_beta", "label_smoothing"),
)


class Head:
    """The head of one task, its kernel an identity: it reads what a matrix product gives it.

    Args:
        task: the task.
    """

    def __init__(self, task: Task) -> None:
        kernels = _kernels(_model(task, 1))
        self.width = kernels[0].shape[1] if kernels else 1  # columns that it reads
        self.task, self.loss = task, task.make_loss()
        self.model = _model(task, self.width)
        for kernel in _kernels(self.model)[:1]:
            kernel.assign(np.eye(self.width))
            kernel.trainable = False

    def logits(self, values: Sequence[Any], columns: Any) -> Any:
        """Returns the logits.

        Args:
            values: those of the trainable variables.
            columns: float32 of shape `(N, width)`.
        """
        fixed = [variable.value for variable in self.model.non_trainable_variables]
        return self.model.stateless_call(values, fixed, columns, training=False)[0]


class LinearHeads:
    """One linear head per task, fitted by L-BFGS to its plain loss with an L2 penalty.

    Heads and losses are the tasks' own, so that every kind has probabilities, missing labels cost
    nothing, and shares count as shares. One product with the features stands for all kernels,
    which on a CPU takes a third of the time of a product per task.

    Args:
        tasks: the tasks.
        seen: by task, bool of shape `(D,)`: the features that its head reads.
        penalty: half of it times the squared weights is added to the summed losses; biases are
            free.
        steps: int. Most steps of L-BFGS.
    """

    def __init__(
        self, tasks: Sequence[Task], seen: Mapping[str, np.ndarray], penalty: float, steps: int
    ) -> None:
        self.heads = [Head(_plain(task)) for task in tasks]
        self.penalty, self.steps = penalty, steps
        columns = [np.repeat(seen[h.task.name][:, None], h.width, axis=1) for h in self.heads]
        self._seen = np.concatenate(columns, axis=1).astype("float32")  # (D, P)
        self._ends = np.cumsum([head.width for head in self.heads])[:-1].tolist()
        self._values = self._start = [
            np.zeros_like(self._seen),
            *(np.asarray(v) for head in self.heads for v in head.model.trainable_variables),
        ]
        self._slope = Executable(with_gradients(self._loss), "fit_heads")

    def fit(self, features: Any, targets: Mapping[str, np.ndarray]) -> None:
        """Fits all heads to rows, from no weights on.

        Args:
            features: float32 tensor of shape `(N, D)`.
            targets: by task, encoded labels of the same rows.
        """
        from scipy.optimize import minimize

        known = {name: ops.convert_to_tensor(labels) for name, labels in targets.items()}
        ends = np.cumsum([value.size for value in self._start])[:-1]

        def parts(flat: np.ndarray) -> list[np.ndarray]:
            values = zip(np.split(flat.astype("float32"), ends), self._start, strict=True)
            return [value.reshape(start.shape) for value, start in values]

        def slope(flat: np.ndarray) -> tuple[float, np.ndarray]:
            (loss, _), gradients = self._slope(parts(flat), features, known)
            return float(loss), _flat(gradients)

        found = minimize(
            slope, _flat(self._start), jac=True, method="L-BFGS-B", options={"maxiter": self.steps}
        )
        self._values = parts(found.x)

    def logits(self, features: Any) -> dict[str, np.ndarray]:
        """Returns the logits of rows, by task."""
        found = self._logits(self._values, features)
        return {name: ops.convert_to_numpy(logits) for name, logits in found.items()}

    def _logits(self, values: Sequence[Any], features: Any) -> dict[str, Any]:
        products = ops.matmul(features, values[0] * self._seen)  # (N, P)
        columns = ops.split(products, self._ends, axis=1) if self._ends else [products]
        found, own = {}, iter(values[1:])
        for head, part in zip(self.heads, columns, strict=True):
            given = [next(own) for _ in head.model.trainable_variables]
            found[head.task.name] = head.logits(given, part)
        return found

    def _loss(self, values: Any, features: Any, targets: Any) -> tuple[Any, None]:
        """Returns the summed losses of all tasks, the penalty included."""
        logits = self._logits(values, features)
        total = ops.zeros(())
        for head in self.heads:
            name = head.task.name
            lost, _ = head.loss.sums(targets[name], logits[name])
            total = total + head.task.loss_factor * lost
        squares = [ops.sum(ops.square(value)) for value in values if len(value.shape) > 1]
        return total + self.penalty / 2 * sum(squares), None


def unseen_logits(
    heads: LinearHeads, features: np.ndarray, targets: Mapping[str, np.ndarray], fold: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the logits of every row by heads that were fitted without its fold.

    Args:
        heads: the heads.
        features: float32 of shape `(N, D)`.
        targets: by task, encoded labels of the same rows.
        fold: int of shape `(N,)`, from 0 on: the fold of each row.

    Returns:
        dict from task to float32 logits.
    """
    given = ops.convert_to_tensor(features)  # once, and not for each step
    found: dict[str, np.ndarray] = {}
    for left_out in range(int(fold.max()) + 1):
        rows = fold == left_out
        # Labels that are left out are missing, so that every fold has one shape, compiled once.
        heads.fit(given, {h.task.name: _without(h.task, targets, rows) for h in heads.heads})
        for name, logits in heads.logits(given).items():
            found.setdefault(name, np.zeros_like(logits))[rows] = logits[rows]
    return found


def _without(task: Task, targets: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Returns a task's targets, missing in some rows."""
    kept = targets[task.name].copy()
    kept[rows] = task.missing_target
    return kept


def _plain(task: Task) -> Task:
    """Returns a task whose loss is plain, so that its probabilities mean what they say."""
    fields = type(task).model_fields
    plain = {name: fields[name].get_default() for name in OF_THE_LOSS if name in fields}
    return task.model_copy(update=plain)


def _model(task: Task, width: int) -> keras.Model:
    inputs = keras.Input((width,))
    return keras.Model(inputs, task.head(inputs, task.name))


def _kernels(model: keras.Model) -> list[Any]:
    return [variable for variable in model.trainable_variables if len(variable.shape) > 1]


def _flat(values: Sequence[Any]) -> np.ndarray:
    return np.concatenate([np.asarray(value, "float64").reshape(-1) for value in values])
