"""A data set without a fault has none, and all that is told is whole."""

from mtc_keras.check.problems.kinds import KINDS, find_problems
from tests.check.problems.planted import clean_rows, found, places, pool, splits


def test_nothing_is_found_where_nothing_is_odd():
    assert found(pool(splits())) == {}


def test_the_worst_comes_first_with_all_that_helps():
    rows = splits()
    rows["test"] = [dict(row) for row in rows["train"][:50]]  # an error
    rows["train"][0]["text"] = ""  # a warning
    rows["train"][1]["text"] += " &amp; more"  # a note
    findings = found(pool(rows))
    severities = [finding.severity for finding in findings.values()]
    assert severities == sorted(severities, key=("error", "warning", "note").index)
    assert {"error", "warning", "note"} == set(severities)
    for finding in findings.values():
        assert finding.title and finding.remedy and finding.count > 0
        assert "{" not in finding.title and "{" not in finding.remedy


def test_texts_stand_in_tables_alone_and_only_where_they_may():
    rows = splits()
    rows["train"][7]["text"] = "call 555-123-4567 or write to someone@example.org"
    rows["train"][8]["text"] = "fish &amp; chips"
    shown = found(pool(rows))
    assert {"emails", "phone_numbers"} <= shown.keys()
    for finding in shown.values():
        assert "someone" not in repr(finding)
        assert all("someone" not in repr(line) for line in finding.table)  # not even there
    assert shown["html_entities"].table[0]["text"] == "fish &amp; chips"
    pooled = pool(rows)
    object.__setattr__(pooled.checked, "texts", False)
    hidden = found(pooled)
    assert hidden.keys() == shown.keys()
    assert all("text" not in line for finding in hidden.values() for line in finding.table)


def test_rows_of_one_split_and_of_no_label_are_enough():
    rows = clean_rows(30)
    for row in rows[10:]:
        row["mood"] = row["topics"] = None
    findings = found(pool({"train": rows}))
    assert all(place.startswith("train") for one in findings.values() for place in places_of(one))


def places_of(finding):
    return places(finding) if finding.table and "place" in finding.table[0] else []


def test_every_kind_is_told_once():
    assert len(set(KINDS)) == len(KINDS)


def test_a_check_is_given_problems_and_the_tables_of_all_places():
    rows = splits()
    rows["train"].append(dict(rows["train"][0]))
    rows["test"][3] = dict(rows["train"][5])
    findings = find_problems(pool(rows).checked)
    assert [problem.severity for problem in findings.problems] == ["warning", "note"]
    shared, repeated = findings.problems
    assert (shared.about, shared.count) == ("test", 1)
    assert shared.remedy.startswith("mtc-keras check")
    assert findings.tables.keys() == {"shared_texts_test", "duplicates"}
    assert findings.tables["duplicates"][0]["place"] == repeated.places[0]
