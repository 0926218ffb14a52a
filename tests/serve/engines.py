"""Engines whose workers compute nothing, and versions for them to serve."""

import asyncio
import contextlib
import json
import shutil
import time
from pathlib import Path

from mtc_keras.serve.engine import Engine
from mtc_keras.serve.limits import Limits
from tests.conftest import ROOT

WRITTEN = ROOT / "tests" / "written_by_0_1"
EXPORT, RUN = WRITTEN / "export_onnx" / "1", WRITTEN / "run"
FAKE = "tests.serve.fake_worker"
SECONDS = 30.0  # that anything may take


def add_version(folder: Path, number: int, **changed) -> Path:
    """Writes a version whole at once; `changed` are keys of its `mtc_keras.json`."""
    written = folder / f".{number}.part"
    shutil.copytree(EXPORT, written)
    about = json.loads((written / "mtc_keras.json").read_text("utf-8"))
    (written / "mtc_keras.json").write_text(json.dumps(about | changed), encoding="utf-8")
    return written.rename(folder / str(number))


@contextlib.asynccontextmanager
async def serving(path, *, module=FAKE, observer=None, watching=False, **limits):
    """Gives an engine that has started, and drains it."""
    engine = Engine(path, "tiny", Limits(**limits), observer, module=module, poll=0.05)
    async with asyncio.timeout(SECONDS):
        await engine.start()
        watch = asyncio.create_task(engine.watch()) if watching else None
        try:
            yield engine
        finally:
            if watch is not None:
                watch.cancel()
            await engine.drain()


async def until(condition) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def lengths(answer) -> list[int]:
    """Returns how many letters a fake worker saw in each text."""
    return answer.probabilities["length"].astype(int).tolist()
