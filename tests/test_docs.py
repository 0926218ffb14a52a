"""The documentation is what the code says."""

import importlib
import importlib.util
import re
from importlib.machinery import SourceFileLoader

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("script", "page"),
    [("config_reference", "config.md"), ("backbones_reference", "backbones.md")],
)
def test_a_generated_page_is_current(script, page):
    loader = SourceFileLoader(script, str(ROOT / "scripts" / script))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(script, loader))
    loader.exec_module(module)
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == module.reference(), f"run scripts/{script}"


def test_the_architecture_names_what_there_is():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`", page)
    assert len(names) > 40
    for name in names:
        assert resolve(f"mtc_keras.{name}") is not None, f"docs/architecture.md names {name}"


def test_every_line_on_keras_names_a_test_that_there_is():
    page = (ROOT / "docs" / "keras.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "| test |" not in line]
    assert len(rows) > 25
    for row in rows:
        [[file, name]] = re.findall(r"`(test_\w+)\.(test_\w+)` \|$", row)
        source = (ROOT / "tests" / "model" / f"{file}.py").read_text(encoding="utf-8")
        assert f"\ndef {name}(" in source, f"docs/keras.md names {file}.{name}"


def resolve(name: str) -> object:
    """Returns the module, class or function of a dotted name; None if there is none."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part, None)
        return found
    return None
