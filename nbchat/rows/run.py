"""A run: fills in the template for each row, looks up stored answers, has the rest sent, and reads the answers."""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.conversation.process import process
from nbchat.conversation.schemas import fitting
from nbchat.conversation.schemas.converters import Misfit
from nbchat.rows.crew import Crew, Done, Job
from nbchat.rows.form import Form
from nbchat.rows.keeping import Keeping
from nbchat.rows.outcome import NOT_SENT, Answer, Outcome
from nbchat.rows.source import Row, Source
from nbchat.rows.template import MissingValue, Template
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.answer.usage import UNKNOWN, Usage
from nbchat.values.errors import (
    AuthenticationFailed,
    NbchatError,
    PromptError,
    QuotaExceeded,
    RateLimited,
    SchemaError,
)
from nbchat.values.messages import Content, Message

__all__ = ["Progress", "Run", "Tally"]

TICK_SECONDS = 0.2
"""Seconds between progress reports."""

POLL_SECONDS = 0.05
"""Longest single wait for answers, in seconds."""

AHEAD = 4
"""Rows prepared in advance, for each that may be under way."""

CHUNK = 64
"""Rows prepared and looked up in the journal together."""

PATIENCE_SECONDS = 5.0
"""Seconds that a run that stops by itself waits for the rows under way."""

FINAL = (AuthenticationFailed, QuotaExceeded, RateLimited)
"""Errors after which no further row is sent. A rate limit is raised after many tries, or if it lasts too long to wait."""


class Progress(Struct, frozen=True):
    """Progress of a run. `total` is the number of rows, None = not known yet (an iterator).

    `done` of them have ended: `failed` without an answer, `skipped` because a field is missing, `stored` with an answer
    from the journal. `cost` is this run's cost so far in US dollars, `tokens` its tokens, None = unknown.
    `rows_per_second` counts the rows that were sent; `seconds_left` and `cost_left` extrapolate, None = unknown.
    """

    done: int
    total: int | None
    failed: int = 0
    skipped: int = 0
    stored: int = 0
    under_way: int = 0
    cost: float | None = None
    tokens: int | None = None
    seconds: float = 0.0
    rows_per_second: float | None = None
    seconds_left: float | None = None
    cost_left: float | None = None


class Tally(Struct):
    """Sums over the requests of a run. `cost` None = unknown for all of them."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    states: set[str] = field(default_factory=set)

    def add(self, answer: Answer) -> None:
        """Count an answer that was paid for."""
        usage = answer.usage
        self.requests += 1
        for name in ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"):
            setattr(self, name, getattr(self, name) + (getattr(usage, name) or 0))
        self.states.add(usage.state)
        self.seconds += answer.seconds or 0.0
        if answer.cost is not None:
            self.cost = (self.cost or 0.0) + answer.cost

    @property
    def usage(self) -> Usage:
        """The tokens of all requests, as certain as the least certain of them."""
        if not self.requests:
            return Usage(0, 0, 0, "measured")
        state = "unknown" if "unknown" in self.states else "estimated" if "estimated" in self.states else "measured"
        return Usage(
            self.prompt_tokens,
            self.completion_tokens,
            self.total_tokens,
            state,  # type: ignore[arg-type]
            self.cached_tokens or None,
            self.reasoning_tokens or None,
        )


class _Open(Struct):
    """An open row: the outcomes of its repeats so far."""

    missing: int
    repeats: dict[int, Outcome] = field(default_factory=dict)


class Run:
    """One run over the rows of a source.

    `outcomes` has the ended rows, by position. `read` counts the rows read from the source. A run `after` another keeps
    its answers and asks for the rest.
    """

    def __init__(
        self,
        source: Source,
        template: Template,
        form: Form,
        keeping: Keeping,
        *,
        most: int | None = None,
        repeat: int = 1,
        retries: RetryPolicy | None = None,
        after: Run | None = None,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        on_row: Callable[[int, Outcome], None] | None = None,
    ) -> None:
        self.source = source
        self.template = template
        self.form = form
        self.tally: Tally = Tally() if after is None else replace(after.tally)
        """Sums over the requests, including those of earlier runs."""
        self.outcomes: dict[int, Outcome] = {} if after is None else after.settled()
        self.contents: dict[int, Content] = {} if after is None else dict(after.contents)
        """The messages of rows that have no answer."""
        self.left: deque[tuple[int, Row]] = deque(() if after is None else after.left)
        """Rows that were read but have no message yet."""
        self.read: int = 0 if after is None else after.read
        self.seconds = 0.0
        self.stopped: NbchatError | None = None
        """Why the run ended early; None = it did not."""
        self._keeping = keeping
        self._most = most
        self._repeat = repeat
        self._retries = retries
        self._on_progress = on_progress
        self._on_row = on_row
        self._counts: Counter[str] = Counter()
        self._open: dict[int, _Open] = {}
        self._askers: dict[tuple[str, int], list[int]] = {}
        """The positions that wait for an answer, by the request's name and number."""
        self._answered: dict[tuple[str, int], Outcome] = {}
        self._came: deque[Done] = deque()
        self._again = iter(list(self.contents.items()))
        self._started = self._told = 0.0

    def execute(self) -> None:
        """Run to the end, or until `stopped`. An interrupt propagates; rows that have ended by then are in `outcomes`."""
        self._started = self._told = time.perf_counter()
        self._tell()
        rows = self._rows()
        with self._keeping.opened(self.form, self.tally) as keep:
            limiter = ConcurrencyLimiter(self._most)
            crew = Crew(
                process.engine(), most=limiter.allowed, limiter=limiter, retries=self._retries, keep=keep, final=FINAL
            )
            try:
                more = True
                while more or crew.outstanding:
                    crew.most = min(limiter.most, 2 * limiter.allowed)  # half of them wait in the engine for a slot
                    while more and crew.outstanding < AHEAD * crew.most and self.stopped is None:
                        more = self._supply(crew, rows)
                    if self.stopped is not None:
                        break
                    self._came.extend(crew.take(POLL_SECONDS))
                    self._settle(crew)
                    if time.perf_counter() - self._told >= TICK_SECONDS:
                        self._tell()
            finally:
                self._finish(crew)
        self.seconds = time.perf_counter() - self._started
        self._tell()

    def _finish(self, crew: Crew) -> None:
        """Stop the running jobs and keep the ended ones, even if interrupted again."""
        while True:
            try:
                self._came.extend(crew.close(0.0 if self.stopped is None else PATIENCE_SECONDS))
                self._settle(None)
                return
            except KeyboardInterrupt:
                continue

    def settled(self) -> dict[int, Outcome]:
        """The final outcomes: rows that are answered, or were skipped."""
        return {position: one for position, one in self.outcomes.items() if one.status in ("complete", "skipped")}

    # Rows

    def _rows(self) -> Iterator[tuple[int, Row]]:
        """Yield the rows without an outcome, with their positions."""
        for position, row in self.source.rows(self.template.fields, whole=self.template.whole):
            self.read = max(self.read, position + 1)
            if position not in self.outcomes and position not in self.contents:
                self.left.append((position, row))
                yield position, row

    def _supply(self, crew: Crew, rows: Iterator[tuple[int, Row]]) -> bool:
        """Prepare some rows and send those that are not stored; return whether there are more."""
        again = list(itertools.islice(self._again, CHUNK))
        for _ in itertools.islice(rows, 0 if again else CHUNK):
            pass  # they are in `left`, where an interrupt leaves them
        wanted = [(position, self.form.name(content), content) for position, content in again]
        chunk = list(self.left)
        for position, row in chunk:
            try:
                content = self.template.content({**row, **self.template.given})
            except MissingValue as missing:
                self._put(position, Outcome("skipped", error=NbchatError(f"Not asked: {missing} is missing.")))
            except PromptError as error:
                self._put(position, Outcome("failed", error=error))
            else:
                self.contents[position] = content
                wanted.append((position, self.form.name(content), content))
            self.left.popleft()
        stored = self._keeping.find([name for _, name, _ in wanted])
        jobs: list[Job] = []
        for position, name, content in wanted:
            self._open[position] = _Open(self._repeat)
            for number in range(self._repeat):
                jobs += self._wanted(position, name, number, content, stored.get((name, number)))
        if jobs:
            crew.put(jobs)
        return bool(chunk or again)

    def _wanted(self, position: int, name: str, number: int, content: Content, stored: Answer | None) -> Iterator[Job]:
        """Return the job for one request of a row; None if its answer is stored, known from this run, or under way."""
        key = name, number
        if (given := self._answered.get(key)) is not None:
            self._repeat_done(position, number, given)
        elif key in self._askers:
            self._askers[key].append(position)
        elif stored is not None and (outcome := self._read(stored, stored=True)).status == "complete":
            self._answered[key] = outcome
            self._repeat_done(position, number, outcome)
        else:
            try:
                job = Job(position, number, name, content, self.form, self.form.written(content))
            except PromptError as error:
                self._repeat_done(position, number, Outcome("failed", error=error))
                return
            self._askers[key] = [position]
            yield job

    # Answers

    def _settle(self, crew: Crew | None) -> None:
        """Process the ended jobs; those that an interrupt leaves are processed later. `crew` None = nothing more is sent."""
        while self._came:
            self._settle_one(crew, self._came[0])
            self._came.popleft()

    def _settle_one(self, crew: Crew | None, done: Done) -> None:
        """Read an answer, ask again if it does not fit, and pass it to the rows that wait for it."""
        job = done.job
        if isinstance(done.error, FINAL):
            self.stopped = self.stopped or done.error
            return
        outcome, again = self._judged(done)
        if again is not None and crew is not None and self.stopped is None:
            crew.put([again])
            return
        key = job.name, job.number
        if outcome.status == "complete":
            self._answered[key] = outcome
        for position in self._askers.get(key, ()):
            self._repeat_done(position, job.number, outcome)
        self._askers.pop(key, None)

    def _judged(self, done: Done) -> tuple[Outcome, Job | None]:
        """Return a request's outcome, and the request to send next; None = none."""
        job, schema = done.job, self.form.schema
        if done.error is not None or done.answer is None:
            outcome = Outcome("failed", error=done.error, answer=done.answer)
            if schema is None or job.in_words is True or not fitting.is_format_refused(done.error):
                return outcome, None
            return outcome, self._again_job(job, in_words=True)
        outcome = self._read(done.answer)
        misfit = outcome.error.__cause__ if outcome.error is not None else None
        if schema is None or job.corrects or not isinstance(misfit, Misfit):
            return outcome, None
        return outcome, self._again_job(job, fitting.corrections(schema, _reply(done.answer), misfit))

    def _again_job(self, job: Job, more: Sequence[Message] = (), *, in_words: bool | None = None) -> Job | None:
        """Return the job that asks again after another one; None = it must not be sent."""
        in_words = job.in_words if in_words is None else in_words
        try:
            written = self.form.written(job.content, more, in_words=in_words)
        except PromptError:
            return None
        return replace(job, written=written, corrects=bool(more), in_words=in_words)

    def _read(self, answer: Answer, *, stored: bool = False) -> Outcome:
        """Return the outcome of an answer: its text, or the value that the schema reads from it."""
        if self.form.schema is None:
            if answer.text:
                return Outcome("complete", answer.text, None, answer, stored)
            return Outcome("failed", None, NbchatError(_why_empty(answer)), answer, stored)
        try:
            value = fitting.fitted(self.form.schema, _reply(answer))
        except Misfit as misfit:
            error = SchemaError(f"The answer does not fit the schema: {misfit}.")
            error.__cause__ = misfit
            return Outcome("failed", None, error, answer, stored)
        except SchemaError as error:
            return Outcome("failed", None, error, answer, stored)
        return Outcome("complete", value, None, answer, stored)

    def _repeat_done(self, position: int, number: int, outcome: Outcome) -> None:
        """Record the end of one request of a row; the row ends when all have ended."""
        row = self._open.get(position)
        if row is None:
            return
        row.repeats[number] = outcome
        if len(row.repeats) == row.missing:
            del self._open[position]
            self._put(position, _majority([row.repeats[number] for number in sorted(row.repeats)]))

    def _put(self, position: int, outcome: Outcome) -> None:
        self.outcomes[position] = outcome
        if outcome.status == "complete":
            self.contents.pop(position, None)
        self._counts[outcome.status] += 1
        self._counts["stored"] += outcome.stored
        if self._on_row is not None:
            self._on_row(position, outcome)

    def _tell(self) -> None:
        """Report the progress."""
        now = self._told = time.perf_counter()
        seconds = now - self._started
        done, total = len(self.outcomes), self.source.total
        tally = self.tally
        pace = tally.requests / seconds if tally.requests and seconds > 0 else None
        left = None if total is None else (total - done) * self._repeat
        each = None if tally.cost is None or not tally.requests else tally.cost / tally.requests
        self._on_progress(
            Progress(
                done,
                total,
                self._counts["failed"],
                self._counts["skipped"],
                self._counts["stored"],
                len(self._askers),
                tally.cost,
                tally.total_tokens if tally.requests else None,
                seconds,
                pace,
                None if left is None or pace is None else left / pace,
                None if left is None or each is None else left * each,
            )
        )

    def all_outcomes(self) -> list[Outcome]:
        """Return an outcome for each row that was read from the source."""
        count = self.read if self.source.total is None else self.source.total
        return [self.outcomes.get(position, NOT_SENT) for position in range(count)]


def _majority(repeats: list[Outcome]) -> Outcome:
    """Return the outcome of a row's repeats: the most frequent value, the earliest of several."""
    if len(repeats) == 1:
        return repeats[0]
    complete = [outcome for outcome in repeats if outcome.status == "complete"]
    if not complete:
        return repeats[-1]
    texts = [repr(outcome.value) for outcome in complete]
    (chosen, count), *_ = Counter(texts).most_common(1)
    best = complete[texts.index(chosen)]
    values = tuple(outcome.value for outcome in complete)
    return Outcome("complete", best.value, None, best.answer, best.stored, count / len(complete), values)


def _reply(answer: Answer) -> Reply:
    """Return the answer as a reply, for functions that read values from one."""
    return Reply((Choice(0, answer.text, answer.finish, refusal=answer.refusal),), usage=UNKNOWN)


def _why_empty(answer: Answer) -> str:
    if answer.refusal:
        return f"The model refused to answer: {answer.refusal[:300]}"
    if answer.finish == "length":
        return "The answer reached the token limit before any text: allow more with max_tokens."
    if answer.finish == "content_filter":
        return "The server's content filter withheld the answer."
    return "The answer is empty."
