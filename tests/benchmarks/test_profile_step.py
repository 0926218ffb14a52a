"""What a step costs: a batch's gradients, whole and summed over its parts."""

import jax
import keras
import numpy as np

from benchmarks.profile_step import batch_of, gradients_in_parts


def test_the_gradients_of_parts_are_those_of_the_batch_and_need_less_memory(tasks, model):
    model.compile(keras.optimizers.SGD(0.1))
    labels = {"pooled_dense": ["good"] * 8, "topics": [["bus"]] * 8, "a_number": [1.0] * 8}
    targets = {task.name: task.encode(labels[task.name])[0] for task in tasks}
    batch = batch_of(model, targets, 8, 16)
    found = gradients_in_parts(model, batch, [1, 4])
    (most, whole), (less, in_parts) = found[1], found[4]
    assert 0 < less < most
    pairs = zip(jax.tree.leaves(whole()[0]), jax.tree.leaves(in_parts()[0]), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
