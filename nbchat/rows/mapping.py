"""`map`: send one prompt for each row of a table, concurrently, and return the answers in the table's type."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.data.tables.table import library
from nbchat.rows.budgets import Budgets, budget_of
from nbchat.rows.form import Form
from nbchat.rows.outcome import Outcome
from nbchat.rows.parquet_source import is_file
from nbchat.rows.pilot import Projection, Sample
from nbchat.rows.progress import Progress
from nbchat.rows.results.details import Details
from nbchat.rows.results.result import result_of
from nbchat.rows.results.sink import MappedFile, ParquetSink
from nbchat.rows.run import Run, RunOptions
from nbchat.rows.source import Source, source_of
from nbchat.rows.storage import Storage
from nbchat.rows.template import Template
from nbchat.rows.versions import column_versions
from nbchat.store.ledger.budget import Budget
from nbchat.values.arguments import checked
from nbchat.values.errors import Interrupted, NbchatError, ParameterError
from nbchat.values.numbers import whole_number
from nbchat.values.wording import pluralize

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["MapInterrupted", "map_rows"]


class MapInterrupted(Interrupted):
    """The user stopped a run: `.result` has the rows that had ended; the others are missing, "not sent"."""

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


@checked
def map_rows(
    session: Session,
    data: Any,
    template: str,
    *,
    schema: Any = None,
    concurrency: int | None = None,
    budget: Budget | str | float | None = None,
    cache: bool = True,
    pilot: int | None = None,
    out: Any = None,
    repeat: int = 1,
    retries: int | None = None,
    names: Mapping[str, object] | None = None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    on_row: Callable[[int, Outcome], None] | None = None,
    **options: Any,
) -> Any:
    """Send `template`, filled in for each row of `data`, and return the answers in its order, index and type.

    `data` is any data frame or column that narwhals knows, a list, or an iterator, which is read as it goes. The fields of
    the template are columns (`{comment}`, `{price:.2f}`); `{item}` is the value of a list or column, `{row['Total sales']}`
    any column. `names` are live values that it may use too. With a `schema` (see `Schema.of`) the answers are values; a
    schema of several columns gives a frame. Rows neither read nor join the session's history. `options` are those of
    `Session.ask`: parameters, `system`, `timeout`, …

    A row whose field is missing is not asked, and its answer is missing. A row that fails, after its `retries` (None = 4),
    is missing with a reason: `.errors()` of the result lists them, `.retry()` asks them again. Answered rows are journalled
    as they come; with `cache`, rows whose request was answered before are not sent again, and equal rows are asked once.
    `repeat` asks each row several times and takes the majority. At most `concurrency` requests run at once, None = as many
    as the server takes. `budget` (such as 0.50 or "20k tokens") ends the run before it would be crossed.

    Rows that don't fit into memory: `data` may be the path of a Parquet file (or an open one), and `out` is the path of one for
    the rows with their answers, written as they end; memory holds some thousand rows. Its result has `.errors()` and `.retry()`.

    Of a Dask frame or column, a lazy one of the answers is returned: see `nbchat.rows.cluster`.

    `on_progress` and `on_row` are described at `RunOptions`. Raises PromptError, ParameterError, ConfigError and GuardError
    before anything is sent; MapInterrupted; AuthenticationFailed, QuotaExceeded, BudgetExceeded and errors that every row
    would meet. All that end a run under way have the `.result` so far.

    ```python
    df["label"] = map_rows(session, df["comment"], "Is this a complaint? {comment}", schema="label: yes|no")
    ```
    """
    most = None if concurrency is None else whole_number("concurrency", concurrency)
    if library(data) == "dask":
        from nbchat.rows.cluster import map_partitions

        given: dict[str, Any] = {"concurrency": most, "budget": budget, "retries": retries, "names": names}
        given |= {"schema": schema, "cache": cache, "repeat": repeat, "pilot": pilot, "out": out, **options}
        wanted = {name: value for name, value in given.items() if value is not None}
        return map_partitions(session, data, template, map_rows, **wanted)
    source = source_of(data)
    parsed = Template.of(template, source.columns, single=source.single, names=names or {})
    run = RunOptions(
        most,
        whole_number("repeat", repeat),
        RetryPolicy() if retries is None else RetryPolicy(tries=whole_number("retries", retries, 0) + 1),
        on_progress,
        on_row,
    )
    settings = {**options, "schema": schema} if schema is not None else options
    size = None if pilot is None else whole_number("pilot", pilot)
    if out is None and is_file(data) and size is None:
        raise ParameterError("Rows of a file go into a file: give its path as out=.")
    return _Mapping(session, source, parsed, run, settings, budget_of(budget), cache, data, out).result(pilot=size)


class _Mapping(Struct, frozen=True):
    """A call of `map`, to be run once, or again for the rows without an answer."""

    session: Session
    source: Source
    template: Template
    how: RunOptions
    options: Mapping[str, Any]
    budget: Budget | None
    cache: bool
    data: Any
    out: Any

    def result(self, after: Run | None = None, redo: Collection[int] = (), pilot: int | None = None) -> Any:
        """Run, and return the result. Raises as `map_rows`."""
        form = Form.of(self.session, self.options)
        form.check(self.source, self.template)
        storage = Storage(self.session, form, reads=self.cache)
        budgets = Budgets(self.session, form, storage.tally, self.budget)
        sample = None if pilot is None else Sample.of(self.source, self.template, form, storage, pilot)
        only = None if sample is None else sample.positions
        sink = None if self.out is None or sample is not None else ParquetSink(self.out, self.source, form.schema)
        how = replace(self.how, sink=sink)
        run = Run(self.source, self.template, form, storage, budgets, how, after=after, redo=redo, only=only)
        self.session.watch(run)
        about: dict[str, Any] = {"template": self.template.text, "requests_of": form.common}
        about |= {"params": form.ask.params.to_dict(), "server": form.ask.endpoint.title}
        storage.note({**about, "status": "running"})
        path = None
        try:
            run.execute()
            path = None if sink is None or run.stopped is not None else sink.close()
        except KeyboardInterrupt:
            sentence = f"Stopped: {_summary(run, kept=sink is None or storage.keeps)}"
            raise MapInterrupted(sentence, self._result(run, storage, about, sample, sink)) from None
        except NbchatError as error:  # the file can't be written
            run.stopped = error
        finally:
            if sink is not None:
                sink.discard()
        try:
            result = self._result(run, storage, about, sample, sink, path)
        except KeyboardInterrupt:
            sentence = f"Stopped at the end: {_summary(run, kept=sink is None or storage.keeps)}"
            raise MapInterrupted(sentence, self._result(run, storage, about, sample, sink, path)) from None
        if (stopped := run.stopped) is not None:
            stopped.args = (f"{stopped} {_summary(run, kept=sink is None or storage.keeps)}",)
            stopped.result = result
            raise stopped
        return result

    @checked
    def again(self, after: Run | None, disagreeing: bool = False, **changed: Any) -> Any:
        """Run again after a run, for the rows without an answer, and those whose repeats disagree: twice as often by default."""
        most = changed.pop("concurrency", self.how.most)
        how = replace(
            self.how,
            most=most if most is None else whole_number("concurrency", most),
            repeat=whole_number("repeat", changed.pop("repeat", self.how.repeat * (1 + disagreeing))),
        )
        budget = budget_of(changed.pop("budget")) if "budget" in changed else self.budget
        known = {} if after is None or not disagreeing else after.outcomes.ended
        redo = [place for place, one in known.items() if (one.agreement or 1.0) < 1.0]
        anew = replace(self, how=how, budget=budget, options={**self.options, **changed})
        return anew.result(after, redo)

    def anew(self, **changed: Any) -> Any:
        """Run all of it again, into the same file: what is stored is not sent again."""
        source = source_of(self.data)
        return replace(self, source=source, cache=True).again(None, **changed)

    def _result(
        self,
        run: Run,
        storage: Storage,
        about: Mapping[str, Any],
        sample: Sample | None,
        sink: ParquetSink | None,
        path: Any = None,
    ) -> Any:
        if sink is not None:
            sink.outcomes.end(run.count, run.not_sent)
        outcomes = run.all_outcomes() if sink is None else sink.outcomes
        pilot = None
        if sample is not None:
            pilot = Projection.of(outcomes, sample, self.source.total, self.how.repeat, run.at_once)
        notices = [f"{pluralize(run.cut, 'answer')} reached the token limit"] if run.cut else []
        if sink is not None and sink.too_large:
            notices.append(f"{pluralize(sink.too_large, 'value')} too large for the file's columns: see answer_error")
        details = Details(
            outcomes,
            {**about, "run": storage.run},
            usage=storage.tally.usage,
            cost=storage.tally.cost,
            requests=storage.tally.requests,
            seconds=run.seconds,
            again=self.anew if self.out is not None else functools.partial(self.again, run),
            versions=functools.partial(column_versions, self.session, self.source, run.form, self.template.given),
            pilot=pilot,
            notices=[*notices, *filter(None, [storage.warning()])],
        )
        storage.note({**about, **details.figures})
        if sink is not None:
            return MappedFile(path, details)
        return result_of(self.source, outcomes, run.form.schema, details)


def _summary(run: Run, *, kept: bool) -> str:
    """Return a sentence on how many rows are answered, and whether the result or the journal has the answers."""
    verb = "is" if 1 in (run.answered, run.count) else "are"
    end = " and kept" if kept else ", and not kept, since there is neither a file of them nor a journal"
    return f"{run.answered:,} of {pluralize(run.count, 'row')} {verb} answered{end}."
