"""Sweeps: send a message with every combination of some parameters, repeatedly and concurrently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.process import process
from nbchat.tuning.grid import Cell, Grid
from nbchat.tuning.judge import Judge, Scorer, check_score, scored
from nbchat.tuning.result import Asked, Sweep
from nbchat.tuning.run import Run
from nbchat.tuning.runner import AT_ONCE, Progress, Runner
from nbchat.values.arguments import checked
from nbchat.values.errors import (
    AuthenticationFailed,
    Interrupted,
    NbchatError,
    ParameterError,
    PromptError,
    QuotaExceeded,
)
from nbchat.values.messages import Message, Question
from nbchat.values.numbers import whole_number

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["SweepInterrupted", "prepare", "sweep"]

OnProgress = Callable[[Progress], None]
OnRun = Callable[[Run], None]


class SweepInterrupted(Interrupted):
    """The user stopped a sweep: `.sweep` has every run, with status "not run" if never sent."""

    def __init__(self, message: str, sweep: Sweep) -> None:
        super().__init__(message)
        self.sweep = self.result = sweep


@checked
def sweep(
    session: Session,
    message: Question | Sequence[str | Message],
    *,
    repeat: int = 1,
    score: Scorer | str | None = None,
    models: Iterable[str] | None = None,
    judge_model: str | None = None,
    at_once: int = AT_ONCE,
    on_progress: OnProgress = lambda _progress: None,
    on_run: OnRun | None = None,
    result_type: type[Sweep] = Sweep,
    **axes: Any,
) -> Sweep:
    """Send a message with every combination of the parameters that have several values, `repeat` times each.

    A list of messages is an axis too. Every run uses the session's current history, and none joins it until
    `Sweep.apply`. `axes` are request parameters, `system` and `extra`: a list of values is an axis, a single value applies
    to all runs, None in a list means "not sent"; `models` is an alias for an axis `model`. The other options are those of
    `Session.ask`.

    `score` is a function from the answer (see `judge.Answer`) to a number, or a judge's prompt with `{answer}` and
    `{question}`, sent to `judge_model` (None = the session's model). Higher is better.

    At most `at_once` requests run concurrently, fewer after a 429. `on_progress` is called in this thread, at least five
    times a second. `on_run` is called in this thread with every run before the first is sent, with the running ones a few
    times a second (status "running", the answer so far), and with each that ends. A failed run is a row with its reason.
    The result is a `result_type`.

    Raises ParameterError, ConfigError and GuardError before anything is sent, and SweepInterrupted.

    ```python
    result = sweep(session, "Is this a complaint? …", temperature=[0, 0.7], repeat=5, score=lambda text: "yes" in text)
    print(result.verdict())
    ```
    """
    check_score(score)
    at_once = whole_number("at_once", at_once)
    grid, fixed, exchanges = prepare(session, message, repeat=repeat, models=models, **axes)
    named = session.params.model is not None or "model" in {**fixed, **dict.fromkeys(a.name for a in grid.axes)}
    asked = Asked(session, next(iter(exchanges.values())).ask.message, grid, fixed, named)
    judge = Judge(session, score, judge_model, fixed) if isinstance(score, str) else None
    running = _RunningSweep(asked, exchanges, score if callable(score) else None, result_type)
    try:
        running.answer(at_once, on_progress, on_run)
        if judge is not None:
            judge.score(running.runs, at_once=at_once, on_score=running.put, on_progress=on_progress)
    except KeyboardInterrupt:
        result = running.result()
        sentence = f"Stopped: {len(result.complete)} of {len(result)} runs are complete, and kept."
        raise SweepInterrupted(sentence, result) from None
    return running.result()


def prepare(
    session: Session,
    message: Question | Sequence[str | Message],
    *,
    repeat: int = 1,
    models: Iterable[str] | None = None,
    **options: Any,
) -> tuple[Grid, dict[str, Any], dict[Cell, Exchange]]:
    """Prepare a sweep: its grid, the options that are the same for all runs, and each run's request.

    Requests are in the order of execution; nothing is sent. Raises ParameterError and ConfigError.
    """
    if models is not None:
        if "model" in options:
            raise ParameterError("Give either model or models, not both.")
        options["model"] = [models] if isinstance(models, str) else list(models)
    if _are_variants(message):
        options["message"] = message
    grid, fixed = Grid.split(options, repeat)
    first = {setting: session.exchange(**{"message": message, **fixed, **setting}) for setting in grid.settings}
    return grid, fixed, {cell: session.again(first[cell.setting]) for cell in grid.order()}


def _are_variants(message: Any) -> bool:
    """Whether `message` is several messages to try, rather than the parts of one."""
    return (
        isinstance(message, Sequence)
        and not isinstance(message, str)
        and bool(message)
        and all(isinstance(each, (str, Message)) for each in message)
    )


class _RunningSweep:
    """The runs of a sweep in progress. `runs` has a run for every row at any time."""

    def __init__(
        self, asked: Asked, exchanges: dict[Cell, Exchange], function: Scorer | None, result_type: type[Sweep]
    ) -> None:
        self._asked = asked
        self._result_type = result_type
        self._cells = {exchange: cell for cell, exchange in exchanges.items()}
        self._function = function
        self._runs = {cell.index: Run.of(cell, exchange) for exchange, cell in self._cells.items()}
        self._taken: set[Exchange] = set()
        self._answered: set[str | None] = set()
        self._refused: dict[str | None, BaseException] = {}

    @property
    def runs(self) -> list[Run]:
        """The runs so far, in row order."""
        return [self._runs[index] for index in sorted(self._runs)]

    def result(self) -> Sweep:
        """Return the sweep so far."""
        return self._result_type(self._asked, self.runs)

    def put(self, run: Run) -> None:
        """Replace the run of the same row."""
        self._runs[run.index] = run

    def answer(self, at_once: int, on_progress: OnProgress, on_run: OnRun | None) -> None:
        """Execute the runs."""

        def done(exchange: Exchange) -> None:
            self._done(exchange)
            if on_run is not None:
                on_run(self._runs[self._cells[exchange].index])

        def grown(exchange: Exchange) -> None:
            if on_run is not None:
                on_run(Run.under_way(self._cells[exchange], exchange))

        if on_run is not None:
            for run in self.runs:
                on_run(run)
        runner = Runner(
            list(self._cells),
            at_once=at_once,
            on_done=done,
            on_progress=on_progress,
            on_growth=None if on_run is None else grown,
            skip=self._is_known_refused,
        )
        try:
            runner.run()
        finally:
            for exchange in self._cells.keys() - self._taken:
                self._take(exchange)

    def _done(self, exchange: Exchange) -> None:
        run = self._take(exchange)
        if run.status == "complete":
            self._answered.add(run.params.model)
            if self._function is not None:
                self.put(scored(run, self._function))
        elif isinstance(run.error, PromptError):  # the guard refuses all runs alike
            raise run.error
        elif isinstance(run.error, (AuthenticationFailed, QuotaExceeded)):
            self._refused.setdefault(run.params.model, run.error)

    def _take(self, exchange: Exchange) -> Run:
        """Convert an exchange to its run, store it and charge its cost."""
        run = Run.of(self._cells[exchange], exchange)
        if run.status == "not run":
            reason = self._reason(exchange)
            run = run if not reason else replace(run, error=NbchatError(reason))
        self.put(run)
        self._asked.session.charge(exchange)
        self._taken.add(exchange)  # last, so that an interrupt before this loses nothing
        return run

    def _reason(self, exchange: Exchange) -> str:
        """Why a run was not sent; empty if the sweep ended before it."""
        params = exchange.ask.params
        if (refusal := self._refused.get(params.model)) is not None:
            return f"Not sent, because an earlier run was refused: {refusal}"
        known = process.capabilities.refused(exchange.ask.endpoint.base_url, params.model or "")
        words = next((reason for name, reason in known.items() if getattr(params, name, None) is not None), "")
        return words and f"Not sent, because the server refuses this for the model: {words}"

    def _is_known_refused(self, exchange: Exchange) -> bool:
        """Whether the request is known to be refused, so that it is not sent.

        True if its model refused the key or account and never answered, or refuses one of the parameters.
        """
        model = exchange.ask.params.model
        if model in self._refused and model not in self._answered:
            return True
        known = process.capabilities.refused(exchange.ask.endpoint.base_url, model or "")
        return any(getattr(exchange.ask.params, name, None) is not None for name in known)
