"""The comparison of a joint model with single ones: models, statistics, program."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tomli_w

from mtc_keras.compare import models as comparison
from mtc_keras.compare import program
from mtc_keras.compare.all_classes import AllClasses
from mtc_keras.compare.approaches import compare_approaches, compared_directory
from mtc_keras.compare.models import Outcome, costs, trainings
from mtc_keras.compare.tables import task_table
from mtc_keras.config import check_config, load_config
from mtc_keras.data.dataset import only_task
from mtc_keras.data.reading import read_splits
from mtc_keras.errors import ConfigError
from mtc_keras.run.directory import FORMAT, MARK, Run
from mtc_keras.scoring.intervals import compare_scores, judge, resampled_scores
from mtc_keras.tasks import Multiclass, Multilabel, Regression
from tests.conftest import rows, tiny_values
from tests.run.damaged import stamp

NAN = np.nan
NUMBERS = {"length": {"kind": "regression"}, "height": {"kind": "regression"}}
MOOD = Multiclass(name="mood", classes=["bad", "fine", "good"])
TOPICS = Multilabel(name="topics", classes=["bus", "fee"])
LENGTH = Regression(name="length", mean=0.0, scale=1.0)
TARGETS = {
    "mood": np.array([0, 2, -1, 1], "int32"),
    "topics": np.array([[1, 0], [NAN, NAN], [1, 1], [NAN, 0]], "float32"),
    "length": np.array([1, 2, NAN, 4], "float32"),
}


class Stopped(Exception):
    """A training that must not, or need not, go on."""


def tables():
    """Returns rows of which some lack one label or the other."""
    frames = {"train": rows(48), "validation": rows(24, 1), "test": rows(30, 2)}
    for frame in frames.values():
        frame.loc[::5, "mood"] = None
        frame["topics"] = [None if row % 4 == 1 else t for row, t in enumerate(frame["topics"])]
    return frames


def written(directory):
    """Returns the values of a config of two tasks whose files are in a directory."""
    values = tiny_values(directory / "run")
    del values["tasks"]["length"]
    values["model"]["max_length"] = 8  # one shape to compile
    values["training"] |= {"epochs": 1, "monitor": "topics_f1_micro"}
    frames = tables()
    values["data"] = {name: str(directory / f"{name}.jsonl") for name in frames}
    for name, path in values["data"].items():
        frames[name].to_json(path, orient="records", lines=True)
    return values


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A config, and what a comparison with the binary model found; tests only read it."""
    config = check_config(written(tmp_path_factory.mktemp("compared")))
    return config, compare_approaches(config, binary=True, resamples=20, verbose=0).to_dict()


def planned(config, **options):
    directory = compared_directory(config)
    options = {"seeds": 1, "binary": True, **options}
    return list(trainings(config, read_splits(config), directory, **options))


# === The bootstrap ===


def accuracy(targets, predictions):
    return (targets == predictions).mean()


def f1_micro(targets, predictions):
    hits = ((targets == 1) & (predictions == 1)).sum()
    return 2 * hits / ((targets == 1).sum() + (predictions == 1).sum())


def r2(targets, predictions):
    residuals = ((targets - predictions) ** 2).sum()
    return 1 - residuals / ((targets - targets.mean()) ** 2).sum()


@pytest.mark.parametrize(
    ("task", "metric", "targets"),
    [
        (MOOD, accuracy, np.arange(30, dtype="int32") % 3),
        (TOPICS, f1_micro, (np.arange(60).reshape(30, 2) % 3 == 0).astype("float32")),
        (LENGTH, r2, np.arange(30, dtype="float32")),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_resampled_scores_are_those_of_rows_drawn_by_hand(task, metric, targets):
    by_seed = [np.roll(targets, 1, axis=0), np.where(np.arange(30) % 2, targets.T, 0).T]
    found = resampled_scores(task, targets, by_seed, resamples=7, seed=3)
    random = np.random.default_rng(3)
    for score in found:
        drawn = random.integers(30, size=30)
        expected = [metric(targets[drawn], own[drawn]) for own in by_seed]
        assert score == pytest.approx(np.mean(expected), abs=1e-6)


def test_the_interval_is_that_of_percentiles():
    found = judge(0.5, np.arange(101) / 100)
    assert (found.difference, found.low, found.high) == pytest.approx((0.5, 0.025, 0.975))
    assert found.verdict == "better"


@pytest.mark.parametrize(
    ("resampled", "verdict"),
    [
        ([0.1, 0.2], "better"),
        ([-0.2, -0.1], "worse"),
        ([-0.1, 0.2], "no difference seen"),
        ([0.0, 0.0], "no difference seen"),
        ([0.1, NAN], "better"),
        ([NAN, NAN], "undefined"),
    ],
)
def test_a_verdict_needs_an_interval_without_zero(resampled, verdict):
    assert judge(0.05, np.array(resampled)).verdict == verdict


def test_the_same_predictions_differ_by_nothing():
    targets = np.arange(20, dtype="int32") % 3
    own = [np.roll(targets, 1) * 0]
    found = compare_scores(MOOD, targets, {"joint": own, "single": own}, resamples=30)
    assert found["joint_against"]["single"] == {
        "difference": 0.0,
        "low": 0.0,
        "high": 0.0,
        "verdict": "no difference seen",
    }


@pytest.mark.parametrize(("joint_is_right", "verdict"), [(True, "better"), (False, "worse")])
def test_right_predictions_are_better_than_wrong_ones(joint_is_right, verdict):
    targets = np.arange(20, dtype="int32") % 3
    right, wrong = [targets], [(targets + 1) % 3]
    predictions = (
        {"joint": right, "single": wrong}
        if joint_is_right
        else {
            "joint": wrong,
            "single": right,
        }
    )
    found = compare_scores(MOOD, targets, predictions, resamples=30)
    sign = 1.0 if joint_is_right else -1.0
    against = found["joint_against"]["single"]
    assert [against[key] for key in ("difference", "low", "high")] == [sign] * 3
    assert against["verdict"] == verdict


def test_scores_are_means_over_seeds():
    targets = np.zeros(10, "int32")
    half = np.array([0, 1] * 5, "int32")
    predictions = {"joint": [targets, half], "single": [half, half], "binary": [half, half + 1]}
    found = compare_scores(MOOD, targets, predictions, resamples=10)
    assert found["scores"]["joint"] == {"mean": 0.75, "by_seed": [1.0, 0.5]}
    assert found["joint_against"]["single"]["difference"] == pytest.approx(0.25)
    assert found["joint_against"]["binary"]["difference"] == pytest.approx(0.5)


@pytest.mark.parametrize("task", [MOOD, TOPICS, LENGTH], ids=lambda task: task.kind)
def test_rows_without_a_label_change_nothing(task):
    targets = TARGETS[task.name]
    labelled = task.labelled(targets)
    own = np.nan_to_num(targets) * 0 + 1
    other = np.where(labelled.reshape(-1, *[1] * (own.ndim - 1)), own, 0).astype(own.dtype)
    with_all, with_known = (
        compare_scores(task, t, {"joint": [np.nan_to_num(t)], "single": [o]}, resamples=20)
        for t, o in [(targets, other), (targets[labelled], own[labelled])]
    )
    assert with_all == with_known
    assert with_all["rows"] == 3


def test_a_task_without_labels_has_no_scores():
    found = compare_scores(MOOD, np.array([-1, -1]), {"joint": [np.array([0, 1])]}, resamples=5)
    assert found == {"metric": "accuracy", "rows": 0, "scores": {}, "joint_against": {}}
    table = task_table({"tasks": {"mood": found}, "costs": {"joint": {}, "single": {}}})
    assert [row[0] for row in table.rows] == ["mood"]


def test_predictions_of_a_diverged_model_cannot_be_compared():
    targets = np.arange(5, dtype="float32")
    predictions = {"joint": [targets], "single": [np.full(5, NAN, "float32")]}
    found = compare_scores(LENGTH, targets, predictions, resamples=5)
    assert found["joint_against"]["single"]["verdict"] == "undefined"


# === All classes as one task ===


def test_all_classes_become_one_multilabel_task():
    merged = AllClasses([MOOD, LENGTH, TOPICS])
    assert merged.task.classes == [
        "mood: bad",
        "mood: fine",
        "mood: good",
        "topics: bus",
        "topics: fee",
    ]
    expected = [
        [1, 0, 0, 1, 0],
        [0, 0, 1, NAN, NAN],
        [NAN, NAN, NAN, 1, 1],
        [0, 1, 0, NAN, 0],
    ]
    targets = merged.targets(TARGETS)
    assert targets.dtype == np.float32
    np.testing.assert_array_equal(targets, expected)


@pytest.mark.parametrize(("rules", "rule"), [(("max", "max"), "max"), (("max", "mean"), None)])
def test_windows_of_all_classes_are_pooled_as_those_of_tasks_that_agree(rules, rule):
    tasks = [
        task.model_copy(update={"window_pooling": own})
        for task, own in zip((MOOD, TOPICS), rules, strict=True)
    ]
    assert AllClasses(tasks).task.window_pooling == rule


def test_true_targets_read_back_score_1():
    merged = AllClasses([MOOD, LENGTH, TOPICS])
    found = merged.read_back(
        {"all_classes": merged.targets(TARGETS)}, {"all_classes": merged.task.decision()}
    )
    assert list(found) == ["mood", "topics"]
    for task in (MOOD, TOPICS):
        assert task.score(TARGETS[task.name], found[task.name])[task.main_metric] == 1.0


def test_probabilities_are_read_back_by_each_tasks_own_rule():
    merged = AllClasses([TOPICS, MOOD])
    probabilities = np.array([[0.5, 0.4, 0.1, 0.3, 0.2], [0.9, 0.8, 0.9, 0.6, 0.95]], "float32")
    found = merged.read_back(
        {"all_classes": probabilities}, {"all_classes": merged.task.decision()}
    )
    assert found["mood"].tolist() == [1, 2]
    assert found["topics"].tolist() == [[1, 0], [1, 1]]


# === Models and costs ===


def test_single_models_see_the_rows_with_their_label_alone():
    frames = tables()
    for name, frame in frames.items():
        frame["weight"] = [[row, row + 2.0] for row in range(len(frame))]
        frame["mood"] = None if name == "test" else frame["mood"]
    values = tiny_values("unused")
    del values["tasks"]["length"]
    dataset = read_splits(check_config(values), frames)
    mood, topics = dataset.tasks
    own = only_task(dataset, mood)
    assert own.tasks == [mood] and own.test is None
    assert own.validation.ids == [f"r{row}" for row in range(24) if row % 5]
    kept = [row for row in range(48) if row % 5]
    assert own.train.ids == [f"r{row}" for row in kept]
    assert list(own.train.targets) == ["mood"] and (own.train.targets["mood"] >= 0).all()
    assert own.train.sample_weight["mood"].tolist() == kept

    merged = AllClasses(dataset.tasks)
    own = only_task(merged.dataset(dataset), merged.task)
    assert list(own.train.targets) == ["all_classes"]
    kept = [row for row in range(48) if row % 5 or row % 4 != 1]
    assert own.train.ids == [f"r{row}" for row in kept]
    assert own.train.sample_weight["all_classes"].tolist() == [row + 1 for row in kept]
    assert len(own.test) == topics.labelled(dataset.test.targets["topics"]).sum()


def test_costs_are_sums_over_models_and_means_over_seeds():
    outcomes = [Outcome("joint", {}, 10.0, 100, 1.0), Outcome("joint", {}, 20.0, 100, 2.0)]
    outcomes += [Outcome("single", {}, 9.0, 90, 1.5)] * 4
    assert costs(outcomes, seeds=2) == {
        "joint": {
            "models": 1,
            "training_seconds": 15.0,
            "model_bytes": 100.0,
            "prediction_seconds": 1.5,
            "training_seconds_ratio": 1.0,
            "model_bytes_ratio": 1.0,
            "prediction_seconds_ratio": 1.0,
        },
        "single": {
            "models": 2,
            "training_seconds": 18.0,
            "model_bytes": 180.0,
            "prediction_seconds": 3.0,
            "training_seconds_ratio": 1.2,
            "model_bytes_ratio": 1.8,
            "prediction_seconds_ratio": 2.0,
        },
    }


def test_seeds_and_models_of_a_comparison(compared):
    config, _ = compared
    found = planned(config, seeds=2)
    root = compared_directory(config)
    names = ["joint", "single_mood", "single_topics", "binary"]
    assert [training.config.output.directory for training in found] == [
        str(root / f"seed_{seed}" / name) for seed in (0, 1) for name in names
    ]
    assert [training.config.seed for training in found] == [0] * 4 + [1] * 4
    monitors = [training.config.training.monitor for training in found[:4]]
    assert monitors == ["topics_f1_micro", "score", "topics_f1_micro", "score"]


# === The program ===


def test_every_model_leaves_a_run_with_its_own_config(compared):
    config, _ = compared
    for training in planned(config):
        run = Run(training.config.output.directory)
        assert load_config(run.directory / "config.toml") == run.config
        assert [task.name for task in run.model.tasks] == list(training.config.tasks)
        assert run.config.training.epochs == 1
    assert run.config.tasks["all_classes"].classes[0] == "mood: bad"


def test_the_joint_models_score_is_its_runs(compared):
    config, found = compared
    seed_0 = compared_directory(config) / "seed_0"
    for name, metric in [("mood", "accuracy"), ("topics", "f1_micro")]:
        scores = found["tasks"][name]["scores"]
        assert list(scores) == ["joint", "single", "binary"]
        for approach, run in [("joint", "joint"), ("single", f"single_{name}")]:
            known = Run(seed_0 / run).metrics["test"]["tasks"][name]
            assert scores[approach]["mean"] == pytest.approx(known[metric], abs=1e-6)
            assert found["tasks"][name]["rows"] == known["rows"]


def test_what_was_found_is_written(compared):
    config, found = compared
    directory = compared_directory(config)
    assert json.loads((directory / "compare.json").read_text()) == found
    page = json.loads((directory / "comparison.json").read_text())
    assert {name: row["low"] for name, row in page["against_single"].items()} == {
        name: task["joint_against"]["single"]["low"] for name, task in found["tasks"].items()
    }
    assert "Joint against single" in (directory / "comparison.html").read_text()
    assert found["seeds"] == [0] and found["resamples"] == 20 and found["test_rows"] == 30
    assert found["costs"]["single"]["models"] == 2
    assert found["costs"]["single"]["model_bytes_ratio"] > 1
    assert all(cost > 0 for costs in found["costs"].values() for cost in costs.values())
    log = (directory / "compare.log").read_text()
    for shown in ["scores on the test rows", "mood", "binary", "costs of one seed", "seeds: 0"]:
        assert shown in log


def failing(monkeypatch):
    """Makes every training stop at once; returns the list of those that were begun."""
    begun = []

    def train_run(config, dataset, verbose, resume):
        begun.append(config.output.directory.rpartition("/")[2])
        raise Stopped

    monkeypatch.setattr(comparison, "train_run", train_run)
    return begun


def test_a_second_call_trains_nothing_and_finds_the_same(compared, monkeypatch):
    config, found = compared
    assert failing(monkeypatch) == []
    again = compare_approaches(config, binary=True, resamples=20, verbose=0).to_dict()
    assert again["tasks"] == found["tasks"]


def test_an_interrupted_comparison_goes_on_where_it_stopped(compared, monkeypatch, tmp_path):
    config, _ = compared
    begun = failing(monkeypatch)
    run = compared_directory(config) / "seed_0" / "single_topics"
    run.rename(tmp_path / "away")
    try:
        with pytest.raises(Stopped):
            compare_approaches(config, resamples=1, verbose=0)
    finally:
        (tmp_path / "away").rename(run)
    assert begun == ["single_topics"]


def test_a_stopped_training_goes_on_from_its_checkpoint(compared, monkeypatch, tmp_path):
    config, _ = compared
    asked = []

    def train_run(config, dataset, verbose, resume):
        asked.append(resume)
        raise Stopped

    monkeypatch.setattr(comparison, "train_run", train_run)
    run = compared_directory(config) / "seed_0" / "single_topics"
    begun = run.with_name("single_topics.unfinished")
    run.rename(tmp_path / "away")
    try:
        for folder in (begun, begun / "checkpoints" / "epoch_000001_step_000000000"):
            folder.mkdir(parents=True)
            (begun / "run.json").write_text(json.dumps(FORMAT.stamped(MARK)))
            with pytest.raises(Stopped):
                compare_approaches(config, resamples=1, verbose=0)
    finally:
        shutil.rmtree(begun)
        (tmp_path / "away").rename(run)
    assert asked == [False, True]


def test_overwrite_trains_anew(compared, monkeypatch):
    config, _ = compared
    begun = failing(monkeypatch)
    with pytest.raises(Stopped):
        compare_approaches(config, overwrite=True, resamples=1, verbose=0)
    assert begun == ["joint"]


def test_a_run_of_other_data_is_not_taken_for_this_one(compared):
    config, _ = compared
    for training in planned(config):
        assert training.is_done()
        other = replace(training.dataset, files={"train.jsonl": "another hash"})
        assert not replace(training, dataset=other).is_done()


def test_whether_a_training_is_done_is_found_without_training(compared, monkeypatch, tmp_path):
    """A probe on a cold cache would be one."""
    monkeypatch.setattr("mtc_keras.train.loss_weights.probe", pytest.fail)
    config, _ = compared
    joint = planned(config)[0]
    tasks = [task.model_copy(update={"loss_weight": "probe"}) for task in joint.dataset.tasks]
    copy = shutil.copytree(joint.config.output.directory, tmp_path / "joint")
    probed = replace(joint, dataset=replace(joint.dataset, tasks=tasks))
    output = joint.config.output.model_copy(update={"directory": str(copy)})
    probed = replace(probed, config=joint.config.model_copy(update={"output": output}))
    text = (copy / "config.toml").read_text()
    (copy / "config.toml").write_text(text.replace(joint.config.output.directory, str(copy)))
    stamp(copy)
    assert not probed.is_done()

    table = json.loads((copy / "loss_weights.json").read_text())
    table = {name: {**row, "rule": "probe", "loss": 0.5} for name, row in table.items()}
    (copy / "loss_weights.json").write_text(json.dumps(table))
    stamp(copy)
    assert probed.is_done()


def test_a_run_of_another_config_is_replaced_only_when_asked(compared, monkeypatch):
    config, _ = compared
    begun = failing(monkeypatch)
    changed = config.model_copy(
        update={"training": config.training.model_copy(update={"epochs": 2})}
    )
    with pytest.raises(ConfigError, match=r"already holds a run.*--overwrite"):
        compare_approaches(changed, verbose=0)
    assert begun == []


def test_the_command_line_reaches_the_comparison(tmp_path, monkeypatch, capsys):
    (tmp_path / "c.toml").write_text(tomli_w.dumps(tiny_values(tmp_path / "run")))
    called = {}

    def recorded(config, seeds, **options):
        called.update(options, seeds=seeds, epochs=config.training.epochs)

    monkeypatch.setattr(program, "compare_approaches", recorded)
    arguments = ["--config", str(tmp_path / "c.toml"), "--set", "training.epochs=5"]
    assert program.main([*arguments, "--seeds", "3", "--with", "binary", "--overwrite"]) == 0
    assert called == {"seeds": 3, "binary": True, "overwrite": True, "epochs": 5}
    assert f"{tmp_path / 'run'}_compare" in capsys.readouterr().out


def mistaken(tmp_path, change):
    values = written(tmp_path)
    change(values)
    (tmp_path / "c.toml").write_text(tomli_w.dumps(values))
    return ["--config", str(tmp_path / "c.toml")]


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (lambda values: values["tasks"].pop("mood"), [], "needs two or more tasks"),
        (lambda values: values["data"].pop("test"), [], "needs test rows"),
        (lambda values: None, ["--seeds", "0"], "--seeds must be 1 or more, received 0"),
        (
            lambda values: values.update(tasks=NUMBERS, training={}),
            ["--with", "binary"],
            "--with binary needs a task that has classes",
        ),
    ],
    ids=["one_task", "no_test", "no_seed", "no_classes"],
)
def test_mistakes_end_with_one_message_before_any_training(
    change, arguments, message, tmp_path, capsys, monkeypatch
):
    begun = failing(monkeypatch)
    assert program.main([*mistaken(tmp_path, change), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert begun == [] and not (tmp_path / "run_compare").exists()
