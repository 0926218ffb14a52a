"""All parts of the page that say what the rows hold."""

from mtc_keras.check.checked import Checked
from mtc_keras.check.findings import Findings
from mtc_keras.check.statistics.classes import class_part
from mtc_keras.check.statistics.languages import language_part
from mtc_keras.check.statistics.lengths import length_part
from mtc_keras.check.statistics.numbers import number_part
from mtc_keras.check.statistics.rows import row_part
from mtc_keras.check.statistics.samples import sample_part
from mtc_keras.check.statistics.together import together_part

PARTS = (
    row_part,
    sample_part,
    class_part,
    number_part,
    together_part,
    length_part,
    language_part,
)


def find_statistics(checked: Checked) -> Findings:
    """Returns what the rows hold; of tasks that there are not, nothing."""
    found = (part(checked) for part in PARTS)
    return Findings(parts=[part for part in found if part is not None])
