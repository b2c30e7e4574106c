"""The engine's side of a run: sends requests concurrently, journals the answers, and delivers them in batches."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct

from nbchat.api.call import Call
from nbchat.api.engine import Engine
from nbchat.api.http.addresses import public_url
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.api.prices import cost
from nbchat.conversation.schemas.converters import Misfit
from nbchat.rows.form import Form, Written
from nbchat.rows.outcome import Answer
from nbchat.values.answer.draft import Draft
from nbchat.values.errors import NbchatError
from nbchat.values.messages import Content
from nbchat.values.request import Request

__all__ = ["Dispatcher", "Done", "Job"]

GATHER_SECONDS = 0.05
"""Seconds that finished rows wait for others, to be journalled and delivered together; never more than half of those in flight."""

WRITING_SECONDS = 0.002
"""Seconds between looks at whether answers are written."""


class Job(Struct):
    """One request of a row. `name` and `number` identify its answer in the journal."""

    position: int
    number: int
    name: str
    content: Content
    form: Form
    written: Written
    in_words: bool | None = None
    """Whether it asks for the schema in the prompt; None = as known of the server when it was written."""
    misfit: Misfit | None = None
    """The error of the answer that it corrects; None = it corrects none."""
    refusal: NbchatError | None = None
    """The refusal of the schema after which it asks in the prompt; None = none."""


class Done(Struct, frozen=True):
    """An ended job, with an answer or an error."""

    job: Job
    answer: Answer | None
    error: NbchatError | None = None


class Dispatcher:
    """Sends queued jobs, at most `most` at once.

    `keep` gets finished batches in the engine's thread and returns a function that tells whether they are written. Only
    then are they added to `ended`: a killed process has told nobody of an answer that it loses. At most `most` answers wait
    to be written: it loses no more than those, and the requests in flight. `ends` gets the error of each ended
    job (None = no error); once it returns True, no further job starts. Always close the dispatcher at the end of a run.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        most: int,
        limiter: ConcurrencyLimiter | None = None,
        retries: RetryPolicy | None = None,
        keep: Callable[[list[Done]], Callable[[], bool]],
        ends: Callable[[NbchatError | None], bool] = lambda _error: False,
    ) -> None:
        self.most = most
        self.outstanding = 0
        """Jobs that were queued and not dropped yet."""
        self.ended: deque[Done] = deque()
        """Ended jobs in order, kept until `drop` even if an interrupt comes."""
        self._engine = engine
        self._limiter = limiter
        self._retries = retries or RetryPolicy()
        self._keep = keep
        self._ends = ends
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._finished: list[Done] = []
        self._writing: deque[tuple[list[Done], Callable[[], bool]]] = deque()  # batches not known to be written
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._closed = False

    def put(self, jobs: Iterable[Job]) -> None:
        """Queue jobs; those that ask again go first, because their results help the others."""
        added = list(jobs)
        self.outstanding += len(added)
        for job in added:
            if job.misfit is None and job.refusal is None:
                self._waiting.append(job)
            else:
                self._waiting.appendleft(job)
        self._engine.call(self._start_workers)

    def wait(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for an ended job."""
        with contextlib.suppress(queue.Empty):
            self._news.get(timeout=timeout)

    def drop(self) -> None:
        """Remove the first of `ended`, which has been handled."""
        self.ended.popleft()
        self.outstanding -= 1

    def close(self, patience: float = 0.0) -> None:
        """Start nothing more, and stop jobs that still run after `patience` seconds. Idempotent."""
        self._closed = True
        self._engine.run(self._stop(patience))

    # In the engine's thread

    def _start_workers(self) -> None:
        """Start workers for waiting jobs, up to the limit."""
        while self._waiting and len(self._workers) < self.most and not self._closed:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._leave)

    def _leave(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler({"message": "a row was lost", "exception": error})
        self._start_workers()

    async def _work(self) -> None:
        """Send jobs one after another."""
        while not self._closed:
            if self._unwritten() >= self.most:
                await asyncio.sleep(WRITING_SECONDS)
                continue
            try:
                job = self._waiting.popleft()
            except IndexError:
                return
            self._finish(await self._send(job))

    def _unwritten(self) -> int:
        """The number of answers that the journal does not have yet."""
        return len(self._finished) + sum(len(batch) for batch, _ in self._writing)

    async def _send(self, job: Job) -> Done:
        ask = job.form.ask
        draft = Draft(Request(public_url(ask.endpoint.chat_url), job.written.body))
        call = Call(ask.endpoint, job.written.body, ask.timeouts, self._retries, self._limiter, job.written.payload)
        try:
            await self._engine.client.answer(call, draft.add)
            reply = draft.reply()
            error = draft.error
            answer = (
                None
                if reply.empty and error is not None
                else Answer.of(reply, cost(ask.endpoint, reply.model, reply.usage))
            )
        except Exception as failure:  # noqa: BLE001  # one row must never end the others
            answer, error = None, NbchatError.of_bug(failure)
        return Done(job, answer, error)

    def _finish(self, done: Done) -> None:
        self._finished.append(done)
        if self._ends(done.error):
            self._closed = True
            self._deliver()
        elif len(self._finished) >= self.most // 2 or (not self._waiting and len(self._workers) == 1):
            self._deliver()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._deliver)

    def _deliver(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._finished:
            batch, self._finished = self._finished, []
            self._writing.append((batch, self._keep(batch)))
        self._hand_over()

    def _hand_over(self) -> None:
        """Add what is written to `ended`, and the rest as soon as it is; when closed, all of it."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        while self._writing and (self._closed or self._writing[0][1]()):
            self.ended.extend(self._writing.popleft()[0])
            self._news.put(None)
        if self._writing:
            self._looking = asyncio.get_running_loop().call_later(WRITING_SECONDS, self._hand_over)

    async def _stop(self, patience: float) -> None:
        workers = list(self._workers)
        if workers and patience:
            await asyncio.wait(workers, timeout=patience)
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers, timeout=1.0)
        self._deliver()
