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
from nbchat.rows.form import Form, Written
from nbchat.rows.outcome import Answer
from nbchat.values.answer.draft import Draft
from nbchat.values.errors import NbchatError
from nbchat.values.messages import Content
from nbchat.values.request import Request

__all__ = ["Crew", "Done", "Job"]

GATHER_SECONDS = 0.01
"""Seconds that finished rows wait for others, to be journalled and delivered together."""


class Job(Struct):
    """One request of a row. `name` and `number` identify its answer in the journal."""

    position: int
    number: int
    name: str
    content: Content
    form: Form
    written: Written
    corrects: bool = False
    """Whether it is a second request because an answer did not fit."""
    in_words: bool | None = None
    """Whether it asks for the schema in the prompt; None = as was known of the server when the request was written."""


class Done(Struct, frozen=True):
    """An ended job, with an answer or an error."""

    job: Job
    answer: Answer | None
    error: NbchatError | None = None


class Crew:
    """Sends queued jobs, at most `most` at once.

    All methods must be called in the thread that created it. `keep` gets finished batches in the engine's thread before
    `take` returns them, so that they are already in the journal's queue. After a `final` error no further job starts.
    Always close it at the end of a run.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        most: int,
        limiter: ConcurrencyLimiter | None = None,
        retries: RetryPolicy | None = None,
        keep: Callable[[list[Done]], None] = lambda _batch: None,
        final: tuple[type[NbchatError], ...] = (),
    ) -> None:
        self.most = most
        self.outstanding = 0
        """Jobs that were queued and not taken yet."""
        self._engine = engine
        self._limiter = limiter
        self._retries = retries or RetryPolicy()
        self._keep = keep
        self._final = final
        self._taken: queue.SimpleQueue[list[Done]] = queue.SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._finished: list[Done] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def put(self, jobs: Iterable[Job]) -> None:
        """Queue jobs."""
        added = list(jobs)
        self.outstanding += len(added)
        self._waiting.extend(added)
        self._engine.call(self._employ)

    def take(self, timeout: float) -> list[Done]:
        """Return the ended jobs, waiting up to `timeout` seconds for the first."""
        found: list[Done] = []
        with contextlib.suppress(queue.Empty):
            found += self._taken.get(timeout=timeout)
            while True:
                found += self._taken.get_nowait()
        self.outstanding -= len(found)
        return found

    def close(self, patience: float = 0.0) -> list[Done]:
        """Start nothing more, stop jobs that still run after `patience` seconds, and return the ended ones. Idempotent."""
        self._closed = True
        self._engine.run(self._stop(patience))
        return self.take(0.0)

    # In the engine's thread

    def _employ(self) -> None:
        """Start workers for waiting jobs, up to the limit."""
        while self._waiting and len(self._workers) < self.most and not self._closed:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._leave)

    def _leave(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler({"message": "a row was lost", "exception": error})
        self._employ()

    async def _work(self) -> None:
        """Send jobs one after another."""
        while not self._closed:
            try:
                job = self._waiting.popleft()
            except IndexError:
                return
            self._finish(await self._send(job))

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
            answer, error = None, NbchatError(f"nbchat itself failed, with {type(failure).__name__}: {failure}.")
        return Done(job, answer, error)

    def _finish(self, done: Done) -> None:
        self._finished.append(done)
        if isinstance(done.error, self._final):
            self._closed = True
            self._hand_over()
        elif not self._waiting and len(self._workers) == 1:
            self._hand_over()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._hand_over)

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._finished:
            batch, self._finished = self._finished, []
            self._keep(batch)
            self._taken.put(batch)

    async def _stop(self, patience: float) -> None:
        workers = list(self._workers)
        if workers and patience:
            await asyncio.wait(workers, timeout=patience)
        for worker in workers:
            worker.cancel()
        if workers:
            await asyncio.wait(workers, timeout=1.0)
        self._hand_over()
