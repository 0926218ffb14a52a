"""The configs and the data that are shipped, and the commands and code that docs show."""

import ast
import json
import re
import tomllib
from collections import Counter

import pytest

from mtc_keras import cli
from mtc_keras.config import load_config
from mtc_keras.data.reading import read_splits
from tests.conftest import ROOT

DATA = ROOT / "configs" / "data"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The program and its options; what `launch` starts is a program, too.
COMMAND = re.compile(r"(?:python -m mtc_keras\.|mtc-keras )(?:launch \d+ -- )?(\w+)([^`\n]*)")
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_is_valid_and_shows_its_command(path):
    config = load_config(path)
    assert config.output.directory == f"runs/{path.stem}"
    assert f"--config configs/{path.name}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["quickstart", "positional_labels"])
def test_shipped_data_reads_without_a_problem(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    dataset = read_splits(load_config(f"configs/{name}.toml"))
    assert dataset.validation is not None


def comments():
    files = sorted((DATA / "public_services").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


def test_the_comments_are_many_and_every_class_is_common_enough():
    found = comments()
    assert len(found) >= 400
    assert len({row["text"].lower() for row in found}) == len(found)
    scores = Counter(row["global_score"] for row in found if row["global_score"])
    assert sorted(scores) == ["S1", "S2", "S3", "S4", "S5"]
    for key, classes in (("emotions", 10), ("causes", 12)):
        counts = Counter(name for row in found for name in row[key] or [])
        assert len(counts) == classes
        assert min(counts.values()) >= 12
        assert any(row[key] is None for row in found)
        assert any(row[key] == [] for row in found)
    assert min(scores.values()) >= 12


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_code_in_the_docs_parses(page):
    text = page.read_text(encoding="utf-8")
    for language, code in re.findall(r"```(python|toml)\n(.*?)```", text, re.S):
        ast.parse(code) if language == "python" else tomllib.loads(code)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_in_the_docs_name_options_that_exist(page, capsys):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for program, rest in COMMAND.findall(text):
        with pytest.raises(SystemExit, match="0"):
            cli.main([program, "--help"])
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert option in known, f"{page.name}: {program} has no {option}"


def test_links_in_the_docs_lead_somewhere():
    for page in PAGES:
        prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\((?!http)([^)#]+)", prose):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
