"""Predictions into one file, which is a prediction in bulk of one part."""

import gzip
import io
import json
from pathlib import Path

import pytest
from pyarrow import parquet

import mtc_keras
from mtc_keras.predict import program as predict
from mtc_keras.predict.bulk import outputs, part_predictor
from tests.predict.conftest import PART, ROWS, contents, predict_to, read, write

FORMATS = ["jsonl", "jsonl.gz", "csv", "csv.gz", "parquet"]
BAD = b'{"text": null}\n{"text": "good"}\n{broken\n'


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_holds_what_the_parts_of_a_folder_hold(form, finished, predicted, tmp_path, capsys):
    data, _ = predicted
    assert predict_to(finished, data, tmp_path / "out", "--format", form) == 0
    parts = sorted((tmp_path / "out").glob("part-*"))
    file = tmp_path / f"file.{form}"
    capsys.readouterr()
    assert predict_to(finished, data, file) == 0
    assert f"{ROWS} predictions in {file}" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name, "out"]
    if form == "parquet":
        assert parquet.read_table(file).equals(parquet.read_table(tmp_path / "out"))
        return
    unpacked = gzip.decompress if form.endswith(".gz") else bytes
    joined, expected = unpacked(file.read_bytes()), [unpacked(p.read_bytes()) for p in parts]
    if form.startswith("csv"):  # one header
        expected[1:] = [part.split(b"\n", 1)[1] for part in expected[1:]]
    assert joined == b"".join(expected)


def test_of_csv_a_name_of_a_column_may_hold_a_line_break(finished, tmp_path):
    rows = [{"text": "good", "two\nlines": number} for number in range(PART + 1)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / "out.csv") == 0
    import csv

    found = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text(), newline="")))
    assert [row["two\nlines"] for row in found] == [str(number) for number in range(PART + 1)]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv.gz"])
def test_bad_rows_are_listed_beside_the_file(name, finished, tmp_path, capsys):
    (tmp_path / "in.jsonl").write_bytes(BAD)
    assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / name) == 0
    side = tmp_path / "out.bad_rows.jsonl"
    assert f"2 bad rows listed in {side}" in capsys.readouterr().out
    found = [json.loads(line) for line in side.read_text().splitlines()]
    assert [row["line"] for row in found] == [1, 3]
    (tmp_path / "good.jsonl").write_text('{"text": "good"}\n')
    assert predict_to(finished, tmp_path / "good.jsonl", tmp_path / name) == 0
    assert not side.exists()  # it told of another file


def test_strict_leaves_the_file_that_was_there(finished, tmp_path, capsys):
    (tmp_path / "in.jsonl").write_bytes(BAD)
    (tmp_path / "out.jsonl").write_text("older\n")
    assert predict_to(finished, tmp_path / "in.jsonl", tmp_path / "out.jsonl", "--strict") == 2
    assert "2 bad rows (--strict)" in capsys.readouterr().err
    assert (tmp_path / "out.jsonl").read_text() == "older\n"
    assert len(list(tmp_path.iterdir())) == 2


def interrupt_at(number: int, monkeypatch) -> None:
    """Has the part of a number end with Ctrl-C."""
    write_rows = part_predictor.write_rows

    def interrupted(file, *arguments):
        if f"part-{number:05d}" in Path(file.name).name:
            raise KeyboardInterrupt
        write_rows(file, *arguments)

    monkeypatch.setattr(part_predictor, "write_rows", interrupted)


def test_what_was_stopped_goes_on_to_the_same_bytes(
    finished, predicted, tmp_path, capsys, monkeypatch
):
    data, _ = predicted
    assert predict_to(finished, data, tmp_path / "undisturbed.jsonl") == 0
    out = tmp_path / "out.jsonl"
    with monkeypatch.context() as patched:
        interrupt_at(2, patched)
        assert predict_to(finished, data, out) == 130
    assert "stopped: 2 of 3 parts done; --resume continues" in capsys.readouterr().err
    assert not out.exists()
    assert predict_to(finished, data, out) == 2
    assert "was begun and not finished" in capsys.readouterr().err
    assert predict_to(finished, data, out, "--resume", "--columns", "labels") == 2
    assert 'columns: ["labels", "probabilities"] then' in capsys.readouterr().err
    assert predict_to(finished, data, out, "--resume") == 0
    assert "resumed: 2 of 3 parts done" in capsys.readouterr().out
    assert out.read_bytes() == (tmp_path / "undisturbed.jsonl").read_bytes()
    assert not (tmp_path / "out.jsonl.parts").exists()


def test_what_was_stopped_before_anything_was_done_can_begin_again(
    finished, predicted, tmp_path, monkeypatch
):
    data, _ = predicted
    with monkeypatch.context() as patched:
        interrupt_at(0, patched)
        assert predict_to(finished, data, tmp_path / "out.jsonl") == 130
    assert not any(tmp_path.iterdir())
    assert predict_to(finished, data, tmp_path / "out.jsonl") == 0


def test_a_full_disk_at_the_end_costs_only_the_end(finished, predicted, tmp_path, monkeypatch):
    data, _ = predicted
    with monkeypatch.context() as patched:
        patched.setattr(outputs, "join_parts", full)
        assert predict_to(finished, data, tmp_path / "out.jsonl") == 2
    assert not (tmp_path / "out.jsonl").exists()
    done = contents(tmp_path / "out.jsonl.parts")
    assert [name for name in sorted(done) if name.startswith("part-")] == [
        f"part-{number:05d}.jsonl" for number in range(3)
    ]
    assert predict_to(finished, data, tmp_path / "out.jsonl", "--resume") == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == ROWS


def full(*arguments):
    raise OSError(28, "No space left on device")


def test_a_file_takes_the_place_of_an_older_one(finished, predicted, tmp_path):
    data, out = predicted
    (tmp_path / "out.jsonl").write_text("older\n")
    assert predict_to(finished, data, tmp_path / "out.jsonl") == 0
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == read(out)


def test_the_file_is_not_taken_for_input(finished, frame, tmp_path, capsys):
    data = write(frame, tmp_path / "in.jsonl")
    out = tmp_path / "out.jsonl"
    assert predict_to(finished, data, out) == 0
    assert predict_to(finished, f"{tmp_path}/*.jsonl", out) == 2
    assert "out.jsonl', which lies in --out" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["none/out.jsonl", "out.txt", ".jsonl/out.json"])
def test_a_file_that_cannot_be_written_is_refused_before_any_work(name, tmp_path, capsys):
    arguments = ["--model", str(tmp_path / "no"), "--data", "no.csv", "--out", str(tmp_path / name)]
    assert predict.main(arguments) == 2
    assert str(tmp_path / name) in capsys.readouterr().err


def test_the_function_returns_what_it_has_written(finished, tmp_path, capsys):
    (tmp_path / "in.jsonl").write_bytes(BAD)
    arguments = (finished.directory, str(tmp_path / "in.jsonl"))
    found = mtc_keras.predict_files(*arguments, tmp_path / "out.csv")
    assert found == mtc_keras.PredictedFiles(
        (tmp_path / "out.csv",), 1, 2, tmp_path / "out.bad_rows.jsonl"
    )
    options = mtc_keras.BulkOptions(columns=("labels",), format="parquet")
    found = mtc_keras.predict_files(*arguments, tmp_path / "out", options)
    assert found.files == (tmp_path / "out" / "part-00000.parquet",)
    names = parquet.read_schema(found.files[0]).names
    assert names == ["text", "predicted_mood", "predicted_topics", "predicted_length"]
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""


def test_a_model_in_memory_writes_what_its_run_writes(finished, predicted, tmp_path):
    data, _ = predicted
    model = finished.model
    for source, name in ((model, "model.jsonl"), (finished, "run.jsonl")):
        assert mtc_keras.predict_files(source, data, tmp_path / name).rows == ROWS
    one, other = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("model.jsonl", "run.jsonl")
    )
    for row, known in zip(one, other, strict=True):
        assert row["mood_probabilities"] == pytest.approx(known["mood_probabilities"], abs=1e-6)
        assert row["predicted_topics"] == known["predicted_topics"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ("label",)}, "received 'label'"),
        ({"abstain_below": 1.5}, "must lie between 0 and 1"),
        ({"format": "xlsx"}, "format is one of jsonl, "),
        ({"engine": "spark"}, "engine is one of local, ray"),
        ({"rows_per_part": 0}, "rows_per_part must be 1 or more"),
        ({"workers": 2}, "workers needs the engine ray"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(mtc_keras.ConfigError, match=message):
        mtc_keras.BulkOptions(**options)


@pytest.mark.parametrize("options", [[], ["--resume"]])
def test_a_folder_of_the_users_own_beside_the_file_is_left_alone(
    options, finished, predicted, tmp_path, capsys
):
    data, _ = predicted
    notes = tmp_path / "out.jsonl.parts" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    assert predict_to(finished, data, tmp_path / "out.jsonl", *options) == 2
    assert "out.jsonl.parts', which is there and was not made for that" in capsys.readouterr().err
    assert notes.read_text() == "mine"
    notes.unlink()
    notes.parent.rmdir()
    notes.parent.write_text("mine, too")
    assert predict_to(finished, data, tmp_path / "out.jsonl", *options) == 2
    assert notes.parent.read_text() == "mine, too"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="/proc takes no files, even of root")
def test_where_no_file_can_be_made_one_message_says_so(finished, predicted, capsys):
    data, _ = predicted
    assert predict_to(finished, data, "/proc/out.jsonl") == 2
    assert "cannot write '/proc/out.jsonl'" in capsys.readouterr().err
    arguments = ["--model", str(finished.directory), "--text", "good"]
    assert predict.main([*arguments, "--out", "/proc/out.jsonl"]) == 2
    assert "cannot write '/proc/out.jsonl'" in capsys.readouterr().err


def test_files_may_be_named_by_paths(finished, predicted, tmp_path):
    data, _ = predicted
    found = [
        mtc_keras.predict_files(finished.directory, files, tmp_path / "out.jsonl")
        for files in (Path(data), [Path(data)], str(data))
    ]
    assert [result.rows for result in found] == [ROWS] * 3
