"""The documentation is what the code says."""

import importlib.util
from importlib.machinery import SourceFileLoader

from tests.conftest import ROOT


def test_the_config_reference_is_current():
    loader = SourceFileLoader("config_reference", str(ROOT / "scripts" / "config_reference"))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("config_reference", loader)
    )
    loader.exec_module(module)
    written = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    assert written == module.reference(), "run scripts/config_reference"
