"""The numbers of each task's section are scikit-learn's on its labelled rows, and no others'."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics as metrics
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.files import to_json
from mtc_keras.pages import Details, Figure, Grid
from mtc_keras.report.account import _judged_again
from mtc_keras.report.assembly import page_of
from mtc_keras.report.headline import headline
from mtc_keras.report.task_sections import task_sections
from mtc_keras.report.trust import reliability_bins, risk_curve
from mtc_keras.scoring.judging import baseline
from mtc_keras.tasks.metrics import calibration_error
from tests.fuzzing import tries
from tests.report.accounts import account_of_rows
from tests.report.conftest import judged_rows


def account_of(judged, **changes):
    """Returns an account whose metrics are those of its rows."""
    constants = {
        task.name: task.constant_prediction(judged.targets[task.name])
        for task in judged.tasks
        if judged.labelled(task).any()
    }
    known = [task for task in judged.tasks if task.name in constants]
    constant = to_json(baseline(known, constants, judged.targets))
    found = {**_judged_again(judged, {}), "baseline": constant}
    told = {judged.name: found, "constant_prediction": to_json(constants), "best_epoch": 2}
    return account_of_rows(judged, **({"metrics": told} | changes))


@pytest.fixture(scope="module")
def parts(judged):
    return {part.section.id: part for part in task_sections(account_of(judged))}


def known(judged, name):
    task = next(task for task in judged.tasks if task.name == name)
    rows = judged.labelled(task)
    return rows, judged.targets[name][rows], judged.predictions[name][rows]


def test_classes_and_confusion_of_a_multiclass_task(judged, parts):
    values = parts["task-mood"].values
    rows, truth, predicted = known(judged, "mood")
    assert 0 < rows.sum() < len(rows) and values["rows"] == rows.sum()
    assert values["metrics"]["accuracy"] == metrics.accuracy_score(truth, predicted)
    counts = metrics.confusion_matrix(truth, predicted)
    assert np.array_equal(values["confusion"]["counts"], counts)
    found = metrics.precision_recall_fscore_support(truth, predicted, zero_division=0.0)
    stated = judged.probabilities["mood"][rows]
    for index, own in enumerate(values["classes"].values()):
        np.testing.assert_allclose(
            [own["precision"], own["recall"], own["f1"], own["support"]],
            [column[index] for column in found],
        )
        assert own["predicted"] == (predicted == index).sum()
        area = metrics.average_precision_score(truth == index, stated[:, index])
        np.testing.assert_allclose(own["average_precision"], area)
        np.testing.assert_allclose(
            own["roc_auc"], metrics.roc_auc_score(truth == index, stated[:, index])
        )
    table = parts["task-mood"].tables["mood_confusion"]
    assert sum(row["rows"] for row in table) == len(truth)


def test_what_was_predicted_instead_of_a_missed_label(judged, parts):
    values = parts["task-topics"].values
    _, truth, predicted = known(judged, "topics")
    cells = ~np.isnan(truth)
    assert not cells.all()
    instead = values["predicted_instead"]
    for row, name in enumerate(instead["classes"]):
        missed = (truth[:, row] == 1) & (predicted[:, row] == 0)
        assert instead["missed"][row] == missed.sum()
        vain = (truth == 0) & (predicted == 1)
        assert np.array_equal(instead["counts"][row], vain[missed].sum(axis=0))
        assert instead["nothing_else"][row] == (~vain[missed].any(axis=1)).sum()
        own = cells[:, row]
        pair = truth[own, row], predicted[own, row]
        np.testing.assert_allclose(
            values["classes"][name]["f1"], metrics.f1_score(*pair, zero_division=0.0)
        )
        assert values["classes"][name]["threshold"] == judged.decisions["topics"].thresholds[name]
    flat = truth[cells], predicted[cells]
    np.testing.assert_allclose(values["metrics"]["f1_micro"], metrics.f1_score(*flat))


def test_thresholds_move_along_scikit_learns_curve(judged, parts):
    _, truth, _ = known(judged, "topics")
    rows = parts["task-topics"].tables["topics_precision_recall"]
    own = ~np.isnan(truth[:, 0])
    stated = judged.probabilities["topics"][judged.labelled(judged.tasks[1])][own, 0]
    precision, recall, _ = metrics.precision_recall_curve(truth[own, 0] == 1, stated)
    points = {(row["precision"], row["recall"]) for row in rows if row["class"] == "bus"}
    assert len(points) > 5
    assert points <= set(zip(precision.tolist(), recall.tolist(), strict=True))


def test_calibration_and_coverage(judged, parts):
    for name in ("mood", "grade", "topics"):
        values, tables = parts[f"task-{name}"].values, parts[f"task-{name}"].tables
        task = next(task for task in judged.tasks if task.name == name)
        rows, truth, predicted = known(judged, name)
        said, came = task.reliability(truth, judged.probabilities[name][rows])
        bins = [b for b in tables[f"{name}_reliability"] if b["moment"] == "after"]
        gap = sum(b["count"] * abs(b["stated"] - b["share"]) for b in bins) / len(said)
        np.testing.assert_allclose(gap, calibration_error(said, came))
        np.testing.assert_allclose(values["expected_calibration_error"]["after"], gap)
        wrong = ~task.right(truth, predicted)
        sure = judged.confidence(task)[rows]
        area = np.mean([wrong[sure >= least].mean() for least in sure])
        np.testing.assert_allclose(values["aurc"], area)
        np.testing.assert_allclose(values["error"], wrong.mean())


def test_scales_and_numbers(judged, parts):
    _, truth, predicted = known(judged, "grade")
    values = parts["task-grade"].values
    kappa = metrics.cohen_kappa_score(truth, predicted, weights="quadratic")
    np.testing.assert_allclose(values["metrics"]["quadratic_weighted_kappa"], kappa)
    assert values["errors"]["0"] == (truth == predicted).sum()
    _, truth, predicted = known(judged, "stars")
    values = parts["task-stars"].values
    np.testing.assert_allclose(values["metrics"]["r2"], metrics.r2_score(truth, predicted), 1e-5)
    mean = metrics.mean_absolute_error(truth, predicted)
    np.testing.assert_allclose(values["metrics"]["mae"], mean, 1e-5)
    off = np.quantile(np.abs(truth - predicted), 0.9)
    np.testing.assert_allclose(values["absolute_error_quantiles"]["90%"], off, 1e-5)


def test_every_kind_has_its_figures_and_of_many_tasks_they_are_folded(judged):
    def figures(blocks):
        for block in blocks:
            if isinstance(block, Grid):
                yield from block.blocks

    count = {
        part.section.id: len(list(figures(part.section.blocks)))
        for part in task_sections(account_of(judged))
    }
    assert count == {"task-mood": 4, "task-topics": 4, "task-grade": 6, "task-stars": 2}
    more = tuple(task.model_copy(update={"name": f"{task.name}_b"}) for task in judged.tasks[:1])
    doubled = replace(
        judged,
        tasks=(*judged.tasks, *more),
        targets={**judged.targets, "mood_b": judged.targets["mood"]},
        logits={**judged.logits, "mood_b": judged.logits["mood"]},
    )
    for part in task_sections(account_of(doubled)):
        assert not any(isinstance(block, (Grid, Figure)) for block in part.section.blocks)
        assert isinstance(part.section.blocks[-1], Details)


def test_rows_of_equal_confidence_are_decided_together():
    confidence = np.array([0.9, 0.5, 0.5, 0.1])
    coverage, risk, area = risk_curve(confidence, np.array([True, True, False, False]))
    assert coverage.tolist() == [0.25, 0.75, 1.0]
    np.testing.assert_allclose(risk, [0, 1 / 3, 1 / 2])
    np.testing.assert_allclose(area, (0 + 2 / 3 + 1 / 2) / 4)
    [own] = reliability_bins(np.array([1.0, 1.0]), np.array([True, False]))
    assert own == {"stated": 1.0, "share": 0.5, "count": 2}


def test_the_headline_says_whether_a_task_learned_anything(judged):
    [part] = headline(account_of(judged))
    told = {text.text.split(":")[0]: text.text for text in part.section.blocks[:4]}
    assert part.values["tasks"]["mood"]["verdict"] == "better"
    assert told["mood"].endswith("it has learned something.")
    assert "always “" in told["mood"]
    low, high = (part.values["tasks"]["mood"][end] for end in ("low", "high"))
    assert low < part.values["tasks"]["mood"]["value"] < high
    # Answers that have nothing to do with the labels.
    other = judged_rows(seed=9)
    drawn = replace(judged, logits=other.logits)
    [part] = headline(account_of(drawn))
    assert part.values["tasks"]["stars"]["verdict"] == "worse"
    assert "do not use it" in " ".join(b.text for b in part.section.blocks[:4])


def hidden(judged, name):
    task = next(task for task in judged.tasks if task.name == name)
    missing = np.full_like(judged.targets[name], task.missing_target)
    return replace(judged, targets={**judged.targets, name: missing})


ODD = {
    "a task without a label": lambda judged: hidden(judged, "mood"),
    "no number is answered": lambda judged: replace(
        judged,
        logits={name: np.full_like(found, np.nan) for name, found in judged.logits.items()},
    ),
    "one class throughout": lambda judged: replace(
        judged,
        targets={
            **judged.targets,
            "mood": np.zeros_like(judged.targets["mood"]),
            "grade": np.zeros_like(judged.targets["grade"]),
            "topics": np.zeros_like(judged.targets["topics"]),
            "stars": np.ones_like(judged.targets["stars"]),
        },
    ),
    "no texts": lambda judged: replace(judged, texts=None),
    "one row": lambda judged: judged_rows(1),
}


@pytest.mark.parametrize("name", ODD)
def test_a_page_of_odd_rows_says_what_it_can(name, judged):
    page = page_of(account_of(ODD[name](judged)))
    sections = {part.section.id: part for part in page.parts}
    assert "summary" in sections
    to_json(dict(sections["summary"].values))
    if name == "a task without a label":
        assert "task-mood" not in sections
        assert sections["summary"].values["tasks"]["mood"]["verdict"] == "unlabelled"
    if name == "no number is answered":
        assert "no numbers" in str(sections["task-mood"].section.blocks)


def test_without_a_judged_split_the_summary_says_so(judged):
    page = page_of(replace(account_of_rows(judged), judged=(), metrics={"best_epoch": 2}))
    assert "nothing was judged" in page.parts[0].section.blocks[0].text


@tries(4)
@given(count=st.integers(1, 40), seed=st.integers(0, 2**16), keep=st.floats(0, 1))
def test_fuzz_a_page_of_any_rows_has_numbers_in_their_range(count, seed, keep):
    judged = judged_rows(count, seed)
    random = np.random.default_rng(seed)
    for task in judged.tasks:
        lost = random.random(count) > keep
        judged.targets[task.name][lost] = task.missing_target
    for part in page_of(account_of(judged)).parts:
        values = part.values
        for own in values.get("classes", {}).values() if "kind" in values else ():
            for metric in ("precision", "recall", "f1", "average_precision", "roc_auc"):
                assert own[metric] is None or 0 <= own[metric] <= 1
        if "aurc" in values:
            assert 0 <= values["aurc"] <= 1


def test_of_very_many_tasks_the_worst_have_sections(judged):
    mood = judged.tasks[0]
    names = [f"mood_{number}" for number in range(60)]
    tasks = tuple(mood.model_copy(update={"name": name}) for name in names)
    many = replace(
        judged,
        tasks=tasks,
        decisions={},
        targets=dict.fromkeys(names, judged.targets["mood"]),
        logits=dict.fromkeys(names, judged.logits["mood"]),
    )
    metrics = {"tasks": {}, "baseline": {"tasks": {}}}
    for number, name in enumerate(names):
        metrics["tasks"][name] = {"rows": 9, "loss": 1.0, "accuracy": number / 100, "classes": {}}
    account = account_of_rows(many, metrics={"test": metrics})
    assert [task.name for task in account.drawn_tasks] == names[:40]
    [part] = headline(account)
    assert len(part.values["tasks"]) == 60
    assert sum("has learned" in str(block) for block in part.section.blocks) <= 40
    assert any("Of 60 tasks, the 40" in str(block) for block in part.section.blocks)
