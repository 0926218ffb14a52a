"""A worker, seen from the server: a process, and a socket to ask it."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from mtc_keras.errors import DataError
from mtc_keras.serve.refusals import Failed, TimedOut, WorkerDied
from mtc_keras.serve.workers import wire

LOADING = 900.0  # seconds that loading, testing and warming a model may take
MODULE = "mtc_keras.serve.workers.worker"
# JAX and TensorFlow take most of a GPU's memory at their start, unless they are told not to: then
# there is none for other workers, nor for a new version beside the one that answers.
SHARING = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


class Worker:
    """A process that holds a model.

    Args:
        process: the process.
        reader: what it says.
        writer: where it is asked.

    Attributes:
        ended: is done when the process has ended.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self.ended = asyncio.create_task(process.wait())

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @classmethod
    async def started(
        cls, path: Path, *, cores: Sequence[int] = (), check: bool = True, module: str = MODULE
    ) -> Self:
        """Starts a worker and waits until it is ready.

        Args:
            path: a run, or the folder of an export's version.
            cores: those that it may use; default: all.
            check: bool. `False` takes files that have changed since they were written.
            module: str. The program.

        Raises:
            DataError: if the model cannot be loaded, or fails its self-test.
        """
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", module, "--model", str(path)]
        command += ["--socket", str(theirs.fileno()), "--cores", ",".join(map(str, cores))]
        command += [] if check else ["--no-check"]
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command,
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env={**SHARING, **os.environ},
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        worker = cls(process, reader, writer)
        try:
            said = await worker._said_when_loaded(path)
        except BaseException:
            await worker.end()
            raise
        if "refused" in said:
            await worker.end()
            raise DataError(said["refused"], said.get("problems", ()))
        return worker

    async def _said_when_loaded(self, path: Path) -> dict[str, Any]:
        try:
            async with asyncio.timeout(LOADING):
                said, _ = await wire.received(self._reader)
                return said
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self._process.wait()
            raise DataError(
                f"{str(path)!r} cannot be loaded: its process ended with exit code {code}"
            ) from None
        except TimeoutError:
            raise DataError(
                f"{str(path)!r} cannot be loaded: its process was not ready in {LOADING:.0f} s"
            ) from None

    async def ask(
        self, texts: Sequence[Sequence[str]], raw: bool, seconds: float
    ) -> dict[str, np.ndarray]:
        """Returns the probabilities of N texts by task, float32 of shape `(N, C)` or `(N,)`.

        Args:
            texts: N strings for each text column.
            raw: bool. Whether temperatures are left out.
            seconds: float. In how many it must answer.

        Raises:
            Failed: if the model raised an error.
            TimedOut: if it did not answer in time; it must be ended.
            WorkerDied: if it is gone.
        """
        try:
            async with asyncio.timeout(seconds):
                self._writer.writelines(wire.packed({"texts": texts, "raw": raw}))
                await self._writer.drain()
                said, found = await wire.received(self._reader)
        except TimeoutError:
            raise TimedOut(f"a worker has not answered in {seconds:g} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise WorkerDied("the process that computed this has ended; ask again") from None
        if "failed" in said:
            raise Failed(f"the model cannot compute this: {said['failed']}")
        return found

    async def end(self) -> None:
        """Ends the process, whatever it is doing; its model is nowhere else."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._writer.close()
        await self.ended


def cores_of(number: int, workers: int, threads: int | None) -> list[int]:
    """Returns the cores of one of several workers; none where it may use all.

    Args:
        number: int. The worker's, from 0.
        workers: int. How many there are.
        threads: optional int. Threads of each; default: the cores, shared by the workers.
    """
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    count = threads or max(len(cores) // workers, 1)
    if count >= len(cores):
        return []
    return [cores[(number * count + place) % len(cores)] for place in range(count)]
