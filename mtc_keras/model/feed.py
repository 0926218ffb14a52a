"""The batches of a training as Keras' `fit` reads them on one CPU, without TensorFlow."""

from typing import Any

import keras
import numpy as np

from mtc_keras.data.batches import Batch, TrainingBatches
from mtc_keras.devices import hardware


class Feed(keras.utils.PyDataset):
    """The batches of `TrainingBatches`, each made when it is asked for.

    Args:
        batches: the `TrainingBatches`; each pass reads the order of their `epoch`, which begins
            with its first batch: where one goes on from its middle, Keras (3.15) ends it by
            `stop_training`, and takes the next epoch of a `PyDataset` for a part of it.
    """

    def __init__(self, batches: TrainingBatches) -> None:
        super().__init__()
        self.batches = batches
        self.plan: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Batch:
        """Returns a batch; number 0 begins another pass."""
        if self.batches.first_batch:
            raise ValueError(
                "a Feed reads whole epochs; batches.dataset() reads what is left of one"
            )
        if number == 0:
            self.plan = self.batches.plan()
        return self.batches.batch(self.plan[number])


def fed(batches: TrainingBatches, *, from_middle: bool = False) -> Any:
    """Returns batches as `fit` reads them with the least work beside its steps.

    Args:
        batches: the `TrainingBatches`.
        from_middle: bool. Whether an epoch may begin in its middle, as of a resumed training.

    Returns:
        On one CPU a `Feed`; elsewhere, and from the middle, a `tf.data.Dataset`.
    """
    return Feed(batches) if hardware.cores() and not from_middle else batches.dataset()
