"""Votes and probabilities from a file to the judged run."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import mtc_keras
from mtc_keras.console.log import Log
from tests.conftest import RANDOM, WORDS, tiny_bert, tiny_config

LABELS = {"labels": "votes"}
HEADS = {
    "plain": {"kind": "multiclass"},
    "focal": {"kind": "multiclass", "loss": "focal", "class_weights": "balanced"},
    "smoothed": {"kind": "multiclass", "class_weights": {"b": 3.0}, "label_smoothing": 0.1},
    "adjusted": {"kind": "multiclass", "loss": "logit_adjusted", "label_smoothing": 0.2},
    "stars": {"kind": "ordinal"},
    "weighted_stars": {"kind": "ordinal", "class_weights": "effective"},
    "sets": {"kind": "multilabel", "class_weights": "balanced"},
    "asymmetric": {"kind": "multilabel", "loss": "asymmetric", "label_smoothing": 0.1},
}


def weights_after_training(cells: dict[str, list], data: dict, **settings) -> list[np.ndarray]:
    """Returns a model's weights after steps on some label cells, some missing, rows weighted."""
    from mtc_keras.config import check_config
    from mtc_keras.model.classifier import MultiTaskClassifier

    tables = {name: {"classes": ["a", "b", "c"], **head} for name, head in HEADS.items()}
    tables = {name: {**table, **settings} for name, table in tables.items()}
    config = check_config({"tasks": tables, "data": data})
    tasks, targets = [], {}
    for task in config.task_list:
        targets[task.name], mistakes = task.encode(cells[task.name])
        assert not mistakes
        tasks.append(task.measure(targets[task.name]))
    backbone, preprocessor = tiny_bert(num_layers=1)
    model = MultiTaskClassifier(backbone, tasks, preprocessor, dropout=0.0)
    model.compile("sgd")
    texts = [" ".join(np.random.default_rng(row).choice(WORDS, 5)) for row in range(16)]
    weight = np.linspace(0.2, 2, 16, dtype="float32")
    for _ in range(2):
        losses = model.train_on_batch(texts, targets, sample_weight=weight, return_dict=True)
    return [np.float32(value) for value in losses.values()] + model.get_weights()


def test_at_0_and_1_a_model_learns_from_shares_what_it_learns_from_hard_labels_to_the_bit():
    random = np.random.default_rng(0)
    hard = {name: random.choice(["a", "b", "c", ""], 16).tolist() for name in HEADS}
    votes = {name: [[[cell], [cell]] if cell else [] for cell in hard[name]] for name in HEADS}
    alone = weights_after_training(hard, {})
    shared = weights_after_training(votes, {}, **LABELS)
    joined = weights_after_training(hard, {"votes_by": "text"})
    assert all(a.tobytes() == b.tobytes() for a, b in zip(alone, shared, strict=True))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(alone, joined, strict=True))


# === Raters who disagree: a mood that depends on the first word ===

SHARES = {"good": [0.05, 0.3, 0.65], "bad": [0.6, 0.35, 0.05], "slow": [0.3, 0.65, 0.05]}


def rated(count: int, seed: int, raters: int = 8) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    records = []
    for _ in range(count):
        word = random.choice(list(SHARES))
        answers = random.choice(["1", "2", "3"], raters, p=SHARES[word])
        topics = [[] if answer == "2" else [word] for answer in answers]
        text = f"{word} {random.choice(WORDS[6:])} {random.choice(WORDS[6:])}"
        records.append(
            {
                "text": text,
                "mood": answers.tolist(),
                "majority": max("123", key=answers.tolist().count),
                "topics": topics,
            }
        )
    frame = pd.DataFrame(records)
    frame.at[0, "mood"] = []
    frame.at[0, "majority"] = None
    return frame


MOOD = {"kind": "multiclass", "classes": ["1", "2", "3"]}
TASKS = {
    "mood": {**MOOD, **LABELS},
    "majority": MOOD,
    "stars": {"kind": "ordinal", "classes": ["1", "2", "3"], "column": "mood", **LABELS},
    "topics": {"kind": "multilabel", **LABELS},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config = tiny_config(
        tmp_path_factory.mktemp("shares") / "run",
        tasks=TASKS,
        model={**RANDOM, "max_length": 8},
        training={
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 2e-2,
            "monitor": "mood_expected_log_loss",
        },
        decisions={"calibration": "none"},
    )
    del config.tasks["length"]
    return mtc_keras.fit(
        config, train=rated(256, 0), validation=rated(64, 1), test=rated(96, 2), verbose=0
    )


def test_shares_teach_what_annotators_say_and_their_majority_does_not(run):
    frame = rated(200, 3, raters=50)
    predicted = run.model.predict(frame["text"].tolist(), verbose=0)
    [votes] = [task for task in run.model.tasks if task.name == "mood"]
    shares = votes.encode(frame["mood"])[0]
    losses = {name: votes.log_loss(shares, predicted[name]) for name in ("mood", "majority")}
    assert losses["mood"] < votes.label_entropy(shares) + 0.1
    assert losses["majority"] > losses["mood"] + 0.1


def test_a_run_is_judged_by_the_most_frequent_class_and_by_the_shares(run):
    found = run.metrics["test"]["tasks"]
    for name in ("mood", "stars", "topics"):
        assert found[name]["label_entropy"] < found[name]["expected_log_loss"]
        after = found[name]["calibration"]["after"]
        assert after["log_loss"] == pytest.approx(found[name]["expected_log_loss"])
        assert 0 <= after["expected_calibration_error"] < 0.35
    assert "expected_log_loss" not in found["majority"]
    assert found["mood"]["accuracy"] == pytest.approx(found["majority"]["accuracy"], abs=0.25)
    assert found["mood"]["rows"] == 95
    assert "val_mood_expected_log_loss" in run.history[0]


def test_predictions_tell_the_majority_and_the_shares(run):
    lines = (run.directory / "predictions" / "test.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    frame = rated(96, 2)
    assert rows[0]["target_mood"] is None
    assert rows[0]["target_mood_shares"] is None
    for row, answers in list(zip(rows, frame["mood"], strict=True))[1:]:
        shares = {name: answers.count(name) / 8 for name in "123"}
        assert row["target_mood_shares"] == shares
        assert shares[row["target_mood"]] == max(shares.values())
    assert "target_majority_shares" not in rows[0]


def test_a_run_of_shares_is_evaluated_and_calibrated_on_other_rows(run, tmp_path, capsys):
    from mtc_keras.scoring.decisions import activate

    copied = shutil.copytree(run.directory, tmp_path / "run")
    frame = rated(64, 5)
    evaluation = mtc_keras.evaluate_run(copied, frame)
    evaluation.show(Log(), verbose=True)
    shown = " ".join(capsys.readouterr().out.split())
    assert "label entropy" in shown
    assert f"{evaluation.metrics['tasks']['mood']['expected_log_loss']:.4f}" in shown
    tasks = evaluation.metrics["tasks"]
    assert tasks["topics"]["expected_log_loss"] > tasks["topics"]["label_entropy"]
    fitted = mtc_keras.calibrate_run(copied, frame).decisions
    [task] = [task for task in run.model.tasks if task.name == "mood"]
    logits = run.model.predict_logits(frame["text"].tolist())["mood"]
    shares = task.encode(frame["mood"])[0]
    losses = {
        moment: task.log_loss(shares, activate(task, logits, decision))
        for moment, decision in (("before", None), ("after", fitted["mood"]))
    }
    assert losses["after"] <= losses["before"]
