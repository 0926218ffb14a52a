"""Labels that are likely wrong, by heads on the frozen backbone that never saw their row."""

from mtc_keras.check.checked import Checked
from mtc_keras.check.findings import Findings


def find_label_errors(checked: Checked) -> Findings:
    """Judges the labels of all splits; the result tells how many are likely wrong, and which.

    Args:
        checked: the data.
    """
    from mtc_keras.check.label_errors.finding import judge_data
    from mtc_keras.check.label_errors.shown import findings

    return findings(judge_data(checked), checked.texts)
