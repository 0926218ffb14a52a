"""Whatever stands on a command line: a program begins, or ends with exit code 0 or 2."""

import argparse
import contextlib
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtc_keras
from mtc_keras import cli
from mtc_keras.config import DistributionConfig
from mtc_keras.devices.joining import joins_others
from mtc_keras.errors import ConfigError
from mtc_keras.files import json_line, shown_json
from mtc_keras.predict.bulk.job import BulkOptions
from mtc_keras.programs.options import text
from tests.fuzzing import tries

PROGRAMS = cli.programs()
ABSENT = "/dev/null/absent"  # neither read nor written
VALUES = ["0", "-1", "1" + "0" * 20, "9" * 5000, "nan", "inf", "1e999", "1_000", "", "\x1b[2J"]
VALUES += ["a.b=1", "\udcff", "--", "-", "per_task", "int8", "onnx", "labels", "é", ABSENT]


def flags(name: str) -> list[str]:
    return [flag for flag in _parser(name)._option_string_actions if flag != "--print-schema"]


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    PROGRAMS[name].set_up(parser)
    return parser


def called(arguments) -> tuple[int, str]:
    """Returns the exit code of `mtc-keras` and what it says on stderr."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            return cli.main(list(arguments)), error.getvalue()
        except SystemExit as stop:  # of argparse
            return int(stop.code or 0), error.getvalue()


@st.composite
def command_line(draw) -> list[str]:
    """Returns arguments of a program; what they name does not exist, so that nothing begins."""
    name = draw(st.sampled_from([name for name in PROGRAMS if name != "launch"]))
    needed = {"train": ["--config", ABSENT], "compare": []}.get(name, ["--model", ABSENT])
    flag = st.sampled_from(flags(name)) | st.text(max_size=6).map("--{}".format)
    value = st.sampled_from(VALUES) | st.text(max_size=6)
    more = draw(st.lists(flag | value, max_size=6))
    return [name, *draw(st.sampled_from([needed, []])), *more]


@tries(60)
@given(command_line())
def test_fuzz_any_command_line_ends_with_0_or_2(arguments):
    code, error = called(arguments)
    assert code in (0, 2)
    assert code == 0 or "error: " in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["evaluate", "--modle", "x"], "arguments: --modle. Did you mean '--model'?"),
        (["train", "--confgi=x"], "arguments: --confgi. Did you mean '--config'?"),
        (["export", "--model", "x"], "the following arguments are required: --out"),
        (["launch", "100000", "--", "true"], "N must be 1,024 or less, received 100000"),
        (["predict", "--model", "x", "--text", "\udcff"], "'\\udcff' is not UTF-8"),
        (["train", "--config", "x", "--set", "a=\udcff"], "'a=\\udcff' is not UTF-8"),
    ],
)
def test_mistakes_and_what_would_be_right(arguments, problem):
    code, error = called(arguments)
    assert code == 2 and problem in error


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"rows_per_part": 10**20}, "rows_per_part must be 100,000,000 or less"),
        ({"rows_per_part": 0}, "rows_per_part must be 1 or more"),
        ({"workers": 10**6, "engine": "ray"}, "workers must be 10,000 or less"),
        ({"abstain_below": float("nan")}, "abstain_below must lie between 0 and 1"),
    ],
)
def test_numbers_out_of_range(options, problem):
    with pytest.raises(ConfigError, match=problem):
        BulkOptions(**options)


def test_a_part_of_more_rows_than_there_can_be_is_refused_by_the_program(tmp_path):
    arguments = ["predict", "--model", "x", "--data", "x", "--out", str(tmp_path / "o.jsonl")]
    code, error = called([*arguments, "--rows-per-part", "1" + "0" * 20])
    assert code == 2 and "rows_per_part must be 100,000,000 or less" in error


@pytest.mark.parametrize("value", ["two", "2.0", "-1", "١", "1" * 50])
def test_a_launchers_variable_that_is_no_number_is_named(value, monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", value)
    if value.isascii() and value.isdigit():
        assert joins_others(DistributionConfig())
        return
    with pytest.raises(ConfigError, match="variable SLURM_STEP_NUM_TASKS must be a number of"):
        joins_others(DistributionConfig())


def test_what_a_config_may_be_is_said():
    for function in (mtc_keras.fit, mtc_keras.compare_approaches, mtc_keras.load_config):
        with pytest.raises(ConfigError, match="check_config makes of a dict; received dict"):
            function({"tasks": {}})


def test_an_argument_that_the_locale_did_not_decode_is_the_same_text():
    undecoded = os.fsencode("é 日本").decode("ascii", "surrogateescape")
    assert text(undecoded) == text("é 日本") == "é 日本"
    with pytest.raises(argparse.ArgumentTypeError, match="is not UTF-8"):
        text("a\udcff")


@given(st.text(max_size=20))
def test_json_that_is_printed_keeps_its_value(value):
    import json

    line = json_line({"text": value})
    for encoding in ("ascii", "latin-1", "utf-8"):
        printed = shown_json(line, encoding, is_terminal=True)
        assert json.loads(printed.encode(encoding)) == json.loads(line)
        assert not set(printed) & set("\x1b\x9b\u202e")
    assert shown_json(line, "UTF8") == line


@pytest.mark.parametrize("width", ["1", "0", "-5", "x"])
def test_any_width_of_the_screen(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    for name in PROGRAMS:
        assert called([name, "--help"])[0] == 0
