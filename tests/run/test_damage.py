"""Whatever has happened to a run's files, one message says which of them is wrong."""

import os
import shutil
from pathlib import Path

import pytest

import mtc_keras
from mtc_keras import calibrate, evaluate
from mtc_keras.compare import program as compare
from mtc_keras.errors import DataError, UserError
from mtc_keras.export import program as export
from mtc_keras.predict import program as predict
from mtc_keras.run.directory import TASK, Run
from tests.run.damaged import (
    OLD,
    backbone,
    change,
    decision,
    remove,
    replace,
    run_of_today,
    stamp,
    task,
    task_config,
    write,
)

DATA = ["--data", str(OLD / "validation.jsonl")]
PROGRAMS = {
    "evaluate": lambda run, out: evaluate.main(["--model", run, *DATA]),
    "predict": lambda run, out: predict.main(["--model", run, "--text", "good"]),
    "bulk": lambda run, out: predict.main(["--model", run, *DATA, "--out", f"{out}.jsonl"]),
    "calibrate": lambda run, out: calibrate.main(["--model", run, *DATA]),
    "export": lambda run, out: export.main(["--model", run, "--out", out]),
    "compare": lambda run, out: compare.main(["--runs", run, run, *DATA]),
}
GARBAGE = {"nothing": b"", "no text": b"\xff\xfe\x00", "no JSON": b"{", "another type": b"[1]"}
MODEL_FILES = [TASK, "model/config.json", "model/preprocessor.json", "model/tokenizer.json"]
OTHERS = [
    "model/model.weights.h5",
    "model/task.weights.h5",
    "model/assets/tokenizer/vocabulary.txt",
]
ONE_TASK = {"name": "mood", "kind": "multiclass", "classes": ["a", "b"]}

# What every program refuses before it loads Keras. Checksums are right: a stranger can write them.
DAMAGE = {
    **{f"{name}: {what}": write(name, GARBAGE[what]) for name in MODEL_FILES for what in GARBAGE},
    **{f"{name} is gone": remove(name) for name in (*MODEL_FILES[1:], *OTHERS[:2])},
    **{f"{name} is a folder": replace(name, Path.mkdir) for name in (*MODEL_FILES[1:], *OTHERS)},
    **{f"{name} is empty": write(name, b"") for name in OTHERS[:2]},
    **{f"{name} is no HDF5": write(name, b"\x89HDF" * 99) for name in OTHERS[:2]},
    "config.toml is gone": remove("config.toml"),
    "config.toml is no TOML": write("config.toml", "= 1"),
    "config.toml is nested": write("config.toml", f"a = {'[' * 100_000}"),
    "config.toml has no tasks": write("config.toml", "seed = 1\n"),
    "config.toml of another model": write("config.toml", "[tasks.x]\nkind = 'regression'\n"),
    "run.json is garbage": write("run.json", b"\xff"),
    "run.json is a list": write("run.json", b"[]"),
    "run.json has no number": write("run.json", b'{"format": "two"}'),
    "no tasks": task_config(tasks=[]),
    "a task that is none": task_config(tasks=[1]),
    "tasks of one name": task_config(tasks=[ONE_TASK, ONE_TASK], decisions={}),
    "an unknown kind": task(0, kind="tarot"),
    "no kind": change(TASK, lambda saved: saved["config"]["tasks"][0].pop("kind") and None),
    "an unknown key": task(0, colour="red"),
    "one class": task(0, classes=["bad"]),
    "a class twice": task(0, classes=["bad", "bad", "good"]),
    "another class": task(0, classes=["bad", "fine", "evil"]),
    "classes that are none": task(0, classes=5),
    "another pooling": task_config(pooling="sum"),
    "dropout 5": task_config(dropout=5),
    "dropout NaN": task_config(dropout=float("nan")),
    "decisions that are none": task_config(decisions=[1]),
    "decisions of another task": task_config(decisions={"x": {"temperature": 1.0}}),
    "temperature -1": decision("mood", temperature=-1),
    "temperature 0": decision("mood", temperature=0),
    "temperature NaN": decision("mood", temperature=float("nan")),
    "temperature inf": decision("mood", temperature=float("inf")),
    "temperature is text": decision("mood", temperature="hot"),
    "threshold 7": decision("topics", thresholds={"bus": 7}),
    "threshold NaN": decision("topics", thresholds={"bus": float("nan")}),
    "threshold of another class": decision("topics", thresholds={"moon": 0.5}),
    "thresholds that are none": decision("topics", thresholds=[0.5]),
    "an unknown part of a decision": decision("topics", charm=1),
    "the backbone's dropout is 5": backbone(dropout=5),
    "the backbone has no layers": backbone(num_layers=0),
    "half a layer": backbone(num_layers=0.5),
    "a width of -8": backbone(hidden_dim=-8),
    "texts of no tokens": change(
        TASK, lambda saved: saved["config"]["preprocessor"]["config"].update(sequence_length=0)
    ),
    "the tokenizer fills up": change(
        "model/tokenizer.json", lambda saved: saved["config"].update(sequence_length=2**40)
    ),
}
# What a program refuses that reads the file.
DAMAGE_OF_SOME = {
    "no metrics": (["evaluate"], remove("metrics.json")),
    "metrics are garbage": (["evaluate"], write("metrics.json", "{")),
    "no constant": (["evaluate"], write("metrics.json", '{"constant_prediction": {}}')),
    "a constant of another form": (
        ["evaluate"],
        change("metrics.json", lambda found: found["constant_prediction"].update(topics=1)),
    ),
    "a constant of no class": (
        ["evaluate"],
        change("metrics.json", lambda found: found["constant_prediction"].update(mood=99)),
    ),
    "no environment": (["calibrate"], remove("environment.json")),
    "no hashes": (["calibrate"], write("environment.json", '{"data_sha256": 1}')),
}


@pytest.fixture
def run(tmp_path) -> Path:
    return run_of_today(tmp_path / "run")


def assert_refused(run: Path, program: str, capsys) -> str:
    """Checks that a program ends with one message that names the run, and writes nothing."""
    before = sorted(run.parent.rglob("*"))
    assert PROGRAMS[program](str(run), str(run.parent / "out")) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "Traceback" not in error and str(run) in error
    assert sorted(run.parent.rglob("*")) == before
    return error


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_run_gives_one_message_to_whoever_asks(name, run, capsys):
    DAMAGE[name](run)
    stamp(run)
    for program in PROGRAMS:
        error = assert_refused(run, program, capsys)
        assert len(error) < 2000 and error.count("\n") < 8
    with pytest.raises(UserError):
        mtc_keras.load(run)


@pytest.mark.parametrize("name", DAMAGE_OF_SOME)
def test_a_file_that_some_programs_read_is_read_by_its_schema(name, run, capsys, monkeypatch):
    programs, damage = DAMAGE_OF_SOME[name]
    damage(run)
    stamp(run)
    for program in programs:
        assert "is damaged" in assert_refused(run, program, capsys)


@pytest.mark.parametrize("name", ["history.jsonl", "loss_weights.json", "environment.json"])
@pytest.mark.parametrize("content", ["{", "[1]", '{"mood": 1}', "\x00"])
def test_what_python_asks_of_a_run_is_read_by_its_schema(name, content, run):
    write(name, content)(run)
    stamp(run)
    with pytest.raises(DataError, match=rf"is damaged.*\n  {name}: "):
        getattr(Run(run), name.partition(".")[0])


# === Checksums ===


@pytest.mark.parametrize("is_gone", [True, False])
@pytest.mark.parametrize(
    "name",
    [*MODEL_FILES, *OTHERS, "config.toml", "metrics.json", "environment.json", "run.json"],
)
def test_a_changed_file_is_named_before_it_is_read(name, is_gone, run, capsys):
    content = (run / name).read_bytes()
    (run / name).unlink()
    if not is_gone:
        (run / name).write_bytes(content + b" ")  # JSON and TOML are what they were
    for program in ("evaluate", "predict", "export"):
        error = assert_refused(run, program, capsys)
        if name != TASK or not is_gone:  # which makes a folder a run
            shown = name.removeprefix("model/")
            assert f"\n  {shown}: {'is gone' if is_gone else 'has changed'}\n" in error
            assert "--unchecked (in Python: check=False) loads it as it is" in error


@pytest.mark.parametrize("name", ["SHA256SUMS", "model/SHA256SUMS"])
def test_checksums_that_are_gone_or_garbage_are_damage(name, run, capsys):
    for content in (None, b"\xff\n", b"abc\n", b"0" * 64 + b"  ../../secret\n"):
        (run / name).unlink()
        if content is not None:
            (run / name).write_bytes(content)
        assert "SHA256SUMS: " in assert_refused(run, "predict", capsys)
        (run / name).touch()


@pytest.mark.parametrize("name", ["SHA256SUMS", "model/SHA256SUMS"])
def test_checksums_that_were_cut_short_are_damage(name, run, capsys):
    lines = (run / name).read_text().splitlines(keepends=True)
    for content in ("", "".join(lines)[:-1], "".join(lines[:-1])):
        (run / name).write_text(content)
        problem = "is not in SHA256SUMS" if content.endswith("\n") else "was cut short"
        assert problem in assert_refused(run, "predict", capsys)


@pytest.mark.parametrize("is_checked", [True, False])
def test_line_ends_of_windows_are_told_as_what_they_are(is_checked, run, capsys):
    """As a checkout by git with `core.autocrlf` writes them."""
    for name in ("SHA256SUMS", "model/SHA256SUMS"):  # alone they change nothing
        (run / name).write_bytes((run / name).read_bytes().replace(b"\n", b"\r\n"))
    Run(run).check_model()
    for name in ("config.toml", TASK):
        (run / name).write_bytes((run / name).read_bytes().replace(b"\n", b"\r\n"))
    if is_checked:
        error = assert_refused(run, "predict", capsys)
        assert "config.toml: has line ends of Windows now; git leaves them where" in error
    Run(run, check=False).check_model()


@pytest.mark.parametrize("name", [".DS_Store", "._vocabulary.txt", "Thumbs.db"])
def test_what_a_desktop_leaves_beside_a_vocabulary_is_no_damage(name, run):
    (run / "model" / "assets" / "tokenizer" / name).write_bytes(b"x")
    (run / "model" / name).write_bytes(b"x")
    Run(run).check_model()


def test_a_run_that_was_edited_by_hand_is_read_when_asked(run, capsys):
    text = (run / "config.toml").read_text()
    (run / "config.toml").write_text(text.replace("batch_size = 16", "batch_size = 8"))
    decision("mood", temperature=2.0)(run)
    assert_refused(run, "predict", capsys)
    with pytest.raises(DataError, match="has changed"):
        mtc_keras.load(run)
    edited = Run(run, check=False)
    edited.check_model()
    assert edited.config.training.batch_size == 8
    assert edited.saved.decisions["mood"].temperature == 2.0
    assert predict.main(["--model", str(run), "--text", "good", "--unchecked"]) == 0
    assert mtc_keras.load(run, check=False).decisions["mood"].temperature == 2.0


def test_what_is_damaged_is_damaged_unchecked_too(run, capsys):
    decision("mood", temperature=-1)(run)
    assert predict.main(["--model", str(run), "--text", "good", "--unchecked"]) == 2
    assert "a temperature must be a number above 0" in capsys.readouterr().err


def test_new_decisions_are_no_damage_and_a_kill_at_any_moment_makes_none(run, monkeypatch):
    from mtc_keras.tasks import Decision

    written = []
    real = os.replace

    def replaced(source, target, **options):
        real(source, target, **options)
        written.append(Path(target).name)
        found = Run(run)  # what a kill just now would leave
        found.check_model()
        assert found.saved.decisions["mood"].temperature in (before, 0.5)

    before = Run(run).saved.decisions["mood"].temperature
    monkeypatch.setattr(Path, "replace", lambda self, target: replaced(self, target))
    Run(run).save_decisions({"mood": Decision(temperature=0.5)})
    assert written == ["SHA256SUMS", "task.json", "SHA256SUMS"]
    assert Run(run).saved.decisions["mood"].temperature == 0.5
    sums = (run / "model" / "SHA256SUMS").read_text().splitlines()
    assert sum(line.endswith("  task.json") for line in sums) == 1


def test_a_run_without_checksums_is_of_an_older_version_and_is_read(tmp_path, caplog):
    directory = shutil.copytree(OLD / "run", tmp_path / "run")
    with caplog.at_level("INFO", "mtc_keras"):
        Run(directory).check_model()
    assert "has no checksums" in caplog.text


# === Presets and exports ===


def test_a_preset_has_checksums_of_its_own(run, tmp_path):
    model = mtc_keras.load(run)
    folder = tmp_path / "preset"
    model.save_to_preset(str(folder))
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    assert {line.partition("  ")[2] for line in sums} == names - {"SHA256SUMS"}
    from_preset = mtc_keras.MultiTaskClassifier.from_preset
    assert from_preset(str(folder)).tasks == model.tasks
    vocabulary = folder / "assets" / "tokenizer" / "vocabulary.txt"
    vocabulary.write_text("\n".join(vocabulary.read_text().split()[:-1]))
    with pytest.raises(DataError, match=r"assets/tokenizer/vocabulary\.txt: has changed"):
        from_preset(str(folder))
    assert from_preset(str(folder), check=False).tasks == model.tasks


def test_an_export_that_has_changed_does_not_predict(tmp_path, capsys):
    from mtc_keras.files import write_sums

    folder = shutil.copytree(OLD / "export" / "1", tmp_path / "1")
    about = folder / "assets.extra" / "mtc_keras.json"
    write_sums(folder)
    about.write_text(about.read_text().replace('"bus": 0.3', '"bus": 0.4'))
    for options in (["--text", "good"], [*DATA, "--out", str(tmp_path / "out.jsonl")]):
        assert predict.main(["--model", str(folder), *options]) == 2
        error = capsys.readouterr().err
        assert "is damaged" in error and "assets.extra/mtc_keras.json: has changed" in error
    assert not (tmp_path / "out.jsonl").exists()
