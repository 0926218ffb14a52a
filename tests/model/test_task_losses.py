"""Tasks with the same loss are computed together, and get what each gets by itself."""

import jax
import numpy as np
import pytest

from mtc_keras.model.task_losses import FEWEST_STACKED, losses_and_counts
from mtc_keras.tasks import losses

ROWS = 6
MANY = FEWEST_STACKED + 2


def random_tasks(seed=0):
    """Returns losses, targets and logits of many tasks of each kind, some labels missing."""
    random = np.random.default_rng(seed)
    found, targets, logits = {}, {}, {}

    def add(name, loss, target, classes):
        found[name] = loss
        targets[name] = target
        logits[name] = random.normal(size=(ROWS, classes) if classes else ROWS).astype("float32")

    for n in range(MANY):
        index = random.integers(-1, 4, ROWS).astype("int32")
        add(f"one_{n}", losses.MaskedSparseCategoricalCrossentropy(name=f"one_{n}"), index, 4)
        cells = random.choice([0.0, 1.0, np.nan], (ROWS, 3)).astype("float32")
        add(f"several_{n}", losses.MaskedBinaryCrossentropy(name=f"several_{n}"), cells, 3)
        number = np.where(index < 0, np.nan, index).astype("float32")
        add(f"number_{n}", losses.MaskedHuber(name=f"number_{n}"), number, 0)
        # Like the first, but with weights of its own, and with another number of classes.
        weights = random.uniform(size=4).tolist()
        weighted = losses.MaskedSparseCategoricalCrossentropy(class_weights=weights)
        add(f"weighted_{n}", weighted, index, 4)
        add(f"wide_{n}", losses.MaskedSparseCategoricalCrossentropy(), index, 7)
    found["not_trained"] = None
    del targets["several_3"]
    return found, targets, logits


@pytest.mark.parametrize("weights", ["none", "by row", "by task"])
def test_each_task_gets_its_own_loss(weights):
    found, targets, logits = random_tasks()
    rows = np.linspace(0, 2, ROWS, dtype="float32")
    weight = {"none": None, "by row": rows}.get(
        weights, {name: rows * n for n, name in enumerate(found)}
    )
    means, counts = losses_and_counts(found, targets, logits, weight)
    for mean, count, (name, loss) in zip(means, counts, found.items(), strict=True):
        if loss is None or name not in targets:
            assert float(mean) == float(count) == 0
            continue
        own = weight[name] if isinstance(weight, dict) else weight
        _, known = loss.sums(targets[name], logits[name], own)
        assert float(count) == pytest.approx(float(known), rel=1e-6)
        assert float(mean) == pytest.approx(float(loss(targets[name], logits[name], own)), rel=1e-5)


def test_many_tasks_take_no_more_operations_than_a_few():
    found, targets, logits = random_tasks()
    one = {name: loss for name, loss in found.items() if name.startswith("one")}

    def operations(count):
        some = dict(list(one.items())[:count])
        program = jax.make_jaxpr(
            lambda logits: losses_and_counts(some, targets, logits, None)[0].sum()
        )({name: logits[name] for name in some})
        kinds = [str(equation.primitive) for equation in program.jaxpr.eqns]
        return len([kind for kind in kinds if kind not in ("broadcast_in_dim", "concatenate")])

    assert operations(MANY) < operations(2)


def test_a_loss_of_a_users_is_computed_by_itself():
    """Its config may not tell all of it."""

    class Shifted(losses.MaskedHuber):
        def __init__(self, shift):
            super().__init__()
            self.shift = shift

        def elements(self, targets, logits):
            return super().elements(targets, logits + self.shift)

    rows = np.arange(ROWS, dtype="float32")
    found = {f"task_{n}": Shifted(n) for n in range(MANY)}
    targets = dict.fromkeys(found, rows)
    means, _ = losses_and_counts(found, targets, targets, None)
    assert len(set(np.array(means).tolist())) == MANY
