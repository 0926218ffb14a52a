"""Training on windows: labels at a text's end are learned, and resuming changes nothing."""

import math

import numpy as np
import pandas as pd
import pytest

import mtc_keras
from mtc_keras.config import check_config
from mtc_keras.data.batches import TrainingBatches, training_sizes
from mtc_keras.data.lengths import MOST_LENGTHS, StepCosts
from mtc_keras.data.long_texts import read_texts_as
from mtc_keras.data.plan import batch_plan
from mtc_keras.data.rows import Rows
from mtc_keras.errors import ConfigError
from mtc_keras.tasks import Multiclass
from mtc_keras.train.checkpointing import Checkpointing
from tests.conftest import WORDS, processor_seconds, tiny_bert, tiny_values

FILLERS = [word for word in WORDS if word not in ("good", "bad")]


class Killed(Exception):
    """Stands for whatever ends a process."""


def documents(count: int, seed: int = 0) -> pd.DataFrame:
    """Returns documents of 24 to 40 words, one of which, in the last third, says the label."""
    random = np.random.default_rng(seed)
    records = []
    for row in range(count):
        words = random.choice(FILLERS, size=random.integers(24, 41)).tolist()
        label = ("bad", "good")[row % 2]
        words[int(random.integers(math.ceil(len(words) * 2 / 3), len(words)))] = label
        records.append({"text": " ".join(words), "mood": label})
    return pd.DataFrame(records)


def configured(directory, mode="windows", pooling=None, model=None, **training):
    values = tiny_values(directory)
    values["tasks"] = {"mood": {"kind": "multiclass"}}
    if pooling:
        values["tasks"]["mood"]["window_pooling"] = pooling
    values["model"] |= {"long_texts": mode, "backbone_dropout": 0.0, **(model or {})}
    values["training"] = {
        "epochs": 12,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "head_learning_rate": 3e-2,
        **training,
    }
    return check_config(values)


def fit(config, count=384, **options):
    return mtc_keras.fit(
        config,
        train=documents(count),
        validation=documents(64, 1),
        test=documents(100, 2),
        **{"verbose": 0, **options},
    )


@pytest.mark.parametrize(
    ("mode", "pooling", "least", "most"),
    [
        ("truncate", None, 0.35, 0.65),  # two classes, equally frequent
        ("head_tail", None, 0.9, 1.0),  # its last 11 words are about a third
        ("windows", "max", 0.9, 1.0),
        ("windows", "attention", 0.9, 1.0),
    ],
)
def test_a_label_in_the_last_third_is_found_by_those_who_read_it(
    tmp_path, mode, pooling, least, most
):
    run = fit(configured(tmp_path / "run", mode, pooling))
    found = run.metrics["test"]["tasks"]["mood"]["accuracy"]
    assert least <= found <= most
    assert run.model.long_texts == mode
    # The saved model is judged as it was in training.
    again = mtc_keras.evaluate_run(run.directory, documents(100, 2))
    assert again.metrics["tasks"]["mood"]["accuracy"] == found
    assert again.metrics["by_length"] == run.metrics["test"]["by_length"]
    # All documents are longer than a window, and some than two.
    rows = [bucket["rows"] for bucket in again.metrics["by_length"]]
    assert rows[:2] == [0, 0] and rows[2] > 0 and rows[3] > 0 and sum(rows) == 100
    told = "of 100 evaluated rows, 100 exceed max_length = 16 tokens and are "
    assert any(note.startswith(told) for note in again.notes)


def test_a_training_on_windows_resumes_to_the_same_numbers(tmp_path, monkeypatch):
    def config(name):
        return configured(
            tmp_path / name,
            model={"training_windows": 2},
            epochs=2,
            checkpoint_minutes=1e-9,
            gradient_accumulation=2,
        )

    whole = fit(config("whole"), 96)
    done = 0
    before = Checkpointing.on_train_batch_begin

    def stop(self, batch, logs=None):
        nonlocal done
        before(self, batch, logs)
        done += 1
        if done == 5:  # in the second epoch
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Checkpointing, "on_train_batch_begin", stop)
        fit(config("stopped"), 96)
    resumed = fit(config("stopped"), 96, resume=True)
    assert resumed.metrics == whole.metrics
    for left, right in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_parts_of_a_batch_have_the_gradient_of_the_whole(tmp_path):
    losses = []
    for more in ({}, {"gradient_accumulation": 4}, {"rematerialisation": True}):
        directory = tmp_path / f"run{len(losses)}"
        config = configured(directory, model={"dropout": 0.0}, epochs=2, **more)
        losses.append(fit(config, 64).history[1]["loss"])
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-4)


def batches_of(texts, most_windows, batch_size=4, **options):
    _, preprocessor = tiny_bert()
    windows = read_texts_as(preprocessor, [texts], "windows", 4)
    task = Multiclass(name="mood", classes=["bad", "good"])
    targets = {"mood": np.zeros(len(texts), "int32")}
    rows = Rows("train", (texts,), targets, None, None, [str(row) for row in range(len(texts))])
    sizes = training_sizes(windows, most_windows)
    plan = batch_plan(sizes, lambda length: batch_size, StepCosts(1e-6, 1e-3), epochs=1)
    return windows, TrainingBatches(
        windows, rows, [task], plan, 0, most_windows=most_windows, **options
    )


def test_a_batch_has_few_shapes_and_no_more_windows_than_are_drawn():
    random = np.random.default_rng(0)
    texts = [" ".join(["good"] * n) for n in random.integers(1, 200, size=400)]
    windows, batches = batches_of(texts, 3)
    shapes, rows = set(), 0
    for inputs, _, _ in batches:
        shape = inputs["token_ids"].shape
        assert shape[0] == 4 and shape[1] <= 3 and shape[2] <= 16
        shapes.add(shape)
        rows += inputs["padding_mask"].any(axis=(1, 2)).sum()
    assert rows == 400
    assert len(shapes) <= len(batches.shapes) <= MOST_LENGTHS
    assert windows.counts.max() == 20
    assert min(shape[1] for shape in shapes) == 1  # short texts are among themselves


def test_an_epoch_is_drawn_alike_whoever_reads_it_and_from_wherever():
    texts = [" ".join(["good", "bad", "bus"] * n) for n in range(1, 33)]
    _, batches = batches_of(texts, 2)
    batches.epoch = 3
    whole = [inputs["token_ids"] for inputs, _, _ in batches]
    batches.first_batch = 2
    again = next(inputs["token_ids"] for inputs, _, _ in batches)
    np.testing.assert_array_equal(again, whole[2])
    batches.epoch, batches.first_batch = 4, 0
    other = [inputs["token_ids"] for inputs, _, _ in batches]
    assert any(a.shape != b.shape or (a != b).any() for a, b in zip(whole, other, strict=True))


def test_a_text_of_100_000_words_costs_a_step_no_more_than_others(tmp_path):
    frame = documents(64)
    frame.loc[0, "text"] = " ".join(["bus"] * 100_000)
    config = configured(tmp_path / "run", epochs=1)
    with processor_seconds(120):
        run = mtc_keras.fit(config, train=frame, validation=documents(16, 1), verbose=0)
    batches = batches_of(frame["text"].tolist(), 4)[1]
    assert max(inputs["token_ids"].size for inputs, _, _ in batches) == 4 * 4 * 16
    assert run.model.predict([frame["text"][0]])["mood"].shape == (1, 2)


def test_what_is_read_of_long_texts_is_told_once(tmp_path, capsys):
    frame = documents(64)
    for mode, told in {
        "truncate": "are truncated, first train row 0; "
        'long_texts = "windows" reads such texts whole',
        "head_tail": "are cut in the middle, first train row 0",
        "windows": "are read in windows of so many, first train row 0; "
        "a text has up to 4, of which a step draws 2",
    }.items():
        model = {"training_windows": 2} if mode == "windows" else {}
        config = configured(tmp_path / mode, mode, epochs=1, model=model)
        mtc_keras.fit(config, train=frame, verbose=1)
        shown = " ".join(capsys.readouterr().out.split())
        assert f"of 64 training rows, 64 exceed max_length = 16 tokens and {told}" in shown


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"data": {"text": ["a", "b"]}}, "reads one text per row"),
        ({"data": {"too_long": "drop"}}, "none is too long"),
        ({"model": {"window_overlap": 16}}, "must be less than max_length"),
        ({"model": {"long_texts": "truncate", "training_windows": 2}}, 'needs long_texts = "win'),
        (
            {"model": {"long_texts": "head_tail"}, "tasks": {"window_pooling": "max"}},
            r"tasks\.mood\.window_pooling pools windows",
        ),
    ],
)
def test_settings_that_do_not_fit_windows_are_refused(tmp_path, sections, message):
    values = configured(tmp_path / "run").to_dict()
    for name, section in sections.items():
        table = values["tasks"]["mood"] if name == "tasks" else values[name]
        table |= section
    with pytest.raises(ConfigError, match=message):
        check_config(values)


def test_an_overlap_beyond_what_a_window_holds_is_refused_by_the_model(tmp_path):
    config = configured(tmp_path / "run", model={"window_overlap": 14}, epochs=1)
    with pytest.raises(ConfigError, match="less than the 14 tokens that a window"):
        fit(config, 32)


def test_a_probe_reads_windows(tmp_path):
    values = configured(tmp_path / "run", epochs=1).to_dict()
    values["tasks"]["mood"]["loss_weight"] = "probe"
    values["balancing"] = {"method": "static", "probe_steps": 4}
    run = fit(check_config(values), 64)
    assert run.metrics["test"]["tasks"]["mood"]["rows"] == 100
