"""The configs and the data that are shipped, and the commands and code that docs show."""

import ast
import json
import re
import tomllib
import unicodedata
from collections import Counter

import pytest

from mtc_keras import cli
from mtc_keras.config import load_config
from mtc_keras.data.reading import read_splits
from tests.conftest import ROOT

DATA = ROOT / "configs" / "data"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# The program and its options; what `launch` starts is a program, too.
COMMAND = re.compile(r"(?:python -m mtc_keras\.|mtc-keras )(?:launch \d+ -- )?(\w[\w-]*)([^`\n]*)")
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_is_valid_and_shows_its_command(path):
    config = load_config(path)
    assert config.output.directory == f"runs/{path.stem}"
    assert f"--config configs/{path.name}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["quickstart", "positional_labels", "public_services_fr"])
def test_shipped_data_reads_without_a_problem(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    dataset = read_splits(load_config(f"configs/{name}.toml"))
    assert dataset.validation is not None


def comments(folder, pattern="*.jsonl"):
    files = sorted((DATA / folder).glob(pattern))
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("folder", "pattern", "rows"),
    [
        ("public_services", "*.jsonl", 400),
        ("public_services_fr", "*.jsonl", 500),
        ("public_services_fr", "train.jsonl", 320),
    ],
)
def test_the_comments_are_many_and_every_class_is_common_enough(folder, pattern, rows):
    found = comments(folder, pattern)
    assert len(found) >= rows
    assert len({row["text"].lower() for row in found}) == len(found)
    assert len({row["id"] for row in found}) == len(found)
    scores = Counter(row["global_score"] for row in found if row["global_score"])
    assert sorted(scores) == ["S1", "S2", "S3", "S4", "S5"]
    for key, classes in (("emotions", 10), ("causes", 12)):
        counts = Counter(name for row in found for name in row[key] or [])
        assert len(counts) == classes
        assert min(counts.values()) >= 12
        assert any(row[key] is None for row in found)
        assert any(row[key] == [] for row in found)
    assert min(scores.values()) >= 12


def test_french_and_english_comments_have_the_same_columns_and_classes():
    def classes(folder):
        rows = comments(folder)
        names = {
            key: {name for row in rows for name in row[key] or []} for key in ("emotions", "causes")
        }
        return {tuple(row) for row in rows}, {row["global_score"] for row in rows}, names

    assert classes("public_services_fr") == classes("public_services")


def test_no_two_french_comments_share_six_consecutive_words():
    first = {}
    for row in comments("public_services_fr"):
        text = unicodedata.normalize("NFC", row["text"]).lower()
        words = re.findall(r"\w+", text)
        for start in range(len(words) - 5):
            six = tuple(words[start : start + 6])
            assert first.setdefault(six, row["id"]) == row["id"], f"{row['id']}: {' '.join(six)}"


def test_french_comments_are_written_as_people_write():
    texts = [row["text"] for row in comments("public_services_fr")]
    for sign in ("'", "\u2019", "\u00ab", "\u00a0", "\u202f", "\u0301"):
        assert any(sign in text for text in texts), f"U+{ord(sign):04X}"
    words = [len(text.split()) for text in texts]
    assert min(words) <= 5
    assert max(words) >= 60


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
