"""Names of files, columns and classes of any characters, in a locale that knows only ASCII."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w

from mtc_keras.tasks import Multiclass, Multilabel
from tests.conftest import RANDOM, ROOT

CLASSES = ["a[/b]", "x\x1b[31mred", "r\rback\x07", "\u202egnp", "\u00fcml\u00e4ut \U0001f600"]
ODD = os.fsdecode(b"\xff[\x1b[2J")  # no UTF-8, markup, and what clears a screen
# Each program's exit code is written to a file, beside whatever goes to the two streams.
PROGRAMS = """
import json, os, sys
from mtc_keras import cli

def run(*arguments):
    try:
        codes.append(cli.main([os.fsdecode(argument) for argument in arguments]))
    except SystemExit as stop:  # of argparse
        codes.append(stop.code)
    sys.stdout.flush()

codes, odd = [], b"\\xff[\\x1b[2J"
train, model, data = odd + b".toml", b"run" + odd, odd + b"/calibrate.jsonl"
run("train", "--config", train, "--verbose")
os.rename("runs/[bold]x", model)
run("evaluate", "--model", model, "--verbose", "--out", b"m" + odd + b".json")
for out in (b".jsonl", b".csv", b".parquet", b".parts"):
    run("predict", "--model", model, "--data", data, "--out", b"p" + odd + out)
run("predict", "--model", model, "--text", "g\\u00fct".encode())
run("calibrate", "--model", model, "--data", data)
run("export", "--model", model, "--out", "exports")
run("export", "--model", model, "--out", b"e" + odd)
os.rename("exports/1", b"e" + odd)
run("predict", "--model", b"e" + odd, "--text", "good")
run("train", "--config", train, "--set", "output.directory=\\u00fc".encode())
with open("codes.json", "w") as file:
    json.dump(codes, file)
"""


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / ODD
    folder.mkdir()
    for name, key in {"train": "k\udc00", "test": "k\udc00", "calibrate": "\x1b[2J"}.items():
        rows = [
            {"id": f"i\ud800{n}", "text": f"good {n % 5} {name}", "mood": CLASSES[n % 5], key: "x"}
            for n in range(40)
        ]
        lines = [json.dumps({**row, "topics": [row["mood"]]}) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="ascii")
    config = {
        "data": {
            "train": "*/train.jsonl",
            "validation": "*/c*.jsonl",
            "test": "*/test.jsonl",
        },
        "tasks": {"mood": {"kind": "multiclass"}, "topics": {"kind": "multilabel"}},
        "model": {**RANDOM, "max_length": 8},
        "training": {"epochs": 1},
        "output": {"directory": "runs/[bold]x"},
    }
    (tmp_path / f"{ODD}.toml").write_text(tomli_w.dumps(config), "utf-8")
    return tmp_path


@pytest.mark.slow
def test_from_training_to_the_export_in_ascii(project):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS],
        cwd=project,
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONPATH": str(ROOT)},
    )
    out, error = done.stdout.decode("ascii"), done.stderr.decode("ascii")
    assert "Traceback" not in error
    codes = json.loads((project / "codes.json").read_text())
    # Where TensorFlow, or a locale, cannot hold a name, it is said before any work is done.
    assert codes == [0] * 9 + [2, 2, 2], error
    assert error.count("TensorFlow and ONNX Runtime open paths in UTF-8 alone") == 2
    assert "ascii, the encoding of the locale, cannot hold the name of a file" in error
    for text in (out, error):
        assert not set(text) & set("\x1b\r\x07")
    for shown in ("a[/b]", r"x\x1b[31mred", r"r\rback\x07", r"\u202egnp", r"\xfcml\xe4ut"):
        assert shown in out
    assert "the run is in" in out and json.loads(out[out.index('{"text": "g') :].splitlines()[0])
    for path in [*project.rglob("*.json*"), *project.rglob("*.md"), *project.rglob("*.log")]:
        if path.is_file():
            assert path.read_bytes().decode("utf-8")
    assert list(project.rglob("saved_model.pb")) and list(project.rglob("README.md"))


@pytest.mark.parametrize("task", [Multiclass(name="mood"), Multilabel(name="mood")])
def test_a_class_that_utf_8_cannot_hold_is_refused_while_labels_are_read(task):
    with pytest.raises(ValueError, match=r"class 'half\\ud800' .* holds half a character"):
        task.learn(["whole", "half\ud800"])
