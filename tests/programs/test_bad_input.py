"""Every mistake of a user's: exit code 2, one message that says what and where, nothing written."""

import json
import subprocess
import sys

import pytest
import tomli_w

from mtc_keras import evaluate
from mtc_keras.predict import program as predict
from mtc_keras.train import program as train
from tests.conftest import ROOT, processor_seconds, rows, tiny_values


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with a config and its data; tests break one thing in it."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "train.jsonl", rows(24))
    values = tiny_values("runs/x")
    values["data"] = {"train": "train.jsonl"}
    return Project(tmp_path, values)


class Project:
    def __init__(self, directory, values):
        self.directory = directory
        self.values = values

    def change(self, row, **cells):
        path = self.directory / "train.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines if row is None else [lines[row]]:
            line.update(cells)
            for key in [key for key, value in cells.items() if value is DROP]:
                del line[key]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def run(self, *arguments):
        (self.directory / "c.toml").write_text(tomli_w.dumps(self.values))
        return train.main(["--config", "c.toml", *arguments])


DROP = object()


def write_rows(path, frame):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(frame.to_json(orient="records", lines=True))


def task(project, name, **values):
    project.values["tasks"][name].update(values)


def split(project, name, positions, **cells):
    frame = rows(8, 1)
    for column, value in cells.items():
        frame[column] = frame[column].astype(object)
        for position in positions:
            frame.at[position, column] = value
    write_rows(project.directory / f"{name}.jsonl", frame)
    project.values["data"][name] = f"{name}.jsonl"


def model_folder(project):
    folder = project.directory / "folder"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "nomic_bert"}')
    project.values["model"] = {"backbone": "./folder"}


def csv_file(project, **cells):
    frame = rows(12)
    frame["topics"] = frame["topics"].map("|".join)
    for column, value in cells.items():
        frame[column] = [value if row == 2 else "1" for row in range(len(frame))]
    frame.to_csv(project.directory / "train.csv", index=False)
    project.values["data"]["train"] = "train.csv"


def two_labels_of_mood(project):
    project.change(None, mood=None)
    project.change(0, mood="good")
    project.change(1, mood="bad")
    project.values["data"]["validation"] = 0.05


def run_is_there(project):
    (project.directory / "runs" / "x").mkdir(parents=True)
    (project.directory / "runs" / "x" / "run.json").write_text('{"format": 1, "sha256": {}}')


MISTAKES = {
    "unknown key": (
        lambda p: p.values["training"].update(epoch=3),
        ["c.toml", "training.epoch", "unknown key", "Did you mean 'epochs'"],
    ),
    "wrong type": (
        lambda p: p.values["training"].update(epochs="three"),
        ["training.epochs", "integer", "'three'"],
    ),
    "unknown kind": (lambda p: task(p, "mood", kind="multiclas"), ["Did you mean 'multiclass'"]),
    "unknown metric": (
        lambda p: p.values["training"].update(monitor="mood_acuracy"),
        ["training.monitor", "Did you mean 'mood_accuracy'"],
    ),
    "data file missing": (
        lambda p: p.values["data"].update(train="trian.jsonl"),
        ["data.train", "trian.jsonl", "Did you mean 'train.jsonl'"],
    ),
    "data file empty": (
        lambda p: (p.directory / "train.jsonl").write_text(""),
        ["train.jsonl", "no rows"],
    ),
    "data undecodable": (
        lambda p: (p.directory / "train.jsonl").write_bytes(b'{"text": "a"}\n{"text": "\xff"}\n'),
        ["train.jsonl:2", "UTF-8"],
    ),
    "broken json": (
        lambda p: (p.directory / "train.jsonl").write_text('{"text": "a"}\n{"text": \n'),
        ["train.jsonl:2", "JSON"],
    ),
    "no text column": (
        lambda p: p.values["data"].update(text="txt"),
        ["train.jsonl", "'txt'", "Did you mean 'text'"],
    ),
    "task column in no file": (
        lambda p: task(p, "mood", column="moood"),
        ["tasks.mood", "'moood'", "Did you mean 'mood'"],
    ),
    "class of validation unknown to training": (
        lambda p: split(p, "validation", [3], mood="godo"),
        ["validation.jsonl:4: tasks.mood", "'godo'", "Did you mean 'good'", "unknown_classes"],
    ),
    "class of three validation rows unknown to training": (
        lambda p: split(p, "validation", [1, 3, 6], mood="godo"),
        ["validation.jsonl:2 (and 2 more rows): tasks.mood", "'godo'", "'bad', 'fine', 'good'"],
    ),
    "class of test unknown to training": (
        lambda p: split(p, "test", range(8), topics=["bus", "tram"]),
        ["test.jsonl:1 (and 7 more rows): tasks.topics", "'tram'", "'queue'"],
    ),
    "two labels in a single-label cell": (
        lambda p: p.change(2, mood=["good", "bad"]),
        ["train.jsonl:3", "tasks.mood", "one label", "multilabel"],
    ),
    "all labels missing": (
        lambda p: p.change(None, mood=None),
        ["tasks.mood: every label is missing in train (column 'mood')"],
    ),
    "all labels blank": (
        lambda p: p.change(None, mood=" "),
        ["tasks.mood: every label is missing in train (column 'mood')"],
    ),
    "list shorter than a position": (
        lambda p: task(p, "topics", column="topics[7:9]"),
        ["train.jsonl:1", "tasks.topics", "topics[7:9]", "at least 9"],
    ),
    "list shorter than one position": (
        lambda p: (p.change(None, labels=[0, 1]), task(p, "mood", column="labels[2]")),
        ["train.jsonl:1 (and 23 more rows): tasks.mood", "'labels[2]' needs at least 3"],
    ),
    "index outside num_classes": (
        lambda p: (task(p, "mood", num_classes=3), p.change(None, mood=1), p.change(4, mood=3)),
        ["train.jsonl:5: tasks.mood", "'3' is unknown", "'0', '1', '2'"],
    ),
    "negative index": (
        lambda p: (task(p, "mood", num_classes=3), p.change(None, mood=1), p.change(4, mood=-1)),
        ["train.jsonl:5: tasks.mood", "'-1' is unknown", "'0', '1', '2'"],
    ),
    "index outside the listed classes": (
        lambda p: (
            task(p, "mood", classes=["a", "b"]),
            p.change(None, mood=1),
            p.change(4, mood=7),
        ),
        ["train.jsonl:5: tasks.mood", "index 7 is outside 0 … 1", "'a', 'b'"],
    ),
    "negative weight": (lambda p: p.change(1, weight=-1), ["train.jsonl:2", "weight", "-1"]),
    "weight no number": (lambda p: p.change(1, weight="high"), ["train.jsonl:2", "'high'"]),
    "weight infinite": (lambda p: p.change(1, weight=float("inf")), ["train.jsonl:2", "inf"]),
    "weight in csv no number": (
        lambda p: csv_file(p, weight="heavy"),
        ["train.csv:4: data.weight (column 'weight')", "number of 0 or more", "'heavy'"],
    ),
    "weights for other tasks": (
        lambda p: p.change(1, weight=[1, 2]),
        ["train.jsonl:2", "list of 3", "'mood', 'topics', 'length'", "[1, 2]"],
    ),
    "misspelt preset": (
        lambda p: p.values.update(model={"backbone": "bert_base_en_uncase"}),
        ["model.backbone", "Did you mean 'bert_base_en_uncased'", "minilm"],
    ),
    "backbone folder missing": (
        lambda p: p.values.update(model={"backbone": "./nothing"}),
        ["model.backbone", "./nothing", "minilm"],
    ),
    "backbone of unknown type": (model_folder, ["model.backbone", "nomic_bert", "xlm-roberta"]),
    "max_length above the limit": (
        lambda p: p.values["model"].update(max_length=1000),
        ["model.max_length", "1000", "512"],
    ),
    "validation larger than training": (
        lambda p: p.values["data"].update(validation=24),
        ["data.validation: 24 of 24 rows leave none on one side"],
    ),
    "fraction that leaves a task without rows": (
        two_labels_of_mood,
        ["tasks.mood: no row of validation has a label"],
    ),
    "validation without labels of a task": (
        lambda p: split(p, "validation", range(8), length=None),
        ["tasks.length: no row of validation has a label; at least one must"],
    ),
    "no training data": (lambda p: p.values["data"].pop("train"), ["data.train", "required"]),
    "run in the output directory": (run_is_there, ["output.directory", "runs/x", "--overwrite"]),
    "files of another sort in the output directory": (
        lambda p: write_rows(p.directory / "runs" / "x" / "notes.jsonl", rows(1)),
        ["output.directory: 'runs/x' holds files that are not a run"],
    ),
    "file in place of the output directory": (
        lambda p: p.values["output"].update(directory="train.jsonl"),
        ["output.directory: 'train.jsonl' is a file"],
    ),
    "file above the output directory": (
        lambda p: p.values["output"].update(directory="train.jsonl/x"),
        ["output.directory", "train.jsonl"],
    ),
    "output in a file": (
        lambda p: p.values["output"].update(directory="train.jsonl/x"),
        ["output.directory", "train.jsonl"],
    ),
    "task named like a kind": (
        lambda p: p.values["tasks"].update(regression={"kind": "regression", "bogus": 1}),
        ["tasks.regression.bogus", "unknown key"],
    ),
    "task named like the rows' id": (
        lambda p: p.values["tasks"].update(id={"kind": "multiclass"}),
        ["tasks.id", "reserved"],
    ),
    "one shown name for two classes": (
        lambda p: task(p, "mood", class_names={"good": "x", "bad": "x"}),
        ["tasks.mood", "class_names", "differ"],
    ),
    "regression on a vector": (
        lambda p: task(p, "length", column="v[0:3]"),
        ["tasks.length", "v[0:3]"],
    ),
    "infinite rate": (
        lambda p: p.values["training"].update(learning_rate=float("inf")),
        ["training.learning_rate", "finite"],
    ),
    "number too long": (
        lambda p: (p.directory / "train.jsonl").write_text('{"length": ' + "9" * 5000 + "}\n"),
        ["train.jsonl:1"],
    ),
    "reader that cannot be imported": (
        lambda p: p.values.update(data={"reader": "no_such_module:read"}),
        ["data.reader", "no_such_module"],
    ),
    "no pair in the pair's column": (
        lambda p: p.values["data"].update(text=["text", "answer"]),
        ["train.jsonl", "'answer'"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_with_2_and_says_what_and_where(mistake, project, capsys):
    spoil, parts = MISTAKES[mistake]
    spoil(project)
    before = sorted(path.name for path in project.directory.rglob("*"))
    assert project.run() == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert "Traceback" not in message
    for part in parts:
        assert part in message, message
    after = sorted(path.name for path in project.directory.rglob("*"))
    assert after == sorted([*before, "c.toml"])


def test_all_mistakes_are_told_at_once(project, capsys):
    project.change(0, mood=["good", "bad"])
    project.change(1, weight=-3)
    project.change(2, length="long")
    task(project, "topics", column="topic")
    assert project.run() == 2
    message = capsys.readouterr().err
    for part in ["train.jsonl:1", "train.jsonl:2", "train.jsonl:3", "'topic'"]:
        assert part in message, message


def test_equal_mistakes_are_told_once_with_their_number(project, capsys):
    project.change(None, length="long")
    project.change(0, length=1.0)
    assert project.run() == 2
    message = capsys.readouterr().err
    assert message.count("expected a number") == 1
    assert "train.jsonl:2 (and 22 more rows)" in message


@pytest.mark.parametrize(
    "content, part",
    [(None, "does not exist"), ("seed = = 1", "is not valid TOML"), (b"\xff", "read")],
)
def test_a_config_that_cannot_be_read(content, part, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "c.toml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert train.main(["--config", str(path)]) == 2
    message = capsys.readouterr().err
    assert str(path) in message and part in message
    assert list(tmp_path.iterdir()) == ([] if content is None else [path])


@pytest.mark.parametrize("override", ["training.epochs", "=3", "seed.x=1", "training.epochs=no"])
def test_an_override_that_makes_no_sense(override, project, capsys):
    project.values["seed"] = 1
    assert project.run("--set", override) == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("program", [evaluate, predict])
def test_a_run_that_is_not_there(program, tmp_path, capsys):
    extra = ["--text", "a"] if program is predict else []
    assert program.main(["--model", str(tmp_path / "none"), *extra]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_mistakes_after_training(finished, tmp_path, capsys):
    model = ["--model", str(finished.directory)]
    assert evaluate.main(model) == 2
    assert "give --data" in capsys.readouterr().err
    (tmp_path / "other.csv").write_text("txt,mood\na,good\n")
    assert predict.main([*model, "--data", str(tmp_path / "other.csv")]) == 2
    assert "Did you mean 'txt'" in capsys.readouterr().err
    (tmp_path / "new.csv").write_text("text,mood\na,godo\n")
    assert evaluate.main([*model, "--data", str(tmp_path / "new.csv")]) == 2
    assert "'godo'" in capsys.readouterr().err
    assert predict.main([*model, "--text", "a", "b"]) == 2
    assert "--text" in capsys.readouterr().err
    assert predict.main([*model, "--text", "a", "--out", str(tmp_path / "no" / "x.jsonl")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_misspelt_key_answers_at_once_in_a_process(project):
    project.values["training"]["epoch"] = 1
    config = project.directory / "c.toml"
    config.write_text(tomli_w.dumps(project.values))
    with processor_seconds(1.5):
        done = subprocess.run(
            [sys.executable, "-m", "mtc_keras.train", "--config", str(config)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {config}: 1 problem in the config")
    assert "Did you mean 'epochs'" in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert not (project.directory / "runs").exists()
