"""What the kinds share whose rows carry exactly one class."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field

from mtc_keras.errors import plural
from mtc_keras.files import json_line
from mtc_keras.tasks.classification import ClassificationTask
from mtc_keras.tasks.columns import Cell, Cells
from mtc_keras.tasks.decision import Decision
from mtc_keras.tasks.probabilities import EXACT, NEARLY
from mtc_keras.tasks.remedies import are_shares, list_line, table_line
from mtc_keras.tasks.separators import (
    CANDIDATES,
    DEFAULT,
    find_separator,
    lists,
    split_names,
    texts_of,
)
from mtc_keras.tasks.share_labels import SHARES
from mtc_keras.tasks.spelling import class_key

if TYPE_CHECKING:
    import tensorflow as tf

SMALLEST = 1e-7  # of a probability under a logarithm, as float32 sees it


class SingleLabelTask(ClassificationTask):
    """Exactly one class per row: targets are its index, int32 of shape `(N,)`, `-1` where missing.

    Of votes and probabilities, targets are the share of each class, float32 of shape `(N, C)` that
    sum to 1, and NaN where missing. Probabilities are float32 of shape `(N, C)` that sum to 1.
    """

    separator: str | None = Field(
        default=None,
        min_length=1,
        description='With labels = "votes": the separator of the answers in a text cell; '
        "default: '|'.",
    )

    def model_post_init(self, context: Any) -> None:
        """Checks what involves several fields."""
        super().model_post_init(context)
        if self.separator is not None and self.labels != "votes":
            raise ValueError(
                'separator belongs to kind = "multilabel", or to labels = "votes"; remove it'
            )

    @property
    def is_exclusive(self) -> bool:
        return True

    @property
    def answer_separator(self) -> str:
        return self.separator or DEFAULT

    @property
    def missing_target(self) -> int | np.ndarray:
        return self.nothing_known if self.has_shares else -1

    @property
    def target_dtype(self) -> str:
        return "float32" if self.has_shares else "int32"

    @property
    def prediction_dtype(self) -> str:
        return "int32"

    def hard(self, targets: np.ndarray) -> np.ndarray:
        """Returns int32 of shape `(N,)`: of shares the class of the greatest, -1 where missing."""
        if targets.ndim == 1:
            return targets
        modes = np.where(self.labelled(targets), targets.argmax(axis=1), -1)
        return modes.astype(self.prediction_dtype)

    def tied(self, targets: np.ndarray) -> np.ndarray:
        if targets.ndim == 1:
            return super().tied(targets)
        return np.count_nonzero(targets == targets.max(axis=1, keepdims=True), axis=1) > 1

    @property
    def how_tied(self) -> str:
        return (
            "several classes with the greatest share, of which metrics read the first in the "
            "order of the classes"
        )

    def one_hot(self, indices: np.ndarray) -> np.ndarray:
        """Returns shares of 0 and 1, float32 of shape `(N, C)`, for classes by their index."""
        shares = self.class_indicator(indices).astype("float32")
        shares[indices < 0] = np.nan
        return shares

    def listed_in(self, cell: Cell) -> list[object]:
        return [self._single(cell)]

    def remarks(self, asked: Self, cells: Cells) -> list[str]:
        remarks = super().remarks(asked, cells)
        looks_so = [name for name in self._index if name[0] + name[-1] in ("[]", "{}")]
        if looks_so and self.labels not in SHARES:
            remarks.append(
                f"{len(looks_so):,} of {plural(len(self._index), 'class')} such as {looks_so[0]!r} "
                'look like lists, which kind = "multilabel" reads; labels = "votes" reads several '
                'answers, and labels = "probabilities" a table, of one class per row'
            )
        texts = texts_of(cells) if self.labels == "votes" else []
        several = [text for text in texts if len(split_names(text, self.answer_separator)) > 1]
        if texts and not several and (better := find_separator(texts)) not in (None, DEFAULT):
            remarks.append(
                f"{plural(len(texts), 'different cell')} such as {texts[0]!r} are one answer each; "
                f"separator = {json_line(better)} reads several"
            )
        return remarks

    def remedy(self, name: str) -> str:
        if self.labels == "votes" and not self.path.is_several:
            for separator in CANDIDATES:
                if separator != self.answer_separator and lists([name], separator, self._is_class):
                    return f"If it is several answers, set separator = {json_line(separator)}"
        return super().remedy(name)

    def _is_class(self, name: str) -> bool:
        return self._index.find(name) is not None

    def is_missing(self, cell: Cell) -> bool:
        return cell == [] or super().is_missing(cell)

    def _single(self, cell: Cell) -> Cell:
        """Returns the only label of a cell; a list of one, or of one in other spellings, is it."""
        if isinstance(cell, dict):
            line = table_line(str(self.path), cell) if cell else ""
            by_name = f"{line} reads one of its values, " if line.startswith("column") else ""
            raise ValueError(
                f"expected one class name, received {cell!r}; {by_name}"
                'labels = "probabilities" reads the '
                'shares of classes, labels = "votes" the counts or answers of annotators'
            )
        if not isinstance(cell, list):
            return cell
        if line := list_line(str(self.path), cell, several=False):
            what = "objects" if any(isinstance(item, dict) for item in cell) else "lists"
            raise ValueError(f"expected one class name, received a list of {what}; {line}")
        names = self.names_of_columns(cell) if self.path.is_several else cell
        if self.path.is_several and len(set(map(class_key, names))) == 1:
            return names[0]
        if len(names) != 1:
            if are_shares(names):
                raise ValueError(
                    f"expected one label, received {names!r}; "
                    'labels = "probabilities" reads a share of each class'
                )
            raise ValueError(
                f"expected one label, received {len(names)}: {names!r}; "
                'kind = "multilabel" takes several, labels = "votes" the answers of annotators'
            )
        return names[0]

    def encode_cell(self, cell: Cell) -> int | np.ndarray:
        if self.labels in SHARES:
            return self.shares_in(cell)
        index = self._index_in(cell)
        return self.one_hot(np.array([index]))[0] if self.has_shares else index

    def _index_in(self, cell: Cell) -> int:
        if self.holds_flags:
            ones = np.flatnonzero(self.vector(cell) == 1)
            if len(ones) != 1:
                raise ValueError(
                    f"expected exactly one 1 in the vector, received {cell!r}; "
                    'kind = "multilabel" takes any number'
                )
            return int(ones[0])
        index = self.index_of(self._single(cell))
        return -1 if index is None else index

    def read_targets(self, values: np.ndarray) -> np.ndarray:
        """Returns positions of classes; rows with one 1 among zeros are read as its position.

        Bools are the classes "true" and "false" where there are such, else the positions 0 and 1
        of a task of two classes. A task of votes or probabilities takes the shares of the classes,
        too, and returns shares.
        """
        classes = len(self._index)
        if self.has_shares:
            if values.shape[1:] == (classes,) or values.shape[1:] not in ((), (1,)):
                return self._from_shares(values)
            hard = self.model_copy(update={"labels": None, "votes_by": None, "separator": None})
            return self.one_hot(hard.read_targets(values))
        if values.dtype.kind == "b" and values.ndim < 3 and values.shape[1:] in ((), (1,)):
            return self._from_bools(values.reshape(-1))
        if values.ndim == 2 and values.shape[1] == classes:
            values = self._from_one_hot(values)
        targets = super().read_targets(values)
        self.refuse_targets(
            targets,
            (targets < -1) | (targets >= classes),
            f"positions of the {classes} classes, 0 … {classes - 1}, or -1 where missing",
        )
        return targets

    def _from_shares(self, values: np.ndarray) -> np.ndarray:
        """Returns shares that sum to 1, all NaN in a row without a label."""
        targets = super().read_targets(values)
        missing = np.isnan(targets).all(axis=1)
        sums = targets.sum(axis=1, dtype="float64")
        wrong = ~missing & ~(np.abs(sums - 1) <= NEARLY) | (targets < 0).any(axis=1)
        if wrong.any():
            first = targets[wrong][0]
            counts = (first >= 0).all() and (first == np.round(first)).all()  # NaN is neither
            way = ". Counts of votes are shares once divided by the sum of their row"
            raise ValueError(
                f"the shares of a row's {targets.shape[1]} classes must be 0 … 1 and sum to 1, or "
                f"all be NaN. Received: {first.tolist()} in row "
                f"{np.flatnonzero(wrong)[0]}; {plural(int(wrong.sum()), 'such row')} in all"
                f"{way if counts and first.any() else ''}"
            )
        inexact = np.abs(sums - 1) > EXACT
        targets[inexact] /= sums[inexact, None].astype("float32")
        return targets

    def _from_one_hot(self, values: np.ndarray) -> np.ndarray:
        """Returns the position of the 1 in each row of shape `(C,)`, -1 for a row of NaN."""
        missing = np.isnan(values).all(axis=1)
        right = (np.isin(values, (0, 1)).all(axis=1) & (values.sum(axis=1) == 1)) | missing
        if not right.all():
            raise ValueError(
                f"of {values.shape[1]} values per row one must be 1 and the others 0, or all NaN. "
                f"Received: shape {values.shape} with another row {np.flatnonzero(~right)[0]}; "
                f"{plural(int(np.count_nonzero(~right)), 'such row')} in all"
            )
        return np.where(missing, -1, np.nan_to_num(values).argmax(axis=1))

    def _from_bools(self, values: np.ndarray) -> np.ndarray:
        if self._index.find(True) is not None or self._index.find(False) is not None:
            targets, mistakes = self.encode(values.tolist())
            if mistakes:
                raise ValueError(f"row {mistakes[0][0]}: {mistakes[0][1]}")
            return targets
        if len(self._index) != 2:
            raise ValueError(
                f"bools cannot be targets of {len(self._index)} classes; give their positions, "
                "or class names"
            )
        return values.astype(self.target_dtype)

    def class_indicator(self, targets: np.ndarray) -> np.ndarray:
        return self.hard(targets)[:, None] == np.arange(len(self._index))

    def measure(self, targets: np.ndarray) -> Self:
        if self.has_shares:
            return super().measure(targets)
        counts = np.bincount(targets[targets >= 0], minlength=len(self._index))
        return self.model_copy(update={"class_counts": counts.tolist()})

    @property
    def counts(self) -> np.ndarray:
        found = super().counts
        if not found.any():
            raise ValueError(f"task {self.name!r} has no training label of any class")
        return found

    def ruled_weights(self, rule: str, counts: np.ndarray) -> np.ndarray:
        """Returns weights whose mean is 1 over the labels (balanced) or classes (effective).

        Classes that no label names are left out of these means.
        """
        seen = counts > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            if rule == "balanced":  # as scikit-learn's compute_class_weight
                return np.where(seen, counts.sum() / (seen.sum() * counts), np.inf)
            weights = 1 / self.effective_numbers(counts)
        return weights * seen.sum() / weights[seen].sum()

    @property
    def frequencies(self) -> np.ndarray:
        """Share of each class among the training labels, float64 of shape `(C,)`."""
        return self.counts / self.counts.sum()

    def constant_prediction(self, training_targets: np.ndarray) -> np.ndarray:
        frequent = self.class_indicator(training_targets).sum(axis=0).argmax()
        return np.asarray(frequent, self.prediction_dtype)

    def serve(
        self, probabilities: "tf.Tensor", decision: Decision | None = None
    ) -> dict[str, "tf.Tensor"]:
        """Returns `labels`, the class chosen, and `probability`, its own."""
        import tensorflow as tf
        from keras import ops

        chosen = self.choose(probabilities, decision, ops)
        return {
            "labels": tf.gather(tf.constant(self.shown_classes), chosen),
            "probability": tf.gather(probabilities, chosen, batch_dims=1),
        }

    # === Judgement ===

    def confidence(self, probabilities: np.ndarray, decision: Decision | None = None) -> np.ndarray:
        chosen = self.decide(probabilities, decision)
        return np.take_along_axis(probabilities, chosen[:, None], axis=1)[:, 0]  # (N, C) -> (N,)

    def log_loss(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        rows = np.flatnonzero(self.labelled(targets))
        if self.has_shares:
            log_p = np.log(np.maximum(probabilities[rows].astype("float64"), SMALLEST))
            return float(-(targets[rows] * log_p).sum(axis=1).mean())
        # Of each row the probability of its own class; the sum of many needs float64.
        likelihood = probabilities[rows, targets[rows]].astype("float64")
        return float(-np.log(np.maximum(likelihood, SMALLEST)).mean())

    def label_entropy(self, targets: np.ndarray) -> float:
        from scipy.special import entr

        known = targets[self.labelled(targets)].astype("float64")
        return float(entr(known).sum(axis=1).mean())

    def brier_score(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        """Returns the mean over rows of `Σ_c (p_c - y_c)²` (Brier 1950)."""
        rows = self.labelled(targets)
        errors = probabilities[rows] - self._shares(targets[rows])
        return float(np.square(errors, dtype="float64").sum(axis=1).mean())

    def reliability(
        self, targets: np.ndarray, probabilities: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the probability of each row's decision, and whether it was right.

        Of shares, the one of the class decided: how many would call it right.
        """
        rows = self.labelled(targets)
        decided = self.decide(probabilities[rows])
        shares = np.take_along_axis(self._shares(targets[rows]), decided[:, None], axis=1)[:, 0]
        return self.confidence(probabilities[rows]), shares

    def _shares(self, targets: np.ndarray) -> np.ndarray:
        """Returns the share of each class, of shape `(N, C)`; bool where targets are classes."""
        return targets if targets.ndim == 2 else self.class_indicator(targets)

    # === For people ===

    def describe(
        self,
        probabilities: np.ndarray,
        decision: Decision | None = None,
        abstain_below: float | None = None,
    ) -> dict[str, Any]:
        chosen = int(self.decide(probabilities[None], decision)[0])
        probability = float(probabilities[chosen])
        found: dict[str, Any] = {"label": self.shown(chosen), "probability": probability}
        if abstain_below is None:
            return found
        abstained = probability < abstain_below
        found |= {"confidence": probability, "abstained": abstained}
        return {**found, "label": None} if abstained else found

    @property
    def label_type(self) -> type[str]:
        return str

    def label(self, target: np.ndarray) -> str | None:
        return None if target < 0 else self.shown(int(target))
