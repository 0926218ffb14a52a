"""The engine: texts in, probabilities out, by whichever version of the model is the newest.

A version that appears on the disk is loaded beside the one that answers, tested, and takes its
place; requests that have been taken by then are answered by the old one.
"""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from mtc_keras.errors import DataError, UserError, first_cause, legible
from mtc_keras.serve.limits import Limits
from mtc_keras.serve.observer import Observer
from mtc_keras.serve.occlusion import Attributions, occluded
from mtc_keras.serve.refusals import Draining, NoVersion
from mtc_keras.serve.served_model import Model, described
from mtc_keras.serve.versions import Found, State, Version, versions_in
from mtc_keras.serve.workers.pool import Answer, Pool
from mtc_keras.serve.workers.process import MODULE

POLL = 1.0  # seconds between two looks at the disk
MOST_VERSIONS = 16  # that are remembered when they have ended or failed
log = logging.getLogger("mtc_keras.serve")


class Engine:
    """Answers with the newest version of a model.

    Args:
        path: a run, the folder of an export's version, or a folder of versions.
        name: str. What clients call the model.
        limits: the `Limits`.
        observer: the `Observer` that hears of its work.
        module: str. The program of the workers.
        poll: float. Seconds between two looks at the disk.
    """

    def __init__(
        self,
        path: str | Path,
        name: str,
        limits: Limits,
        observer: Observer | None = None,
        *,
        module: str = MODULE,
        poll: float = POLL,
    ) -> None:
        self.path, self.name, self.limits = Path(path), name, limits
        self.observer = observer or Observer()
        self._module, self._poll = module, poll
        self._pool: Pool | None = None
        self._ending: set[asyncio.Task[None]] = set()  # of versions that have been replaced
        self._versions: dict[int, Version] = {}
        self._refused: set[Found] = set()  # as they lay on the disk
        self._is_draining = False

    # === Asking ===

    async def predict(
        self, texts: Sequence[Sequence[str]], *, version: int | None = None, raw: bool = False
    ) -> Answer:
        """Returns what is predicted of N ≥ 1 texts.

        Whoever is cancelled while waiting here takes the rest of his texts out of the queue.

        Args:
            texts: N strings for each text column.
            version: optional int. The version that must answer; default: the newest.
            raw: bool. `True` leaves out the temperatures of `decisions`.

        Raises:
            DataError: if there are too many or too few text columns, or `raw` cannot be had.
            Refused: if there is no answer; its kind says why.
        """
        pool = self._pool_of(version)
        columns = pool.model.data.text_columns
        if len(texts) != len(columns) or len({len(column) for column in texts}) != 1:
            raise DataError(f"each text needs {len(columns)} of {list(columns)}")
        if not len(texts[0]):
            raise DataError("there are no texts")
        if raw and not pool.model.has_raw:
            raise DataError("raw: an export has temperatures in it, and no raw probabilities")
        return await pool.predict(texts, raw)

    async def explain(
        self,
        texts: Sequence[str],
        task: str,
        label: str | None = None,
        *,
        version: int | None = None,
    ) -> Attributions:
        """Returns by how much each word of one text changes a probability, or a number.

        Args:
            texts: the text, or the two of a text pair.
            task: str. The task's name.
            label: optional str. A class of it; default: the most probable one.
            version: as for `predict`.

        Raises:
            DataError: if there is no such task or label.
            Refused: as `predict` does.
        """
        model = self.model(version)

        async def ask(columns: Sequence[Sequence[str]]) -> Answer:
            return await self.predict(columns, version=version)

        return await occluded(ask, model, texts, task, label)

    # === Versions ===

    def model(self, version: int | None = None) -> Model:
        """Returns the model that answers.

        Raises:
            Draining: if the server is about to end.
            NoVersion: if there is no such version, or none is ready.
        """
        return self._pool_of(version).model

    @property
    def versions(self) -> list[Version]:
        """The versions that were met, and what has become of them, the newest first."""
        return sorted(self._versions.values(), key=lambda version: -version.number)

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered."""
        return self._pool is not None and self._pool.is_able and not self._is_draining

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that compute for the version that answers."""
        return [] if self._pool is None else self._pool.pids

    def _pool_of(self, version: int | None) -> Pool:
        if self._is_draining:
            raise Draining("the server is about to end; ask another")
        if self._pool is None:
            raise NoVersion(f"no version of {self.name!r} is ready")
        if version not in (None, self._pool.model.version):
            raise NoVersion(
                f"{self.name!r} has no version {version}; it serves {self._pool.model.version}"
            )
        return self._pool

    # === Life ===

    async def start(self) -> None:
        """Loads the newest version that can be served; returns when it is warm.

        Raises:
            UserError: if there is none; what is wrong with the newest one.
        """
        found = await asyncio.to_thread(versions_in, self.path)
        first: UserError | None = None
        for version in found:
            error = await self._load(version, is_only=len(found) == 1)
            if error is None:
                return
            first = first or error
        if first is None:
            await asyncio.to_thread(described, self.path, self.name, 1, self.limits)  # says why not
            raise DataError(f"{str(self.path)!r} holds no version of a model")
        raise first

    async def watch(self) -> None:
        """Looks for new versions until it is cancelled, or the server is about to end."""
        before: set[Found] = set()
        problem = ""
        while not self._is_draining:
            await asyncio.sleep(self._poll)
            try:
                found = await asyncio.to_thread(versions_in, self.path)
            except OSError as error:  # a disk of the network may be away for a while
                if problem != (problem := first_cause(error)):
                    log.error("versions cannot be looked for: %s", problem)
                continue
            problem = ""
            wanted = next((version for version in found if version not in self._refused), None)
            is_served = self._pool is not None and wanted == self._pool.found
            # One that changes is being copied.
            if wanted is not None and not is_served and wanted in before:
                await self._load(wanted)
            before = set(found)

    async def drain(self) -> None:
        """Answers what has been asked, and ends the workers; what is asked now is refused."""
        self._is_draining = True
        pool, self._pool = self._pool, None
        if pool is not None:
            await self._replaced(pool)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _load(self, found: Found, is_only: bool = False) -> UserError | None:
        """Loads a version beside the others and has it answer; returns why it cannot.

        Args:
            found: the version.
            is_only: bool. Whether the server ends without it, and says then what is wrong.
        """
        number = self._number(found)
        self._say(Version(number, State.LOADING))
        log.info("loading version %d of %s", number, legible(self.name))
        try:
            model = await asyncio.to_thread(described, found.path, self.name, number, self.limits)
            pool = Pool(model, found, self.limits, self.observer, self._module)
            await pool.start()
        except Exception as reason:  # of any library, on whatever the folder holds by now
            problem = f"{str(found.path)!r} cannot be loaded: {first_cause(reason)}"
            error = reason if isinstance(reason, UserError) else DataError(problem)
            self._refused.add(found)
            self._say(Version(number, State.FAILED, str(error)))
            if not is_only:
                log.error("version %d is refused: %s", number, error)
            return error
        if self._is_draining:  # meanwhile
            await pool.close()
            return None
        old, self._pool = self._pool, pool
        if old is not None:
            log.info("version %d of %s answers", number, legible(self.name))
            ending = asyncio.create_task(self._replaced(old))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        self._say(Version(number, State.AVAILABLE))
        return None

    async def _replaced(self, pool: Pool) -> None:
        """Has a version answer what it was asked, and ends it."""
        number = pool.model.version
        is_last = self._pool is None or self._pool.model.version != number
        if is_last:
            self._say(Version(number, State.UNLOADING))
        await pool.drain()
        if is_last:
            self._say(Version(number, State.END))

    def _number(self, found: Found) -> int:
        """Returns the number of a version; a run counts how often it has been replaced."""
        if found.number is not None:
            return found.number
        return max(self._versions, default=0) + 1

    def _say(self, version: Version) -> None:
        self._versions.pop(version.number, None)
        self._versions[version.number] = version
        over = [n for n, v in self._versions.items() if v.state in (State.END, State.FAILED)]
        for number in over[: max(len(over) - MOST_VERSIONS, 0)]:
            del self._versions[number]
        self.observer.versions(self.versions)
