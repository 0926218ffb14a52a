"""The page of a check in a browser: every figure, no request, and a text that stays a text."""

import pytest

from mtc_keras import check_data
from mtc_keras.config import load_config
from tests.browsing import check_report, opened, started
from tests.check.test_together import table
from tests.conftest import ROOT, tiny_backbone, tiny_config

DATA = {"quickstart": ROOT / "configs" / "data", "goemotions": ROOT.parent / "shared" / "data"}


@pytest.mark.parametrize("name", ["quickstart", pytest.param("goemotions", marks=pytest.mark.slow)])
def test_the_page_of_a_real_config_is_whole_in_a_browser(name, tmp_path, monkeypatch):
    if not DATA[name].exists():
        pytest.skip(f"the data of {name} are not here")
    monkeypatch.chdir(ROOT)
    config = load_config(f"configs/{name}.toml", [f"model.backbone={tiny_backbone()}"])
    check = check_data(config)
    path = tmp_path / "check.html"
    check.write(path)
    assert path.stat().st_size < 8e6
    with started() as browser:
        check_report(browser, path)
        with opened(browser, path) as page:
            figures = page.locator("svg").count()
            # Classes of every task, those per row of some, the heat map and the lengths.
            several = sum("classes_per_row" in found for found in check.values("classes").values())
            assert figures == len(check.values("classes")) + several + 2
            row = check.values("samples")["rows"]["train"][0]
            assert page.get_by_text(row["texts"][0]).count() >= 1


def test_a_text_and_a_class_that_are_html_stay_what_they_are(tmp_path):
    frame = table(60)
    frame["text"] = [f"{at} <script>document.title='x'</script><b>" for at in range(60)]
    frame["mood"] = frame["mood"].replace("bad", "<script>alert(1)</script>")
    check = check_data(tiny_config(tmp_path / "run"), train=frame)
    path = tmp_path / "check.html"
    check.write(path)
    with started() as browser, opened(browser, path) as page:
        assert page.title() == "Check"
        assert page.get_by_text("<script>document.title='x'</script><b>").count() == 3
        assert page.get_by_text("<script>alert(1)</script>").count() >= 1
