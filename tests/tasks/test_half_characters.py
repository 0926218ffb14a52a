"""A class of half a character, which no file can hold."""

import pytest

from mtc_keras.tasks import Multiclass, Multilabel


@pytest.mark.parametrize("task", [Multiclass(name="mood"), Multilabel(name="mood")])
def test_a_class_that_utf_8_cannot_hold_is_refused_while_labels_are_read(task):
    with pytest.raises(ValueError, match=r"class 'half\\ud800' .* holds half a character"):
        task.learn(["whole", "half\ud800"])
