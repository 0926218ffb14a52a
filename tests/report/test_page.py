"""The reports of real data in a browser: every task has its figures, and nothing is requested."""

import pytest

from mtc_keras import fit
from mtc_keras.config import load_config
from tests.browsing import check_report, opened, started
from tests.conftest import ROOT, tiny_backbone

DATA = {"quickstart": ROOT / "configs" / "data", "goemotions": ROOT.parent / "shared" / "data"}


@pytest.mark.parametrize("name", ["quickstart", pytest.param("goemotions", marks=pytest.mark.slow)])
def test_the_report_of_real_data_is_whole_in_a_browser(name, tmp_path, monkeypatch):
    if not DATA[name].exists():
        pytest.skip(f"the data of {name} are not here")
    monkeypatch.chdir(ROOT)
    changes = ["training.epochs=1", f"output.directory={tmp_path / 'run'}"]
    config = load_config(f"configs/{name}.toml", [f"model.backbone={tiny_backbone()}", *changes])
    run = fit(config, verbose=0)
    path = run.directory / "report.html"
    assert path.stat().st_size < 8e6
    with started() as browser:
        check_report(browser, path)
        with opened(browser, path) as page:
            for task in config.tasks:
                heading = page.locator(f"h2:has-text('Task {task}')")
                section = page.locator("section", has=heading).last
                # Confusion, precision against recall, reliability, risk against coverage.
                assert section.locator("svg").count() == 4, task
                accuracy = run.metrics["test"]["tasks"][task]["accuracy"]
                assert section.get_by_text(f"{accuracy:.3f}").count() >= 1
