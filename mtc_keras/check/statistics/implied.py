"""Rules between classes on a page: who has one class has another, and with how many exceptions."""

from collections.abc import Sequence
from typing import Any

from mtc_keras.check.implications import Implication, Name
from mtc_keras.pages import Column, Paragraph, Section, Table


def class_title(name: Name) -> str:
    """Returns a class with its task, as tables show it."""
    return f"{name[0]}: {name[1]}"


def rule_section(rules: Sequence[Implication]) -> Section:
    """Returns the section with a table of all rules."""
    if not rules:
        return Section("Implications", [Paragraph("No class implies another one.")], "implications")
    rows = [
        [
            class_title(rule.antecedent),
            sign,
            class_title(rule.consequent),
            rule.support,
            len(rule.exceptions),
            rule.confidence,
            least_share(rule),
        ]
        for sign, rule, _ in signed(rules)
    ]
    columns = [
        Column("rows with …"),
        Column("", help="⇔: the other way round, too"),
        Column("… have"),
        Column("rows", "count"),
        Column("exceptions", "count"),
        Column("share", "share"),
        Column("at least", "share", help="lower end of the 95 % interval of Wilson (1927)"),
    ]
    caption = "Rules that nearly all rows of all splits keep; broken_rules.csv has the others."
    return Section("Implications", [Table(columns, rows, caption=caption)], "implications")


def signed(rules: Sequence[Implication]) -> list[tuple[str, Implication, Implication | None]]:
    """Returns each rule with `"⇒"` and `None`, or with `"⇔"` and its converse, if that is a rule.

    Of the two, the one of more exceptions is shown, and the other one left out.
    """
    ways = {(rule.antecedent, rule.consequent): rule for rule in rules}
    found: list[tuple[str, Implication, Implication | None]] = []
    for rule in rules:
        converse = ways.pop((rule.consequent, rule.antecedent), None)
        if ways.pop((rule.antecedent, rule.consequent), None) is None:
            continue  # told with its converse
        if converse is None:
            found.append(("⇒", rule, None))
        elif len(converse.exceptions) > len(rule.exceptions):
            found.append(("⇔", converse, rule))
        else:
            found.append(("⇔", rule, converse))
    return found


def rule_values(sign: str, rule: Implication, converse: Implication | None) -> dict[str, Any]:
    """Returns the numbers of what `signed` returned for a rule."""
    values = {
        "antecedent": rule.antecedent,
        "sign": sign,
        "consequent": rule.consequent,
        "support": rule.support,
        "exceptions": len(rule.exceptions),
        "confidence": rule.confidence,
        "confidence_at_least": least_share(rule),
    }
    if converse is not None:
        values["converse_support"] = converse.support
        values["converse_exceptions"] = len(converse.exceptions)
    return values


def least_share(rule: Implication) -> float:
    """Returns the lower end of the 95 % interval of a rule's share (Wilson 1927)."""
    from scipy.stats import binomtest

    kept = rule.support - len(rule.exceptions)
    return float(binomtest(kept, rule.support).proportion_ci(method="wilson").low)
