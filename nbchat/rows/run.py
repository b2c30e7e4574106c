"""A run: fills in the template for each row, looks up stored answers, has the rest sent, and reads the answers."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator

from msgspec import Struct, field

from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.conversation.process import process
from nbchat.rows.budgets import Budgets
from nbchat.rows.dispatcher import Dispatcher, Done, Job
from nbchat.rows.form import Form
from nbchat.rows.outcome import NOT_SENT, Answer, Outcome
from nbchat.rows.outcomes import Outcomes, Sink
from nbchat.rows.progress import Progress
from nbchat.rows.reading import Reader
from nbchat.rows.source import Source
from nbchat.rows.stop_rule import StopRule
from nbchat.rows.storage import Storage
from nbchat.rows.template import MissingValue, Row, Template
from nbchat.values.errors import BudgetExceeded, NbchatError, PromptError
from nbchat.values.messages import Content
from nbchat.values.threads import interruptible, raise_lost_interrupt

__all__ = ["Run", "RunOptions"]

TICK_SECONDS = 0.2
"""Seconds between progress reports."""

POLL_SECONDS = 0.05
"""Longest single wait for answers, in seconds."""

AHEAD = 4
"""Rows prepared in advance, for each that may be under way."""

CHUNK = 64
"""Rows prepared together."""

PATIENCE_SECONDS = 5.0
"""Seconds that a run that stops by itself waits for the rows under way."""

REMEMBERED = 100_000
"""Most answers of this run that equal rows share without looking into the journal."""


class RunOptions(Struct, frozen=True):
    """How to run: at most `most` requests at once (None = as many as the server takes), each row asked `repeat` times.

    `on_progress` is called in the calling thread at the beginning, at least five times a second, and at the end; `on_row`
    once for each row that has ended. A `sink` keeps the outcomes in place of the run (None = the run keeps them).
    """

    most: int | None = None
    repeat: int = 1
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    on_progress: Callable[[Progress], None] = lambda _progress: None
    on_row: Callable[[int, Outcome], None] | None = None
    sink: Sink | None = None


class Run:
    """One run over the rows of a source.

    `read` counts the rows that were read from the source. A run `after` another keeps its answers and asks for the
    rest; `redo` are positions to ask again anyway. `only` are the positions to ask, None = all.
    """

    def __init__(
        self,
        source: Source,
        template: Template,
        form: Form,
        storage: Storage,
        budgets: Budgets,
        options: RunOptions,
        *,
        after: Run | None = None,
        redo: Collection[int] = (),
        only: Collection[int] | None = None,
    ) -> None:
        self.source = source
        self.template = template
        self.form = form
        self.options = options
        self.outcomes: Outcomes = Outcomes(
            None if after is None else after.outcomes,
            redo,
            repeat=options.repeat,
            sink=options.sink,
            on_row=options.on_row,
        )
        self.left: deque[tuple[int, Row]] = deque(() if after is None else (*after.left, *after.later))
        """Rows that were read but have no message yet."""
        self.later: list[tuple[int, Row]] = []
        """Rows of an iterator that were read and are not asked now."""
        self.read: int = 0 if after is None else after.read
        self.seconds = 0.0
        self.stopped: NbchatError | None = None
        """Why the run ended early; None = it did not."""
        self.cut = 0
        """Answers that reached the token limit."""
        self._only = only
        self._storage = storage
        self._budgets = budgets
        self._reader = Reader(form)
        self._limiter = ConcurrencyLimiter(options.most)
        self._askers: dict[tuple[str, int], list[int]] = {}
        """The positions that wait for an answer, by the request's name and number."""
        self._answered: dict[tuple[str, int], Outcome] = {}
        self._ready: deque[Job] = deque()
        """Jobs that wait for the budget."""
        self._again = iter(list(self.outcomes.contents.items()))
        self._stop_rule = StopRule(lambda: self._limiter.allowed)
        self._stop_wanted = False
        self._unread: PromptError | None = None
        self._started = self._reported_at = 0.0

    def execute(self) -> None:
        """Run to the end, or until `stopped`. An interrupt propagates; rows that have ended by then are in `outcomes`."""
        self._started = self._reported_at = time.perf_counter()
        options = self.options
        with interruptible(), self._storage.opened() as keep:
            self._report()
            dispatcher = Dispatcher(
                process.engine(),
                most=self._limiter.allowed,
                limiter=self._limiter,
                retries=options.retries,
                keep=keep,
                ends=self._stop_rule.judge,
            )
            try:
                self._loop(dispatcher)
            finally:
                self._finish(dispatcher)
        self.seconds = time.perf_counter() - self._started
        self._report()

    def stop(self) -> None:
        """Stop it from another thread, like an interrupt."""
        self._stop_wanted = True

    @property
    def at_once(self) -> int:
        """The number of requests that may be in flight now."""
        return self._limiter.allowed

    def all_outcomes(self) -> list[Outcome]:
        """An outcome for each row of the source, as far as it was read."""
        missing = self.not_sent
        return [self.outcomes.ended.get(position, missing) for position in range(self.count)]

    @property
    def count(self) -> int:
        """The number of rows of the source, as far as it was read."""
        return self.read if self.source.total is None else self.source.total

    @property
    def answered(self) -> int:
        """The number of rows that have an answer."""
        return self.outcomes.counts["complete"]

    @property
    def not_sent(self) -> Outcome:
        """The outcome of rows that the run did not reach."""
        if self.stopped is None:
            return NOT_SENT
        return Outcome("not sent", error=NbchatError(f"Not sent, because the run ended before it: {self.stopped}"))

    def _loop(self, dispatcher: Dispatcher) -> None:
        rows = self._rows()
        more = True
        while more or dispatcher.outstanding or self._ready:
            # Half of them wait in the engine for a slot.
            dispatcher.most = min(self._limiter.most, 2 * self._limiter.allowed)
            while more and self._has_room(dispatcher):
                more = self._supply(rows)
                self._send(dispatcher)
            self._send(dispatcher)
            if self.stopped is not None:
                return
            dispatcher.wait(POLL_SECONDS)
            self._settle(dispatcher, sends=True)
            self.stopped = self.stopped or self._stop_rule.error
            raise_lost_interrupt()
            if self._stop_wanted:
                raise KeyboardInterrupt
            if time.perf_counter() - self._reported_at >= TICK_SECONDS:
                self._report()
        self.stopped = self.stopped or self._unread

    def _has_room(self, dispatcher: Dispatcher) -> bool:
        """Whether more rows are to be prepared now."""
        sink = self.options.sink
        enough = dispatcher.outstanding + len(self._ready) >= AHEAD * dispatcher.most
        return not enough and self.stopped is None and (sink is None or sink.has_room(self.read))

    def _finish(self, dispatcher: Dispatcher) -> None:
        """Stop the running jobs and keep the ended ones, even if interrupted again."""
        while True:
            try:
                dispatcher.close(0.0 if self.stopped is None else PATIENCE_SECONDS)
                self._settle(dispatcher, sends=False)
                return
            except KeyboardInterrupt:
                continue

    # Rows

    def _rows(self) -> Iterator[tuple[int, Row]]:
        """Yield the rows without an outcome, with their positions."""
        last = None if self._only is None else max(self._only, default=-1)
        if last is not None and self.read > last:
            return
        for position, row in self._readable():
            self.read = max(self.read, position + 1)
            if self._only is not None and position not in self._only:
                if self.source.total is None:
                    self.later.append((position, row))
            elif position not in self.outcomes.ended and position not in self.outcomes.contents:
                self.left.append((position, row))
                yield position, row
            if position == last:
                return

    def _readable(self) -> Iterator[tuple[int, Row]]:
        """Yield the rows up to one that can't be read, as of a generator that raises: the run ends with those before it."""
        try:
            yield from self.source.rows(self.template.fields, whole=self.template.whole)
        except Exception as error:  # noqa: BLE001  # whatever the user's iterator raises
            self._unread = PromptError(f"The rows can't be read further: {type(error).__name__}: {error}.")
            self._unread.__cause__ = error

    def _supply(self, rows: Iterator[tuple[int, Row]]) -> bool:
        """Prepare some rows, and jobs for those that are not stored; return whether there are more."""
        again = list(itertools.islice(self._again, CHUNK))
        for _ in itertools.islice(rows, 0 if again else CHUNK):
            pass  # they are in `left`, where an interrupt leaves them
        wanted = [(position, self.form.name(content), content) for position, content in again]
        chunk = list(self.left)
        for position, row in chunk:
            try:
                content = self.template.content(row)
            except MissingValue as missing:
                self.outcomes.put(position, Outcome("skipped", error=NbchatError(f"Not asked: {missing} is missing.")))
            except PromptError as error:
                self.outcomes.put(position, Outcome("failed", error=error))
            else:
                self.outcomes.contents[position] = content
                wanted.append((position, self.form.name(content), content))
            self.left.popleft()
        stored = self._storage.find([name for _, name, _ in wanted])
        for position, name, content in wanted:
            self.outcomes.begin(position)
            for number in range(self.options.repeat):
                self._want(position, name, number, content, stored.get((name, number)))
        return bool(chunk or again)

    def _want(self, position: int, name: str, number: int, content: Content, stored: Answer | None) -> None:
        """Queue a row, unless its answer is stored, known from this run, or under way."""
        key = name, number
        if (given := self._answered.get(key)) is not None:
            self.outcomes.add(position, number, given)
        elif key in self._askers:
            self._askers[key].append(position)
        elif stored is not None and (outcome := self._reader.outcome(stored, stored=True)).status == "complete":
            self._remember(key, outcome)
            self.outcomes.add(position, number, outcome)
        else:
            try:
                job = Job(position, number, name, content, self.form, self.form.written(content))
            except PromptError as error:
                self.outcomes.add(position, number, Outcome("failed", error=error))
                return
            self._askers[key] = [position]
            self._ready.append(job)

    def _send(self, dispatcher: Dispatcher) -> None:
        """Pass waiting jobs to the dispatcher, as far as the budgets allow."""
        if not self._budgets.limited:
            jobs, self._ready = self._ready, deque()
            dispatcher.put(jobs)
            return
        try:
            while self._ready and self._budgets.take(self._ready[0].content):
                dispatcher.put([self._ready.popleft()])
        except BudgetExceeded as error:
            self.stopped = error

    # Answers

    def _settle(self, dispatcher: Dispatcher, *, sends: bool) -> None:
        """Process the ended jobs; those that an interrupt leaves are processed later. `sends`: more may be asked."""
        while dispatcher.ended:
            self._settle_one(dispatcher.ended[0], sends=sends)
            dispatcher.drop()

    def _settle_one(self, done: Done, *, sends: bool) -> None:
        """Read an answer, ask again if it does not fit, and pass it to the rows that wait for it."""
        job = done.job
        if self._budgets.limited:
            self._budgets.give(job.content, answered=done.answer is not None)
        outcome, again = self._reader.read(done)
        if again is not None and sends and self.stopped is None:
            self._ready.append(again)
            return
        if done.error is not None and done.error is self._stop_rule.error:
            return
        key = job.name, job.number
        if outcome.status == "complete":
            self._remember(key, outcome)
            self.cut += done.answer is not None and done.answer.finish == "length"
        for position in self._askers.get(key, ()):
            self.outcomes.add(position, job.number, outcome)
        self._askers.pop(key, None)

    def _remember(self, key: tuple[str, int], outcome: Outcome) -> None:
        """Remember an answer for later equal rows."""
        if len(self._answered) >= REMEMBERED:
            del self._answered[next(iter(self._answered))]
        self._answered[key] = outcome

    def _report(self) -> None:
        """Report the progress."""
        now = self._reported_at = time.perf_counter()
        seconds, tally, counts = now - self._started, self._storage.tally, self.outcomes.counts
        total = self.source.total if self._only is None else len(self._only)
        done = counts["complete"] + counts["failed"] + counts["skipped"]
        pace = tally.requests / seconds if tally.requests and seconds > 0 else None
        left = None if total is None else (total - done) * self.options.repeat
        each = None if tally.cost is None or not tally.requests else tally.cost / tally.requests
        self.options.on_progress(
            Progress(
                done=done,
                total=total,
                failed=counts["failed"],
                skipped=counts["skipped"],
                stored=counts["stored"],
                under_way=len(self._askers),
                cost=tally.cost,
                tokens=tally.total_tokens if tally.requests else None,
                seconds=seconds,
                rows_per_second=pace,
                seconds_left=None if left is None or pace is None else left / pace,
                cost_left=None if left is None or each is None else left * each,
                at_once=self._limiter.allowed,
                waits=self._limiter.waiting_seconds if left else 0.0,
            )
        )
