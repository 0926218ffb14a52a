"""Every kind of problem that a check looks for, and all of them at once."""

from collections.abc import Callable, Iterable

from mtc_keras.check.checked import Checked
from mtc_keras.check.findings import SEVERITIES, Findings
from mtc_keras.check.problems.annotators import disagreement
from mtc_keras.check.problems.broken_rules import broken_rules
from mtc_keras.check.problems.characters import odd_characters, odd_class_names
from mtc_keras.check.problems.class_names import (
    classes_of_unknown,
    like_class_names,
    misspelt_class_names,
)
from mtc_keras.check.problems.classes import rare_classes, unjudged_classes
from mtc_keras.check.problems.determined import determined_tasks
from mtc_keras.check.problems.duplicates import contradictions, duplicates
from mtc_keras.check.problems.labels_in_texts import labels_in_texts
from mtc_keras.check.problems.leakage import shared_groups, shared_texts
from mtc_keras.check.problems.nearly_equal import nearly_equal_texts
from mtc_keras.check.problems.numbers import (
    disordered_classes,
    far_numbers,
    sentinel_values,
    zero_mass,
)
from mtc_keras.check.problems.pooled import Finding, Pooled
from mtc_keras.check.problems.private import private_texts
from mtc_keras.check.problems.shift import shifted_labels
from mtc_keras.check.problems.tasks import constant_tasks, unlabelled_tasks
from mtc_keras.check.problems.texts import (
    cut_texts,
    empty_texts,
    one_word_texts,
    very_long_texts,
    wordless_texts,
)
from mtc_keras.pages import Problem

Kind = Callable[[Pooled], Iterable[Finding]]

# In the order in which they are told, among those of one severity.
KINDS: tuple[Kind, ...] = (
    shared_texts,
    shared_groups,
    unlabelled_tasks,
    constant_tasks,
    contradictions,
    disagreement,
    like_class_names,
    misspelt_class_names,
    odd_class_names,
    disordered_classes,
    sentinel_values,
    far_numbers,
    zero_mass,
    labels_in_texts,
    empty_texts,
    very_long_texts,
    cut_texts,
    odd_characters,
    wordless_texts,
    one_word_texts,
    rare_classes,
    unjudged_classes,
    classes_of_unknown,
    shifted_labels,
    determined_tasks,
    broken_rules,
    duplicates,
    nearly_equal_texts,
    private_texts,
)


def find_problems(checked: Checked) -> Findings:
    """Looks through the rows of all splits for what misleads a training, or a reader of its scores.

    Args:
        checked: the `Checked`.

    Returns:
        The problems, the most severe first, and a table of all places for those that have any.
    """
    found = find(Pooled(checked))
    return Findings(
        problems=[
            Problem(
                finding.severity,
                finding.title,
                finding.count,
                finding.places,
                finding.remedy,
                finding.about,
            )
            for finding in found
        ],
        tables={finding.name: finding.table for finding in found if finding.table},
    )


def find(pooled: Pooled, kinds: Iterable[Kind] = KINDS) -> list[Finding]:
    """Returns what some kinds find, the most severe first."""
    found = [finding for kind in kinds for finding in kind(pooled)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
