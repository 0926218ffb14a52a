"""Reports of trained runs, by the command line: words coloured, and runs side by side."""

import json
import shutil

import pytest

from mtc_keras.report import program
from mtc_keras.run.directory import Run


def test_the_report_of_a_run_has_the_parts_across_tasks(finished, tmp_path, capsys):
    out = tmp_path / "x.html"
    arguments = [str(finished.directory), "--out", str(out), "--explain", "3"]
    assert program.main(arguments) == 0
    assert f"the report is in {out}" in capsys.readouterr().out
    values = json.loads(out.with_suffix(".json").read_text())
    assert {"errors_together", "slices", "examples", "reproduction"} <= set(values)
    html = out.read_text()
    assert "In 3 examples words are coloured" in html
    assert html.count("--strength: 100%") >= 3
    written = (finished.directory / "config.toml").read_text()
    assert Run(finished.directory).config.to_toml() == written  # nothing is changed in the run
    assert values["reproduction"]["environment"]["machine"]["cores"] >= 1


def test_two_runs_are_compared_on_the_rows_of_both(finished, tmp_path, capsys):
    other = tmp_path / "again"
    shutil.copytree(finished.directory, other)
    out = tmp_path / "compare.html"
    assert program.main([str(finished.directory), str(other), "--out", str(out)]) == 0
    assert f"the comparison is in {out}" in capsys.readouterr().out
    found = json.loads(out.with_suffix(".json").read_text())
    judged = found["run_2_against_1"]
    assert judged["rows"] == 40 and judged["notes"] == []
    for row in judged["tasks"].values():
        assert (row["difference"], row["only_a"], row["only_b"]) == (0, 0, 0)
        assert row["a"] == pytest.approx(_own(finished, row, judged), rel=1e-5)


def _own(run, row, judged):
    name = next(name for name, found in judged["tasks"].items() if found is row)
    return run.metrics["test"]["tasks"][name][row["metric"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["a", "b"], "say where the comparison of runs is to be: --out compare.html"),
        (["a", "b", "--out", "x.html", "--explain", "2"], "goes with the report of one run"),
        (["a", "--explain", "0"], "--explain must be 1 or more"),
        (["a", "b", "--out", "x.html"], "run directory 'a' does not exist"),
    ],
)
def test_mistakes_end_with_one_message(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert program.main(options) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_named_twice_is_refused(finished, tmp_path, capsys):
    arguments = [str(finished.directory)] * 2
    assert program.main([*arguments, "--out", str(tmp_path / "x.html")]) == 2
    assert "is named twice" in capsys.readouterr().err
