"""Exactly one of several ordered classes per row: a CORN head."""

from itertools import accumulate
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from mtc_keras.tasks import arrays
from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.single_label import SingleLabelTask

if TYPE_CHECKING:
    import keras

    from mtc_keras.tasks.losses import MaskedLoss


class Ordinal(SingleLabelTask):
    """A task whose rows carry one of K ordered classes, such as 1 star … 5 stars.

    Conditional ordinal regression, CORN (Shi, Cao & Raschka 2021, arXiv 2111.08851):
    K - 1 logits, logit `k` being that of `P(y > k | y ≥ k)`. By the chain rule
    `P(y > k) = Π_{j ≤ k} σ(logit_j)` (equation 3), which falls with k by construction, and
    `P(y = k) = P(y > k - 1) - P(y > k)`.

    Targets are int32 of shape `(N,)`, `-1` where missing; logits float32 `(N, K - 1)`,
    probabilities float32 `(N, K)`. The class predicted is the median: the number of `k` with
    `P(y > k) > 0.5`.

    Example:

    ```python
    task = Ordinal(name="stars", classes=["1", "2", "3", "4", "5"])
    task.encode([5, None])[0]  # array([ 4, -1], dtype=int32)
    ```
    """

    kind: Literal["ordinal"] = Field(
        default="ordinal", description="Exactly one of several ordered classes per row (CORN)."
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        super().model_post_init(context)
        if self._given_classes() is None:
            raise ValueError(
                'kind = "ordinal" needs its classes listed from lowest to highest: '
                'classes = ["…", "…"], or num_classes'
            )

    @property
    def has_order(self) -> bool:
        return True

    def head(self, features: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
        return self.dense(features, len(self._index) - 1, name)

    @property
    def weighs_windows_whole(self) -> bool:
        return True  # its logits are the steps of one scale

    def evidence(
        self, logits: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the probability that a window alone gives the text's most probable class."""
        best = probabilities.argmax(axis=-1)
        own = self.activate_array(logits)
        # All logits of a window weigh the same, and so the first stands for them.
        return np.take_along_axis(own, best[:, None], axis=1)[:, 0], np.zeros_like(best)

    @property
    def explains_classes(self) -> bool:
        return False

    def explained(self, logits: "keras.KerasTensor", index: "keras.KerasTensor") -> Any:
        """Returns the expected position on the scale from 0 to K - 1, the sum of all `P(y > k)`."""
        from keras import ops

        return ops.sum(ops.cumprod(ops.sigmoid(logits), axis=-1), axis=-1)

    def make_loss(self) -> "MaskedLoss":
        from mtc_keras.tasks.losses import MaskedCORN

        return MaskedCORN(class_weights=self.class_weight_list)

    def constant_loss(self) -> float:
        """Returns the mean over all pairs of row and `k` with `y ≥ k` of the binary entropy."""
        at_least = self.counts[::-1].cumsum()[::-1]  # (K,), rows with y ≥ k
        subset, above = at_least[:-1], at_least[1:]
        return float((subset * binary_entropy(above, subset)).sum() / subset.sum())

    def activate(self, logits: "keras.KerasTensor") -> "keras.KerasTensor":
        from keras import ops

        return _of_classes(ops.sigmoid(logits), ops)

    def activate_array(self, logits: np.ndarray) -> np.ndarray:
        return np.asarray(_of_classes(arrays.sigmoid(logits), np))

    @property
    def main_metric(self) -> str:
        return "quadratic_weighted_kappa"

    @property
    def metric_names(self) -> tuple[str, ...]:
        return (*super().metric_names, "mae", "quadratic_weighted_kappa")

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        shown = ("accuracy", "f1_macro", "mae", "quadratic_weighted_kappa")
        return (*shown, *self.shown_of_shares)

    def choose(self, probabilities: Any, decision: Decision | None, ops: ModuleType) -> Any:
        above = 1 - ops.cumsum(probabilities, axis=-1)[..., :-1]  # (B, K - 1), P(y > k)
        return ops.sum(above > 0.5, axis=-1)

    def score(self, targets: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
        from mtc_keras.tasks.metrics import ordinal_metrics

        rows = self.labelled(targets)
        truth = self.hard(targets)[rows]
        ordered = ordinal_metrics(truth, predictions[rows], len(self._index))
        return {**super().score(targets, predictions), **ordered}


def binary_entropy(positives: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Returns `-p log p - (1 - p) log(1 - p)` of `p = positives / total`, 0 where undefined."""
    from scipy.special import entr

    share = np.divide(positives, total, out=np.zeros(len(total)), where=total > 0)
    return entr(share) + entr(1 - share)


def _of_classes(steps: Any, ops: ModuleType) -> Any:
    """Returns the probabilities of K classes, of shape `(B, K)`.

    Args:
        steps: float32 of shape `(B, K - 1)`, `P(y > k | y ≥ k)` for k = 0 … K - 2.
        ops: `numpy` or `keras.ops`.
    """
    # P(y > k), product by product, as tf2onnx converts no running one.
    products = accumulate(ops.split(steps, steps.shape[-1], axis=-1), ops.multiply)
    above = ops.concatenate(list(products), axis=-1)
    certain, impossible = ops.ones_like(above[..., :1]), ops.zeros_like(above[..., :1])
    reached = ops.concatenate([certain, above], axis=-1)  # (B, K), P(y ≥ k)
    # P(y = k) = P(y ≥ k) - P(y > k)
    return reached - ops.concatenate([above, impossible], axis=-1)
