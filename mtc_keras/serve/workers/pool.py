"""One version of a model: its workers, the texts that wait for them, and who waits for these."""

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mtc_keras.errors import DataError, UserError, plural
from mtc_keras.serve.limits import MOST_WAITING_CHARACTERS, Limits
from mtc_keras.serve.observer import Observer
from mtc_keras.serve.refusals import Busy, Failed, Refused, TimedOut, WorkerDied
from mtc_keras.serve.served_model import Model
from mtc_keras.serve.versions import Found, versions_in
from mtc_keras.serve.workers.pace import Pace
from mtc_keras.serve.workers.process import MODULE, Worker, cores_of
from mtc_keras.serve.workers.queue import Batch, Queue, Waiting
from mtc_keras.serve.workers.suspects import Suspects
from mtc_keras.serve.workers.tokens import counting_of

FIRST_DELAY, LONGEST_DELAY = 0.25, 30.0  # seconds before a worker that died is started again
LONGEST_RETRY = 60  # seconds
FEW_CHARACTERS = 2_000  # whose tokens are counted in less than a millisecond
log = logging.getLogger("mtc_keras.serve")


@dataclass(frozen=True)
class Answer:
    """What is predicted of N rows.

    Args:
        probabilities: dict from task to float32 of shape `(N, C)`, or `(N,)` of a number.
        version: int. The version of the model that answered.
        tokens: int. Tokens that were read of all texts, or an estimate.
    """

    probabilities: dict[str, np.ndarray]
    version: int
    tokens: int


@dataclass(eq=False)
class _Asked(Waiting):
    """A request, what is known of its rows, and who waits for it.

    Args:
        answered: is done when all rows are computed, or one cannot be.
    """

    answered: "asyncio.Future[dict[str, np.ndarray]]" = field(kw_only=True)
    began: float = field(default_factory=time.perf_counter)
    is_waiting: bool = True  # for its first row to go to a worker
    missing: int = field(init=False)
    found: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.missing = len(self.tokens)

    def take_in(self, rows: Sequence[int], answers: dict[str, np.ndarray]) -> None:
        """Takes the answers of some rows."""
        for name, values in answers.items():
            if name not in self.found:
                self.found[name] = np.empty((len(self.tokens), *values.shape[1:]), "float32")
            self.found[name][list(rows)] = values
        self.missing -= len(rows)
        if not self.missing and not self.answered.done():
            self.answered.set_result(self.found)

    def refuse(self, refusal: Refused) -> None:
        """Tells who waits that there will be no answer."""
        if not self.answered.done():
            self.answered.set_exception(refusal)


class Pool:
    """The workers of one version.

    Args:
        model: the `Model`.
        found: the version as it lay on the disk when the model was described.
        limits: the `Limits`.
        observer: the `Observer`.
        module: str. The program of the workers.
    """

    def __init__(
        self, model: Model, found: Found, limits: Limits, observer: Observer, module: str = MODULE
    ) -> None:
        self.model, self.found = model, found
        self._limits, self._observer, self._module = limits, observer, module
        self._counting = counting_of(model.path, model.max_length if model.cuts else None)
        self._queue, self._suspects = Queue[_Asked](), Suspects()
        self._has_rows, self._is_idle = asyncio.Event(), asyncio.Event()
        self._is_idle.set()
        self._requests = 0  # that are being answered
        self._pace = Pace(limits.max_batch_tokens)
        self._workers: dict[int, Worker] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_able(self) -> bool:
        """Whether there is a worker."""
        return bool(self._workers)

    @property
    def pids(self) -> list[int]:
        """The numbers of the workers' processes."""
        return [worker.pid for worker in self._workers.values()]

    async def start(self) -> None:
        """Starts the workers; returns when all are ready.

        Raises:
            DataError: if the model cannot be loaded, or fails its self-test.
        """
        try:
            await self._start_worker(0, check=True)
            others = range(1, self._limits.workers)
            await asyncio.gather(*map(self._start_worker, others))
        except BaseException:
            await self.close()
            raise
        numbers = range(self._limits.workers)
        self._tasks = [asyncio.create_task(self._work(number)) for number in numbers]

    async def predict(self, texts: Sequence[Sequence[str]], raw: bool) -> Answer:
        """Returns what is predicted of N texts.

        Raises:
            Refused: if there is no answer; its kind says why.
        """
        self._requests += 1
        self._is_idle.clear()
        try:
            async with asyncio.timeout(self._limits.timeout):
                return await self._predict(texts, raw)
        except TimeoutError:
            seconds = self._limits.timeout
            raise TimedOut(f"there was no answer in {seconds:g} s, the limit (--timeout)") from None
        finally:
            self._requests -= 1
            if not self._requests:
                self._is_idle.set()

    async def _predict(self, texts: Sequence[Sequence[str]], raw: bool) -> Answer:
        self._check_room(texts)
        if sum(len(text) for column in texts for text in column) <= FEW_CHARACTERS:
            tokens = self._counting(texts)  # sooner than a thread would begin
        else:
            tokens = await asyncio.to_thread(self._counting, texts)
            self._check_room(texts)  # others may have come meanwhile
        answered = asyncio.get_running_loop().create_future()
        asked = _Asked(texts, tokens, raw, answered=answered)
        self._queue.add(asked)
        self._has_rows.set()
        self._observer.queued(self._queue.rows)
        try:
            return Answer(await answered, self.model.version, sum(tokens))
        finally:  # whoever asked may have left
            self._queue.remove(asked)
            self._observer.queued(self._queue.rows)

    def _check_room(self, texts: Sequence[Sequence[str]]) -> None:
        rows, characters = len(texts[0]), sum(len(text) for column in texts for text in column)
        limit = ""
        if self._queue.rows + rows > self._limits.max_queue_rows:
            limit = f"of {self._limits.max_queue_rows:,} at most (--max-queue-rows)"
        elif self._queue.characters + characters > MOST_WAITING_CHARACTERS:
            limit = f"and {MOST_WAITING_CHARACTERS:,} characters may wait at most"
        if limit:
            seconds = self._queue.rows * self._pace.seconds_per_row / self._limits.workers
            raise Busy(
                f"too much waits: {plural(self._queue.rows, 'text')}, {limit}; ask again later",
                min(max(math.ceil(seconds), 1), LONGEST_RETRY),
            )

    async def drain(self) -> None:
        """Waits until all requests are answered, and ends the workers."""
        await self._is_idle.wait()
        await self.close()

    async def close(self) -> None:
        """Ends the workers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._workers.values()))
        self._workers = {}

    async def _start_worker(self, number: int, check: bool = False) -> None:
        cores = cores_of(number, self._limits.workers, self._limits.threads)
        self._workers[number] = worker = await Worker.started(
            self.model.path, cores=cores, check=check, module=self._module
        )
        worker.ended.add_done_callback(lambda _: self._has_rows.set())  # it has to be looked after

    async def _work(self, number: int) -> None:
        """Has one worker compute what waits, and starts another where it dies."""
        delay = FIRST_DELAY
        while True:
            if not self._workers[number].ended.done():
                await self._has_rows.wait()
            if self._workers[number].ended.done():  # no request is to pay for that
                delay = await self._restart(number, delay, WorkerDied("a worker has ended"))
                continue
            batch = self._queue.take(self._pace.batch_tokens)
            if batch is None:
                self._has_rows.clear()
                continue
            try:
                await self._compute(self._workers[number], batch)
                delay = FIRST_DELAY
            except Exception as error:
                refusal = error if isinstance(error, Refused) else _not_understood(error)
                for request in {request for request, _ in batch.rows}:
                    request.refuse(refusal)
                delay = await self._restart(number, delay, refusal)

    async def _restart(self, number: int, delay: float, why: Refused) -> float:
        """Starts a worker in the place of one that died; returns the delay before the next."""
        log.warning("%s; another takes its place", why)
        await self._workers.pop(number).end()
        while True:
            self._observer.restarted()
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)
            try:
                await self._check_is_same()
                await self._start_worker(number)
                return delay
            except UserError as error:
                log.error("no worker of version %d: %s", self.model.version, error)

    async def _check_is_same(self) -> None:
        """Raises a `DataError` if the files are not those that the other workers have loaded."""
        if self.found not in await asyncio.to_thread(versions_in, self.model.path):
            raise DataError(f"{str(self.model.path)!r} is gone, or has changed")

    async def _compute(self, worker: Worker, batch: Batch[_Asked]) -> None:
        for request, row in batch.rows:
            if self._suspects.is_to_blame(request, row):
                request.refuse(Failed("two workers ended as they computed one of the texts"))
        for part in self._suspects.apart(batch):
            wanted = [(request, row) for request, row in part.rows if not request.answered.done()]
            if not wanted:  # whoever asked has left
                continue
            try:
                await self._ask(worker, part.of(wanted))
            except (WorkerDied, TimedOut):
                self._suspects.died(part.of(wanted))
                raise

    async def _ask(self, worker: Worker, batch: Batch[_Asked]) -> None:
        started = time.perf_counter()
        for request, _ in batch.rows:
            if request.is_waiting:
                request.is_waiting = False
                self._observer.waited(started - request.began)
        try:
            answers = await worker.ask(batch.texts, batch.raw, self._limits.timeout)
        except Failed as failed:
            if len(batch.rows) == 1:
                batch.rows[0][0].refuse(failed)
                return
            middle = len(batch.rows) // 2  # one text must not fail its neighbours
            for half in (batch.rows[:middle], batch.rows[middle:]):
                await self._ask(worker, batch.of(half))
            return
        names = {task.name for task in self.model.tasks}
        if answers.keys() != names or {len(a) for a in answers.values()} != {len(batch.rows)}:
            raise ValueError("the answers are not those of all tasks and rows")
        seconds = time.perf_counter() - started
        self._suspects.computed(batch)
        self._observer.batch(len(batch.rows), batch.padded_tokens, seconds)
        self._pace.computed(len(batch.rows), batch.padded_tokens, seconds)
        _distribute(batch, answers)


def _not_understood(error: Exception) -> WorkerDied:
    """Returns the refusal of a batch that failed; what the error says may quote a text."""
    return WorkerDied(f"a worker answered what cannot be understood ({type(error).__name__})")


def _distribute(batch: Batch[_Asked], answers: Mapping[str, np.ndarray]) -> None:
    """Gives each request the answers of its rows."""
    places: dict[_Asked, list[int]] = {}
    for place, (request, _) in enumerate(batch.rows):
        places.setdefault(request, []).append(place)
    for request, own in places.items():
        rows = [batch.rows[place][1] for place in own]
        found = {name: values[own] for name, values in answers.items()}
        if not all(np.isfinite(values).all() for values in found.values()):
            request.refuse(Failed("what the model computes of a text is no finite number"))
            continue
        request.take_in(rows, found)
