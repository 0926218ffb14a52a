"""`mtc-keras`: every program under one name, with the options that it has by itself."""

import importlib
import re
import subprocess
import sys
import tomllib

import pytest

import mtc_keras
from mtc_keras import cli
from tests.conftest import ROOT, processor_seconds

PROGRAMS = cli.programs()


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mtc_keras", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def test_help_lists_every_program_at_once():
    with processor_seconds(2):
        done = called("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: mtc-keras ")
    shown = " ".join(done.stdout.split())  # a long summary takes two lines
    for program in PROGRAMS.values():
        assert f" {program.name} {program.summary} " in shown


def test_the_script_that_is_installed_is_this_one():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["mtc-keras"].split(":")
    assert getattr(importlib.import_module(module), function) is cli.main


def test_the_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"{mtc_keras.__version__}\n"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_the_same_options_by_itself(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    helps = []
    for main in (lambda: cli.main([name, "--help"]), lambda: PROGRAMS[name].main(["--help"])):
        with pytest.raises(SystemExit, match="0"):
            main()
        helps.append(capsys.readouterr().out)
    assert helps[0].startswith(f"usage: mtc-keras {name} ")
    assert helps[1].startswith(f"usage: python -m mtc_keras.{name} ")
    options = [re.findall(r"--[a-z-]+", text) for text in helps]
    assert options[0] == options[1]
    assert max(len(line) for line in helps[0].splitlines()) <= 80


@pytest.mark.parametrize("arguments", [[], ["no", "programme"]])
def test_a_command_line_without_a_program_shows_those_that_there_are(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert "PROGRAM" in capsys.readouterr().err


def test_a_misspelt_program_suggests_the_nearest(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["trian", "--config", "c.toml"])
    assert "there is no program 'trian'. Did you mean 'train'?" in capsys.readouterr().err


def test_a_misspelt_option_suggests_the_nearest_of_its_program(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "--config", "c.toml", "--overwite"])
    error = capsys.readouterr().err
    assert "mtc-keras train: error: unrecognized arguments: --overwite." in error
    assert "Did you mean '--overwrite'?" in error


def test_launch_without_dashes_says_where_they_go(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["launch", "2", "train", "--config", "x.toml"])
    error = capsys.readouterr().err
    assert "unrecognized arguments: --config x.toml. Put `--` before the command." in error


def test_a_mistake_in_what_is_asked_ends_with_2_and_one_message(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(["train", "--config", "configs/quickstrat.toml"]) == 2
    expected = "error: config file 'configs/quickstrat.toml' does not exist. Did you mean"
    assert capsys.readouterr() == ("", f"{expected} 'quickstart.toml'?\n")
    assert cli.main(["train", "--config", "no_such_directory/x.toml"]) == 2
    assert "does not exist. Nor does the directory 'no_such_dir" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes_programs_and_their_options(shell, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--print-completion", shell])
    script = capsys.readouterr().out
    for word in ("mtc-keras", *PROGRAMS, "--rows-per-part", "--quantize", "saved_model"):
        assert word in script


@pytest.mark.parametrize("option", ["--data", "--out", "--model"])
def test_a_shell_completes_files(option, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--print-completion", "bash"])
    script = capsys.readouterr().out
    variable = f"_shtab_mtc_keras_predict_{option.replace('-', '_')}_COMPGEN"
    assert re.search(rf"^{variable}=_shtab_compgen_(files|dirs)$", script, re.MULTILINE)
