"""What was stopped goes on, and nothing that is there is overwritten."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mtc_keras.config import DataConfig
from mtc_keras.errors import DataError
from mtc_keras.files import held
from mtc_keras.predict.bulk import part_predictor
from mtc_keras.predict.bulk.job import BulkOptions, Job, Part
from tests.conftest import ROOT, rows
from tests.predict.conftest import PART, contents, predict_to, write

KILLED = """
import os, signal, sys
from mtc_keras.predict import program as predict
from mtc_keras.predict.bulk import part_predictor
write = part_predictor.write_rows
def killed(file, *arguments):
    if "part-00001.jsonl" in file.name:
        file.write(b"half a part")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    write(file, *arguments)
part_predictor.write_rows = killed
predict.main(sys.argv[1:])
"""


def test_a_killed_prediction_goes_on_to_the_bytes_of_an_undisturbed_one(
    finished, predicted, tmp_path
):
    data, undisturbed = predicted
    out = tmp_path / "out"
    arguments = ["--model", str(finished.directory), "--data", data, "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments, "--rows-per-part", str(PART)], cwd=ROOT
    )
    assert done.returncode == -9
    assert "part-00000.jsonl" in contents(out) and "part-00001.jsonl" not in contents(out)
    assert [path.name for path in out.glob(".part-00001.jsonl.*.part")]
    assert predict_to(finished, data, out, "--resume") == 0
    assert contents(out) == contents(undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_prediction_says_how_far_it_came(
    finished, predicted, tmp_path, capsys, monkeypatch, number
):
    data, undisturbed = predicted
    write_rows = part_predictor.write_rows

    def interrupted(file, *arguments):
        if "part-00002.jsonl" in file.name:
            if number == signal.SIGINT:
                raise KeyboardInterrupt  # the workers of pytest-xdist ignore the signal
            signal.raise_signal(number)
        write_rows(file, *arguments)

    monkeypatch.setattr(part_predictor, "write_rows", interrupted)
    assert predict_to(finished, data, tmp_path / "out") == 128 + number
    assert "stopped: 2 of 3 parts done; --resume continues" in capsys.readouterr().err
    names = {"part-00000.jsonl", "part-00001.jsonl", "_manifest.json"}
    assert set(contents(tmp_path / "out")) == names
    monkeypatch.undo()
    assert predict_to(finished, data, tmp_path / "out", "--resume") == 0
    assert "resumed: 2 of 3 parts done" in capsys.readouterr().out
    assert contents(tmp_path / "out") == contents(undisturbed)


def test_a_prediction_killed_as_it_began_can_begin_again(finished, predicted, tmp_path):
    data, undisturbed = predicted
    for name in ("._manifest.json.99.0123abcd.part", "_manifest.json.part", ".lock"):
        (tmp_path / name).write_bytes(b"{")
    assert predict_to(finished, data, tmp_path, "--resume") == 0
    assert contents(tmp_path) == contents(undisturbed)


def test_what_is_finished_says_so(finished, predicted, capsys):
    data, out = predicted
    before = contents(out)
    assert predict_to(finished, data, out, "--resume") == 0
    assert "already finished" in capsys.readouterr().out
    assert contents(out) == before
    assert json.loads(before["_manifest.json"])["finished"]


def test_parts_that_are_damaged_or_gone_are_predicted_anew(finished, predicted, tmp_path, capsys):
    data, undisturbed = predicted
    out = tmp_path / "out"
    out.mkdir()
    for name, content in contents(undisturbed).items():
        (out / name).write_bytes(content)
    (out / "part-00000.jsonl").unlink()
    (out / "part-00002.jsonl").write_bytes(b"{}\n")
    assert predict_to(finished, data, out, "--resume") == 0
    assert "part-00002.jsonl is damaged or missing" in capsys.readouterr().out
    assert contents(out) == contents(undisturbed)


def test_resume_without_a_beginning_begins(finished, predicted, tmp_path, capsys):
    data, undisturbed = predicted
    assert predict_to(finished, data, tmp_path / "new" / "out", "--resume") == 0
    assert contents(tmp_path / "new" / "out") == contents(undisturbed)
    assert "there is nothing to continue" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "labels"], 'columns: ["labels", "probabilities"] then, ["labels"] now'),
        (["--rows-per-part", "10"], "rows_per_part: 20 then, 10 now"),
        (["--format", "csv"], 'format: "jsonl" then, "csv" now'),
        (["--abstain-below", "0.5"], "abstain_below: null then, 0.5 now"),
    ],
)
def test_resume_refuses_other_options(options, message, finished, predicted, capsys):
    data, out = predicted
    before = contents(out)
    assert predict_to(finished, data, out, "--resume", *options) == 2
    assert message in capsys.readouterr().err
    assert contents(out) == before


def test_resume_refuses_other_input_and_another_model(finished, predicted, tmp_path, capsys):
    data, out = predicted
    more = write(rows(3), tmp_path / "more.jsonl")
    assert predict_to(finished, [data, more], out, "--resume") == 2
    assert f"input file {more!r} was not there" in capsys.readouterr().err
    assert predict_to(finished, more, out, "--resume") == 2
    assert f"input file {data!r} is not given any more" in capsys.readouterr().err
    content = Path(data).read_bytes()
    try:
        Path(data).write_bytes(content + b'{"text": "one more"}\n')
        assert predict_to(finished, data, out, "--resume") == 2
    finally:
        Path(data).write_bytes(content)
    assert f"input file {data!r} has changed" in capsys.readouterr().err
    task = finished.directory / "model" / "task.json"
    content = task.read_bytes()
    try:
        changed = json.loads(content)
        changed["config"]["decisions"]["mood"]["temperature"] = 2.0
        task.write_text(json.dumps(changed))
        assert predict_to(finished, data, out, "--resume", "--unchecked") == 2
    finally:
        task.write_bytes(content)
    assert "the model: " in capsys.readouterr().err


def test_resume_refuses_parts_of_another_rule_of_what_is_a_bad_row(
    finished, predicted, tmp_path, capsys
):
    data, undisturbed = predicted
    out = shutil.copytree(undisturbed, tmp_path / "out")
    manifest = json.loads((out / "_manifest.json").read_text())
    (out / "_manifest.json").write_text(json.dumps({**manifest, "bad_rows": 2}))
    assert predict_to(finished, data, out, "--resume") == 2
    assert "2 bad rows then, 0 now, in the same files: another version" in capsys.readouterr().err


def test_a_folder_that_holds_something_is_refused(finished, predicted, tmp_path, capsys):
    data, out = predicted
    assert predict_to(finished, data, out) == 2
    assert "already holds files; continue with --resume" in capsys.readouterr().err
    (tmp_path / "notes.txt").write_text("mine")
    assert predict_to(finished, data, tmp_path) == 2
    assert predict_to(finished, data, tmp_path, "--resume") == 2
    assert "holds files but no _manifest.json" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert predict_to(finished, data, tmp_path / "notes.txt") == 2
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "_manifest.json").write_text("[]")
    assert predict_to(finished, data, tmp_path / "bad", "--resume") == 2
    assert "is damaged" in capsys.readouterr().err


def test_parts_are_not_taken_for_input(finished, frame, tmp_path, capsys):
    data = write(frame, tmp_path / "in.jsonl")
    out = tmp_path / "out"
    assert predict_to(finished, f"{tmp_path}/**/*.jsonl", out) == 0
    before = contents(out)
    assert predict_to(finished, f"{tmp_path}/**/*.jsonl", out, "--resume") == 2
    assert "part-00000.jsonl', which lies in --out" in capsys.readouterr().err
    assert predict_to(finished, data, out, "--resume") == 0
    assert contents(out) == before


@pytest.mark.parametrize("change", ["replace", "remove"])
def test_input_that_changes_while_it_is_predicted_is_noticed(
    change, finished, frame, tmp_path, capsys, monkeypatch
):
    data = Path(write(frame, tmp_path / "in.jsonl"))
    write_rows = part_predictor.write_rows

    def changing(file, *arguments):
        if "part-00001.jsonl" in file.name:
            content = data.read_text()
            data.unlink()
            if change == "replace":
                data.write_text(content.replace("good", "evil"))
        write_rows(file, *arguments)

    monkeypatch.setattr(part_predictor, "write_rows", changing)
    assert predict_to(finished, data, tmp_path / "out") == 2
    assert "in.jsonl: has changed while it was read" in capsys.readouterr().err
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert [part["part"] for part in manifest["parts"]] == [0]


def test_input_that_is_gone_before_it_is_predicted_is_told(tmp_path):
    job = Job("", "", str(tmp_path), BulkOptions(), {})
    with pytest.raises(DataError, match=r"in.jsonl: cannot be read: No such file"):
        part_predictor.PartReader(job, DataConfig()).read(Part(0, "in.jsonl", 0, 1))


def test_on_ray_an_error_of_the_data_is_told_as_here(finished, tmp_path):
    from mtc_keras.predict.bulk import ray_engine

    class Predicted:
        def iter_rows(self):
            positions = {"item": np.array([0])}
            for record in ray_engine.PartActor(job, parts)(positions)["record"]:
                yield {"record": record}

    class Ray:
        def shutdown(self):
            stopped.append(True)

    stopped = []
    parts = [Part(0, "in.jsonl", 0, 1)]
    job = Job(str(finished.directory), str(tmp_path), str(tmp_path), BulkOptions(), {"text": None})
    with pytest.raises(DataError, match=r"in.jsonl: cannot be read"):
        list(ray_engine._records(Ray(), Predicted()))
    (tmp_path / "in.jsonl").write_text('{"text": "good"}\n')
    assert [record["rows"] for record in ray_engine._records(Ray(), Predicted())] == [1]
    assert stopped == [True, True]


def test_a_folder_that_cannot_be_written_to_is_refused(
    finished, predicted, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert predict_to(finished, predicted[0], tmp_path) == 2
    assert "cannot be written to" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_two_processes_do_not_write_into_one_folder(finished, predicted, tmp_path, capsys):
    with held(tmp_path, "the other one", inside=True):
        assert predict_to(finished, predicted[0], tmp_path) == 2
    message = capsys.readouterr().err
    assert f"--out {str(tmp_path)!r}: another process (pid {os.getpid()} " in message
    assert "is writing it; wait until that has ended" in message
    assert not any(tmp_path.iterdir())
