"""`map`: send one prompt for each row of a table, concurrently, and return the answers in the table's type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.rows.details import Details
from nbchat.rows.form import Form
from nbchat.rows.keeping import Keeping
from nbchat.rows.outcome import Outcome
from nbchat.rows.result import result_of
from nbchat.rows.run import Progress, Run
from nbchat.rows.source import Source, source_of
from nbchat.rows.template import Template
from nbchat.values.errors import Interrupted, ParameterError
from nbchat.values.plural import pluralize

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["MapInterrupted", "map_rows"]


class MapInterrupted(Interrupted):
    """The user stopped a run: `.result` has every row that had ended; the others are missing, with "not sent"."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


def map_rows(
    session: Session,
    data: Any,
    template: str,
    *,
    schema: Any = None,
    concurrency: int | None = None,
    cache: bool = True,
    repeat: int = 1,
    retries: int | None = None,
    names: Mapping[str, object] | None = None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    on_row: Callable[[int, Outcome], None] | None = None,
    **options: Any,
) -> Any:
    """Send `template`, filled in for each row of `data`, and return the answers in its order, index and type."""
    _check_count("repeat", repeat, 1)
    most = None if concurrency is None else _check_count("concurrency", concurrency, 1)
    policy = RetryPolicy() if retries is None else RetryPolicy(tries=_check_count("retries", retries, 0) + 1)
    source = source_of(data)
    parsed = Template.of(template, source.columns, single=source.single, names=names or {})
    if schema is not None:
        options["schema"] = schema
    maker = _Maker(session, source, parsed, cache, most, repeat, policy, on_progress, on_row)
    return maker.run(options)


class _Maker(Struct, frozen=True):
    """Runs the same rows once and, for `retry`, again."""

    session: Session
    source: Source
    template: Template
    cache: bool
    most: int | None
    repeat: int
    retries: RetryPolicy
    on_progress: Callable[[Progress], None]
    on_row: Callable[[int, Outcome], None] | None

    def run(self, options: Mapping[str, Any], after: Run | None = None) -> Any:
        """Ask all rows, or those without an answer `after` another run. Raises as `map_rows`."""
        form = Form.of(self.session, options)
        form.check(self.source, self.template)
        keeping = Keeping(reads=self.cache)
        run = Run(
            self.source,
            self.template,
            form,
            keeping,
            most=self.most,
            repeat=self.repeat,
            retries=self.retries,
            after=after,
            on_progress=self.on_progress,
            on_row=self.on_row,
        )
        try:
            run.execute()
        except KeyboardInterrupt:
            raise MapInterrupted(f"Stopped: {_kept(run)}", self._result(run, keeping, options)) from None
        result = self._result(run, keeping, options)
        if (stopped := run.stopped) is not None:
            stopped.args = (f"{stopped} {_kept(run)}",)
            stopped.result = result
            raise stopped
        return result

    def _result(self, run: Run, keeping: Keeping, options: Mapping[str, Any]) -> Any:
        outcomes = run.all_outcomes()
        details = Details(
            outcomes,
            self.template.text,
            run.form.ask.params.to_dict(),
            usage=run.tally.usage,
            cost=run.tally.cost,
            requests=run.tally.requests,
            seconds=run.seconds,
            run=keeping.run,
            again=lambda **changed: self.run({**options, **changed}, run),
        )
        return result_of(self.source, outcomes, run.form.schema, details)


def _kept(run: Run) -> str:
    """Return a sentence on how many rows are answered."""
    done = sum(outcome.status == "complete" for outcome in run.outcomes.values())
    count = run.source.total or run.read
    return f"{done:,} of {pluralize(count, 'row')} {'is' if done == 1 else 'are'} answered and kept."


def _check_count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ParameterError(f"{name} must be a whole number of at least {least}; got {value!r}.")
    return value
