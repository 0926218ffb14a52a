"""Whatever is done to a run's files: one message, or the same answers as before."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.errors import UserError
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.run.directory import MODEL, Run
from tests.fuzzing import tries
from tests.run.damaged import OLD, run_of_today, stamp

FILES = sorted(
    path.relative_to(OLD / "run").as_posix()
    for path in (OLD / "run").rglob("*")
    if path.is_file() and "predictions" not in path.parts
)
FILES += ["run.json", "SHA256SUMS", "model/SHA256SUMS"]
JSON = [name for name in FILES if name.endswith(".json")]
NUMBERS = [0, -1, 1, 2, 0.5, 5, 1e308, 2**31, 2**34, 10**7, 10**400, float("nan"), float("inf")]
VALUES = st.one_of(
    st.sampled_from([*NUMBERS, None, True, "", "x", "\ud800", [], {}, [[]], "../../etc/passwd"]),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, str, Any, Any]:
    """Draws a file, what is done to it, and two values that say how."""
    what = draw(st.sampled_from(["value", "value", "value", "key", "bytes", "file"]))
    if what in ("value", "key"):
        return draw(st.sampled_from(JSON)), what, draw(st.integers(0, 10**6)), draw(VALUES)
    name = draw(st.sampled_from(FILES))
    if what == "bytes":
        content = draw(st.binary(max_size=8))
        return name, what, draw(st.floats(0, 1)), content
    kinds = ["gone", "empty", "cut", "folder", "pipe", "loop", "another", "longer"]
    return name, what, draw(st.sampled_from(kinds)), draw(st.sampled_from(FILES))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Returns every place in a JSON value: its table or list, and its key or position."""
    found = []
    waiting = [value]
    while waiting:
        table = waiting.pop()
        keys = table if isinstance(table, dict) else range(len(table))
        found += [(table, key) for key in keys]
        waiting += [table[key] for key in keys if isinstance(table[key], (dict, list))]
    return found


def apply(run: Path, change: tuple[str, str, Any, Any]) -> None:
    """Does a change to a run, as far as an earlier one has left what it needs."""
    name, what, how, value = change
    path = run / name
    if not path.is_file():
        return
    content = path.read_bytes()
    if what in ("value", "key"):
        try:
            described = json.loads(content)
        except ValueError:
            return
        if not isinstance(described, (dict, list)) or not (found := places(described)):
            return
        table, key = found[how % len(found)]
        if what == "value" or isinstance(table, list):
            table[key] = value
        else:
            table[str(value)[:50]] = table.pop(key)
        path.write_text(json.dumps(described))
    elif what == "bytes":
        start = int(how * len(content))
        path.write_bytes(content[:start] + value + content[start + len(value) :])
    else:
        replaced_by(run, path, content, how, value)


def replaced_by(run: Path, path: Path, content: bytes, kind: str, other: str) -> None:
    path.unlink()
    if kind == "empty":
        path.touch()
    elif kind == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "longer":
        path.write_bytes(content + content)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "another" and (run / other).is_file():
        shutil.copy(run / other, path)


def read_all(directory: Path, check: bool) -> list[Any]:
    """Reads what the programs read, but for building the model, which takes seconds."""
    run = Run(directory, check=check)
    run.check_model()
    predictor = open_predictor(directory, check)
    for read in ("config", "environment", "history", "loss_weights", "constants", "metrics"):
        getattr(run, read)
    tasks = [task.model_dump() for task in predictor.tasks]
    return [tasks, {name: decision.to_dict() for name, decision in predictor.decisions.items()}]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return run_of_today(tmp_path_factory.mktemp("whole") / "run")


@tries(100)
@given(st.lists(changes(), min_size=1, max_size=3), st.booleans(), st.booleans())
def test_fuzz_a_run_is_refused_or_read(whole, tmp_path_factory, found, is_stamped, check):
    run = Path(shutil.copytree(whole, tmp_path_factory.mktemp("fuzz") / "run"))
    try:
        for change in found:
            apply(run, change)
        is_same = all(
            (run / name).is_file() and (run / name).read_bytes() == (whole / name).read_bytes()
            for name in FILES
        )
        if is_stamped and (run / MODEL).is_dir():
            for name in ("SHA256SUMS", "model/SHA256SUMS"):
                if not (run / name).is_file():
                    return
            stamp(run)
        try:
            read = read_all(run, check)
        except UserError as error:
            assert not is_same and len(str(error)) < 5000
        else:
            # What was not stamped anew and is checked all the same is as it was, where it is read.
            if check and not is_stamped:
                assert read == read_all(whole, True)
    finally:
        shutil.rmtree(run.parent)


@tries(4)
@given(st.lists(changes(), min_size=1, max_size=1))
def test_fuzz_a_run_that_passes_is_built_or_refused(whole, tmp_path_factory, found):
    run = Path(shutil.copytree(whole, tmp_path_factory.mktemp("fuzz") / "run"))
    try:
        for change in found:
            apply(run, change)
        try:
            answers = Run(run, check=False).model.classify(["good"])
        except UserError:
            return
        assert list(answers[0]) == ["mood", "topics", "grade", "length"]
    finally:
        shutil.rmtree(run.parent)
