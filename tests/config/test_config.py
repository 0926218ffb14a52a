"""The config: values, overrides, round trips, and every mistake with its key and remedy."""

import json
import subprocess
import sys
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mtc_keras.config import Config, check_config, config_schema, load_config, monitor_names
from mtc_keras.errors import ConfigError
from mtc_keras.tasks import Multiclass, Regression, known_kinds
from mtc_keras.tasks.spelling import class_key
from tests.conftest import ROOT

repeatable = settings(derandomize=True, deadline=None)

CONFIGS = sorted(ROOT.glob("configs/*.toml"))
TASKS = {"mood": {"kind": "multiclass"}, "stars": {"kind": "regression"}}
MINIMAL = '[data]\ntrain = "train.jsonl"\n[tasks.mood]\nkind = "multiclass"\n'


def problems(values: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_config({"tasks": TASKS, **values})
    return caught.value.problems


def problem(values: dict) -> str:
    [found] = problems(values)
    return found


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(MINIMAL)
    return path


# === What is read ===


def test_a_minimal_config_has_a_default_for_everything_else(file):
    config = load_config(file)
    assert config.task_list == [Multiclass(name="mood")]
    assert config.data.text_columns == ["text"]
    assert config.model.backbone == "minilm"
    assert check_config({"tasks": TASKS}).task_list[1] == Regression(name="stars")


def test_tasks_keep_the_order_of_the_file():
    names = ["z", "a", "m"]
    config = check_config({"tasks": {name: {"kind": "regression"} for name in names}})
    assert [task.name for task in config.task_list] == names


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        check_config({"tasks": TASKS}).seed = 1


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_of_the_repository_is_right_and_comes_back_from_its_own_toml(path):
    config = load_config(path)
    assert check_config(tomllib.loads(config.to_toml())) == config


@repeatable
@given(
    seed=st.integers(0, 2**31 - 1),
    classes=st.lists(
        st.text(min_size=1).filter(str.strip), min_size=2, max_size=5, unique_by=class_key
    ),
    validation=st.none() | st.integers(1, 2**40) | st.floats(0.01, 0.99) | st.just("a.csv"),
    rename=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    rate=st.floats(1e-8, 1),
)
def test_any_config_comes_back_from_its_own_toml(seed, classes, validation, rename, rate):
    data = {"train": ["a.csv", "b/*.csv"], "validation": validation, "rename": rename}
    values = {
        "seed": seed,
        "data": {key: value for key, value in data.items() if value is not None},
        "tasks": {**TASKS, "t": {"kind": "multilabel", "classes": classes}},
        "training": {"learning_rate": rate, "freeze": 2},
    }
    config = check_config(values)
    assert check_config(tomllib.loads(config.to_toml())) == config


def test_a_written_config_holds_every_default_and_reproduces_learned_tasks(tmp_path):
    config = check_config({"tasks": TASKS})
    learned = {
        "mood": Multiclass(name="mood").learn(["é", 'a "b"']),
        "stars": Regression(name="stars").learn([1.5, 4]),
    }
    config = config.model_copy(update={"tasks": learned})
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert load_config(path).task_list == config.task_list
    assert tomllib.loads(path.read_text(encoding="utf-8"))["training"]["batch_size"] == 32


# === Overrides ===


@pytest.mark.parametrize(
    ("override", "read", "expected"),
    [
        ("training.epochs=1", lambda c: c.training.epochs, 1),
        ("tasks.mood.loss_weight=4.5", lambda c: c.tasks["mood"].loss_weight, 4.5),
        ("tasks.new.kind=regression", lambda c: [t.name for t in c.task_list], ["mood", "new"]),
        ("output.directory=runs/a=b", lambda c: c.output.directory, "runs/a=b"),
        (" data . validation = 0.1 ", lambda c: c.data.validation, 0.1),
        ('data.text=["a", "b"]', lambda c: c.data.text_columns, ["a", "b"]),
        ('tasks.mood={kind="multilabel"}', lambda c: c.tasks["mood"].kind, "multilabel"),
    ],
)
def test_set_overrides_any_key(file, override, read, expected):
    assert read(load_config(file, [override])) == expected


def test_the_last_override_of_a_key_counts(file):
    assert load_config(file, ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize("override", ["seed", "=3", "a..b=1", ""])
def test_an_override_of_another_form_is_refused(file, override):
    with pytest.raises(ConfigError, match=r"must have the form a.b=value"):
        load_config(file, [override])


def test_an_override_below_a_value_is_refused(file):
    with pytest.raises(ConfigError, match="'train' is a value, not a table"):
        load_config(file, ["data.train.path=x"])


def test_an_override_of_an_unknown_key_is_refused_like_one_in_the_file(file):
    with pytest.raises(ConfigError, match=r"training.epoch: unknown key. Did you mean 'epochs'?"):
        load_config(file, ["training.epoch=1"])


# === Bad input ===


def test_a_missing_file_is_said_to_be_missing():
    with pytest.raises(ConfigError, match=r"config file 'no.toml' does not exist"):
        load_config("no.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"seed = \n", r"is not valid TOML: .*line 1"), (b'a = "\xe9"', "cannot be read: .*utf-8")],
)
def test_a_file_that_is_no_toml_is_said_to_be_none(file, content, message):
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(file)


def test_a_directory_is_no_config(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sed": 1}, "sed: unknown key. Did you mean 'seed'?"),
        ({"data": {"trian": "x"}}, "data.trian: unknown key. Did you mean 'train'?"),
        ({"model": {"max_len": 3}}, "model.max_len: unknown key. Did you mean 'max_length'?"),
        (
            {"tasks": {"mood": {"kind": "multiclass", "clases": ["a", "b"]}}},
            "tasks.mood.clases: unknown key. Did you mean 'classes'?",
        ),
        (
            {"tasks": {"mood": {"kind": "multiclass", "empty_cell": "none"}}},
            "tasks.mood.empty_cell: unknown key. Known: 'kind', 'column', 'missing', ",
        ),
        (
            {"model": {"backbone": "random", "random": {"hidden": 8}}},
            "model.random.hidden: unknown key. Did you mean 'hidden_dim'?",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(values, message):
    assert problem(values).startswith(message)


@pytest.mark.parametrize(
    ("values", "key", "received"),
    [
        ({"seed": "1"}, "seed", "'1'"),
        ({"seed": -1}, "seed", "-1"),
        ({"training": {"epochs": 1.5}}, "training.epochs", "1.5"),
        ({"training": {"epochs": 0}}, "training.epochs", "0"),
        ({"training": {"learning_rate": 0}}, "training.learning_rate", "0"),
        ({"training": {"schedule": "step"}}, "training.schedule", "'step'"),
        ({"model": {"dropout": 1.0}}, "model.dropout", "1.0"),
        ({"model": {"pooling": "avg"}}, "model.pooling", "'avg'"),
        ({"model": 3}, "model", "3"),
        ({"data": {"train": 3}}, "data.train", "3"),
        ({"data": {"too_long": "cut"}}, "data.too_long", "'cut'"),
        ({"tasks": {"a": {"kind": "multiclass", "loss_weight": -1}}}, "tasks.a.loss_weight", "-1"),
        ({"tasks": {}}, "tasks", "{}"),
        ({"tasks": {"a": {"kind": "multiclass", "num_classes": 1}}}, "tasks.a.num_classes", "1"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_was_received(values, key, received):
    found = problems(values)[0]
    assert found.startswith(f"{key}: ")
    assert found.endswith(f"Received: {received}")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            {},
            "tasks.t.kind: is required, one of 'multiclass', 'multilabel', 'ordinal', 'regression'",
        ),
        (
            {"kind": "multiclas"},
            "tasks.t.kind: 'multiclas' is not a kind of task. Did you mean 'mul",
        ),
        ({"kind": "multiclass", "column": "a[1:2]"}, "tasks.t.column: the slice in 'a[1:2]' must"),
        ({"kind": "multiclass", "column": ["a"]}, "tasks.t.column: a list of columns needs two"),
        ({"kind": "multiclass", "column": "text"}, "column 'text' is read by task 't' and as text"),
        ({"kind": "multiclass", "classes": ["a", "a"]}, "tasks.t: classes must differ from each"),
        (
            {"kind": "multiclass", "classes": ["a", "b"], "num_classes": 3},
            "tasks.t: num_classes is 3, but classes lists 2; give one of the two",
        ),
        (
            {"kind": "multilabel", "column": "y[0:3]", "num_classes": 4},
            "tasks.t: column 'y[0:3]' has 3 positions for 4 classes",
        ),
        (
            {"kind": "multiclass", "classes": ["a", "b"], "class_names": {"c": "x"}},
            "tasks.t: class_names gives 'c', which is none of the classes",
        ),
    ],
)
def test_a_wrong_task_is_named_with_what_would_be_right(task, message):
    assert problem({"tasks": {"t": task}}).startswith(message)


@pytest.mark.parametrize("name", ["Mood", "1st", "my-task", "é", ""])
def test_a_task_name_that_cannot_be_a_column_and_output_is_refused(name):
    found = problem({"tasks": {name: {"kind": "multiclass"}}})
    assert found == f"tasks.{name}: a task's name must match [a-z][a-z0-9_]*"


def test_a_task_carries_no_other_name_than_its_key():
    assert "tasks.a must not have another name ('b')" in problem(
        {"tasks": {"a": {"kind": "multiclass", "name": "b"}}}
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"validation": 1.5}, "data.validation: a fraction must lie between 0 and 1"),
        ({"validation": 0.0}, "data.validation: a fraction must lie between 0 and 1"),
        ({"validation": 0}, "data.validation: a number of rows must be at least 1"),
        ({"text": ["a"]}, "data.text: must be one column, or a list of two for text pairs"),
        ({"reader": "a.b:c", "train": "x"}, "data: reader replaces the files"),
        ({"reader": "a.b:c", "validation": "x"}, "data: reader replaces the files"),
        ({"reader": "a.b.c"}, "data.reader: "),
        ({"weight": "mood"}, "column 'mood' is read by task 'mood' and as row weights"),
    ],
)
def test_wrong_data_settings_are_named(data, message):
    assert message in problem({"data": data})


def test_a_reader_may_stand_beside_a_fraction():
    data = {"reader": "a.b:c", "validation": 0.1}
    assert check_config({"tasks": TASKS, "data": data}).data.validation == 0.1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"model": {"random": {"num_layers": 1}}},
            'model: sizes in [model.random] need backbone = "random"',
        ),
        (
            {"model": {"backbone": "random", "random": {"hidden_dim": 9}}},
            "model.random: hidden_dim (9) must be a multiple of num_heads (2)",
        ),
        ({"training": {"freeze": -1}}, "training.freeze: a number of layers cannot be negative"),
        (
            {"training": {"monitor": "mood_acuracy"}},
            "training.monitor 'mood_acuracy' is not a metric of this config. "
            "Did you mean 'mood_accuracy'?",
        ),
    ],
)
def test_wrong_model_and_training_settings_are_named(values, message):
    assert problem(values).startswith(message)


def test_what_is_wrong_is_told_at_once():
    values = {"sed": 1, "training": {"epochs": 0, "batch_size": "x"}, "model": {"dropout": 2}}
    with pytest.raises(ConfigError) as caught:
        check_config({"tasks": TASKS, **values}, "my.toml")
    assert caught.value.headline == "my.toml: 4 problems in the config"
    assert {problem.split(":")[0] for problem in caught.value.problems} == {
        "sed",
        "training.epochs",
        "training.batch_size",
        "model.dropout",
    }
    assert str(caught.value).count("\n") == 4


# === Metrics, schema, imports ===


def test_every_metric_of_every_task_can_be_monitored():
    config = check_config({"tasks": TASKS})
    names = monitor_names(config.task_list)
    assert {"score", "loss", "mood_loss", "mood_accuracy", "stars_r2"} <= set(names)
    for name in names:
        assert check_config({"tasks": TASKS, "training": {"monitor": name}})


def test_the_schema_describes_every_kind_without_its_name():
    schema = json.loads(config_schema())
    for name in known_kinds():
        definition = schema["$defs"][name]
        assert definition["properties"]["kind"]["const"] == name
        assert "name" not in definition["properties"]
        assert definition["required"] == ["kind"]
    sections = [
        *Config.model_fields.values(),
        *(f for k in known_kinds().values() for f in k.model_fields.values()),
    ]
    assert all(field.description for field in sections if field.annotation in (int, float, str))


def test_the_config_is_checked_without_pandas_or_keras():
    code = (
        "import sys, mtc_keras.config\n"
        "assert not {'pandas', 'keras', 'tensorflow', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# === Uneven tasks and decisions ===

STARS = {"kind": "ordinal", "classes": ["1", "2", "3"]}
MOODS = {"kind": "multiclass", "classes": ["bad", "good"]}


@pytest.mark.parametrize(
    "values, message",
    [
        (
            {"tasks": {"t": {"kind": "ordinal"}}},
            'tasks.t: kind = "ordinal" needs its classes listed from lowest to highest',
        ),
        (
            {"tasks": {"t": {**MOODS, "class_weights": {"god": 2.0}}}},
            "tasks.t: class_weights gives 'god', which is none of the classes. Did you mean 'good'",
        ),
        (
            {"tasks": {"t": {**MOODS, "gamma": 2.0}}},
            'tasks.t: gamma belongs to loss = "focal"; remove one of the two',
        ),
        (
            {"tasks": {"t": {**MOODS, "class_weights": {"good": 2.0}, "max_class_weight": 1.0}}},
            "tasks.t: max_class_weight caps class_weights of a rule",
        ),
        (
            {"tasks": {"t": {**MOODS, "class_weights": "balanced", "class_weight_beta": 0.9}}},
            'tasks.t: class_weight_beta belongs to class_weights = "effective"',
        ),
        (
            {"tasks": {"t": {**MOODS, "class_weights": {"good": -1.0}}}},
            "tasks.t.class_weights",
        ),
        (
            {"decisions": {"thresholds": 1.5}},
            "decisions.thresholds",
        ),
        (
            {"decisions": {"thresholds": "per_lable"}},
            "decisions.thresholds",
        ),
        (
            {"tasks": {"t": MOODS}, "balancing": {"method": "famo"}},
            'balancing.method: "famo" compares tasks and needs two or more',
        ),
        (
            {"balancing": {"method": "dwa", "learning_rate": 0.1}},
            "balancing: learning_rate belongs to method 'uncertainty' or 'famo', but method is",
        ),
        (
            {"training": {"floor": {"mood_acuracy": 0.5}}},
            "training.floor 'mood_acuracy' is not a metric of this config. Did you mean 'mood_a",
        ),
        (
            {"training": {"monitor": {"mood_acuracy": 1.0}}},
            "training.monitor 'mood_acuracy' is not a metric of this config. Did you mean 'mood_a",
        ),
        ({"training": {"monitor": {}}}, "training.monitor: a mix needs at least one metric"),
        ({"training": {"monitor": {"mood_f1_macro": -1.0}}}, "training.monitor"),
    ],
)
def test_settings_that_cannot_be_are_named_with_what_would_be_right(values, message):
    given = {"tasks": {"mood": MOODS, "other": MOODS}, **values}
    found = problems(given)
    assert any(line.startswith(message) for line in found), found


def test_famo_on_another_backend_is_refused(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    tasks = {"a": MOODS, "b": MOODS}
    assert "JAX backend" in problem({"tasks": tasks, "balancing": {"method": "famo"}})


def test_shared_label_smoothing_reaches_the_tasks_that_take_it():
    tasks = {
        "a": MOODS,
        "b": {**MOODS, "label_smoothing": 0.3},
        "c": {"kind": "multilabel"},
        "d": {"kind": "regression"},
        "e": STARS,
    }
    found = check_config({"tasks": tasks, "training": {"label_smoothing": 0.1}}).tasks
    assert [found[name].label_smoothing for name in "abc"] == [0.1, 0.3, 0.1]


def test_a_mix_of_metrics_and_rules_survive_the_toml(tmp_path):
    values = {
        "tasks": {"a": {**MOODS, "loss_weight": "prior", "hidden": [8], "pooling": "max"}},
        "training": {"monitor": {"a_accuracy": 2.0, "a_loss": 1.0}, "floor": {"a_f1_macro": 0.5}},
        "balancing": {"method": "uncertainty", "learning_rate": 0.1},
        "decisions": {"thresholds": "per_task"},
    }
    config = check_config(values)
    (tmp_path / "c.toml").write_text(config.to_toml())
    assert load_config(tmp_path / "c.toml") == config
