"""Real workers: what they answer is what `predict` answers, and they load no more than it takes."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mtc_keras.errors import DataError
from mtc_keras.export.onnx.ask import ServedOnnx
from mtc_keras.export.texts import TEXTS
from mtc_keras.predict.predictors import open_predictor
from mtc_keras.serve.workers.process import cores_of
from mtc_keras.serve.workers.tokens import counting_of
from tests.serve.engines import EXPORT, RUN, WRITTEN, add_version, serving

REAL = "mtc_keras.serve.workers.worker"
HEAVY = {"keras", "jax", "keras_hub", "tensorflow", "pandas", "pyarrow", "sklearn", "scipy"}
PATHS = {"onnx": EXPORT, "saved_model": WRITTEN / "export" / "1", "run": RUN}
# What each computes with. TensorFlow Text has layers of Keras, and imports all that Keras does.
OWN = {"onnx": set(), "saved_model": HEAVY - {"keras_hub"}, "run": HEAVY}


@pytest.mark.parametrize("form", list(PATHS))
def test_a_model_is_served_as_it_predicts_and_loads_no_more_than_it_takes(form, tmp_path):
    file = tmp_path / "told.json"
    process = subprocess.run(
        [sys.executable, "-m", "tests.serve.asking_engine", str(PATHS[form])],
        capture_output=True,
        text=True,
        env={**os.environ, "TOLD": str(file), "XLA_PYTHON_CLIENT_PREALLOCATE": ""},
    )
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    assert (found["format"], found["max_length"]) == (form, 16)
    assert not HEAVY & set(found["modules"])
    told = json.loads(file.read_text("utf-8"))
    assert not (HEAVY - OWN[form]) & set(told["modules"])
    assert told["environment"]["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert told["environment"]["XLA_PYTHON_CLIENT_PREALLOCATE"] == ""  # whoever starts it decides
    expected = json.loads((WRITTEN / "predictions.json").read_text("utf-8"))
    assert expected
    predictor = open_predictor(PATHS[form])
    predictor.load()
    for name, values in predictor.predict((TEXTS,)).items():
        np.testing.assert_allclose(found["answers"][name], values, rtol=1e-5, atol=1e-5)


def test_a_version_whose_files_have_changed_or_whose_numbers_are_none_is_refused(tmp_path):
    import onnx
    from onnx import numpy_helper

    async def started(path):
        async with serving(path, module=REAL):
            pass

    folder = add_version(tmp_path, 1)
    model = onnx.load(folder / "model.onnx")
    for tensor in model.graph.initializer:
        if "/head_mood" in tensor.name and "Add/ReadVariableOp" in tensor.name:
            bias = np.full_like(numpy_helper.to_array(tensor), np.nan)
            tensor.CopyFrom(numpy_helper.from_array(bias, tensor.name))
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(DataError, match="fails its self-test") as refused:
        asyncio.run(started(folder))
    assert refused.value.problems == ["mood: 66 of 66 numbers are not finite"]
    (folder / "model.onnx").write_bytes(b"none")
    with pytest.raises(DataError, match="cannot be loaded"):
        asyncio.run(started(folder))
    shutil.rmtree(folder)
    with pytest.raises(DataError):
        asyncio.run(started(folder))


def test_raw_probabilities_are_a_runs_to_give():
    async def scenario():
        async with serving(RUN, module=REAL) as engine:
            texts = (["good bus", "slow form", "kind"],)
            answers = await asyncio.gather(
                *(engine.predict(texts, raw=raw) for raw in (False, True, False))
            )
        return texts, [answer.probabilities for answer in answers]

    texts, found = asyncio.run(scenario())
    predictor = open_predictor(RUN)
    predictor.load()
    for probabilities, raw in zip(found, (False, True, False), strict=True):
        for name, values in predictor.predict(texts, raw=raw).items():
            np.testing.assert_allclose(probabilities[name], values, rtol=1e-5, atol=1e-5)
    assert np.abs(found[0]["mood"] - found[1]["mood"]).max() > 1e-3


def test_a_worker_ends_with_its_server():
    code = (
        "import asyncio, os\n"
        "from pathlib import Path\n"
        "from mtc_keras.serve.workers.process import Worker\n"
        "async def scenario():\n"
        f"    worker = await Worker.started(Path({str(EXPORT)!r}))\n"
        "    print(worker.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(scenario())\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    pid = int(process.stdout)

    async def gone():
        async with asyncio.timeout(20):
            while True:
                try:
                    os.kill(pid, 0)
                    status = Path(f"/proc/{pid}/stat").read_text("utf-8")
                    if status.rpartition(")")[2].split()[0] == "Z":  # nobody waits for it
                        return
                except (ProcessLookupError, FileNotFoundError):
                    return
                await asyncio.sleep(0.05)

    asyncio.run(gone())


def test_tokens_are_counted_as_the_model_reads_them():
    counted = counting_of(EXPORT, 16)([TEXTS])
    inputs, _ = ServedOnnx(EXPORT).read(TEXTS)
    assert counted == inputs["padding_mask"].sum(axis=1).clip(1).tolist()
    estimated = counting_of(RUN, 16)([TEXTS])
    assert min(estimated) >= 1 and max(estimated) == 16
    assert max(counting_of(RUN, None)([TEXTS])) > 1_000  # of windows


def test_workers_share_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 4, 6}, raising=False)
    assert [cores_of(number, 1, None) for number in range(1)] == [[]]
    assert [cores_of(number, 2, None) for number in range(2)] == [[0, 2], [4, 6]]
    assert [cores_of(number, 3, None) for number in range(3)] == [[0], [2], [4]]
    assert [cores_of(number, 6, None) for number in range(6)][4:] == [[0], [2]]
    assert [cores_of(number, 2, 3) for number in range(2)] == [[0, 2, 4], [6, 0, 2]]
