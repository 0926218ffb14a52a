"""The examples in the docstrings of what a user can do, run as they are written."""

import inspect
import re
import textwrap

import pytest
import tomli_w

import mtc_keras
from tests.conftest import rows, tiny_values

WORDS = {"mood": "sentiment"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the config and rows that the examples name, tiny ones, and two runs."""
    folder = tmp_path_factory.mktemp("examples")
    values = tiny_values("runs/quickstart")
    values["tasks"] = {"sentiment": {"kind": "multiclass"}, "length": {"kind": "regression"}}
    values["training"]["epochs"] = 1
    values["data"] = {}
    splits = (("train", 48), ("validation", 24), ("test", 24), ("new", 24))
    for seed, (name, count) in enumerate(splits):
        frame = rows(count, seed).drop(columns="topics").rename(columns=WORDS)
        (folder / "data").mkdir(exist_ok=True)
        frame.to_csv(folder / "data" / f"{name}.csv", index=False)
        values["data"][name] = f"data/{name}.csv"
    values["data"].pop("new")
    (folder / "configs").mkdir()
    (folder / "configs" / "quickstart.toml").write_text(tomli_w.dumps(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run = mtc_keras.fit("configs/quickstart.toml", verbose=0).directory
        for name in ("small", "large"):
            (folder / "runs" / name).symlink_to(run)
        yield folder


def example(name):
    """Returns the code of a docstring's example."""
    text = inspect.getdoc(getattr(mtc_keras, name))
    found = re.search(r"^Example:\n\n```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found, f"{name} has no example"
    return textwrap.dedent(found[1])


@pytest.mark.parametrize(
    "name",
    [
        "load",
        "evaluate_run",
        "calibrate_run",
        "compare_runs",
        "fit",
        pytest.param("compare_approaches", marks=pytest.mark.slow),
        pytest.param("export_model", marks=pytest.mark.slow),
    ],
)
def test_the_example_runs_as_it_is_written(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    exec(compile(example(name), name, "exec"), {"mtc_keras": mtc_keras})
