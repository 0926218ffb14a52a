"""The batches of a training as Keras' `fit` reads them on one CPU, without TensorFlow."""

import keras
import numpy as np

from mtc_keras.data.batches import Batch, TrainingBatches


class Feed(keras.utils.PyDataset):
    """The batches of `TrainingBatches`, each made when it is asked for.

    As many are read in each epoch as Keras was told beforehand. Of an epoch that is read from its
    middle on, those after its end are never trained on: `train.callbacks.EpochOrder` ends it.

    Args:
        batches: the `TrainingBatches`; each pass reads the order of their `epoch`.
    """

    def __init__(self, batches: TrainingBatches) -> None:
        super().__init__()
        self.batches = batches
        self.plan: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Batch:
        """Returns a batch; number 0 begins another pass."""
        if number == 0:
            self.plan = self.batches.plan()[self.batches.first_batch :]
        return self.batches.batch(self.plan[min(number, len(self.plan) - 1)])
