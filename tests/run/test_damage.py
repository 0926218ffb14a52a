"""Whatever has happened to a run's files, one message says which of them is wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtc_keras.errors import DataError, UserError
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.run.directory import FORMAT, RUN, TASK, Run, model_checksums
from mtc_keras.tasks import Decision

OLD = Path(__file__).parents[1] / "written_by_0_1" / "run"
MODEL_FILES = sorted(model_checksums(OLD))
READ = ["config.toml", "metrics.json", "environment.json", "history.jsonl", RUN, TASK]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run of today's format."""
    directory = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(OLD, directory)
    about = FORMAT.stamped({"sha256": model_checksums(directory)})
    (directory / RUN).write_text(json.dumps(about))
    return directory


def read_all(directory):
    """Reads what the programs read, but for the model's weights, which takes seconds."""
    run = Run(directory)
    _ = run.config, run.metrics, run.environment, run.history, run.constants
    run.check_model()
    open_predictor(directory)


def test_a_whole_run_is_read(run):
    read_all(run)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    name=st.sampled_from([*READ, *MODEL_FILES]),
    content=st.none() | st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b'""']),
)
def test_a_file_that_is_gone_or_garbage_gives_one_message(run, name, content):
    file = run / name
    whole = file.read_bytes()
    try:
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        try:
            read_all(run)
        except UserError as error:
            assert str(run) in str(error)
            assert name in str(error) or Path(name).name in str(error) or content is None
        else:
            # An empty history is one of no epochs, and without run.json it is of version 0.1.
            assert name in ("history.jsonl", "environment.json", RUN)
    finally:
        file.write_bytes(whole)


@pytest.mark.parametrize("name", MODEL_FILES)
@pytest.mark.parametrize("is_gone", [True, False])
def test_a_changed_file_of_the_model_is_named_before_it_is_loaded(run, name, is_gone):
    whole = (run / name).read_bytes()
    (run / name).unlink()
    if not is_gone:
        (run / name).write_bytes(whole[:-1] + b"!")
    try:
        with pytest.raises(DataError) as error:
            _ = Run(run).model
        assert error.value.problems == [f"{name}: {'is gone' if is_gone else 'has changed'}"]
        assert "is damaged; train it again, or copy it again" in error.value.headline
    finally:
        (run / name).write_bytes(whole)


def test_changed_decisions_are_no_damage(run):
    Run(run).save_decisions({"mood": Decision(temperature=np.float64(0.5))})
    Run(run).check_model()
    assert open_predictor(run).decisions["mood"].temperature == 0.5


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"config": {"tasks": []}}'])
def test_a_model_that_does_not_say_what_it_predicts_is_not_loaded(run, content):
    whole = (run / TASK).read_bytes()
    (run / TASK).write_text(content)
    try:
        with pytest.raises(DataError, match=r"task\.json' is damaged: it does not say what"):
            _ = Run(run).model
    finally:
        (run / TASK).write_bytes(whole)
