"""`%%chat --each --dry-run`: the first row's request, and the size of all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from nbchat.api.prices import listed_price
from nbchat.cells.compose import Composed
from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.display.footer import cost_text
from nbchat.frontend import Session
from nbchat.magics.dry_run import dry_run_bundles
from nbchat.rows.form import Form
from nbchat.rows.parquet_source import ParquetSource
from nbchat.rows.source import Source, source_of
from nbchat.rows.template import MissingValue, Row, Template
from nbchat.store.opening import journal
from nbchat.values.answer.usage import prompt_tokens
from nbchat.values.errors import PromptError
from nbchat.values.messages import Content, Message
from nbchat.values.wording import pluralize

__all__ = ["plan_bundles"]

MOST_MEASURED = 1000
"""Rows whose requests are measured; the size of all is projected from them."""

OF_THE_RUN = ("pilot", "concurrency", "budget", "out", "repeat", "cache", "names")
"""Options that say nothing about a row's request."""


def plan_bundles(session: Session, data: Any, template: str, options: Mapping[str, Any]) -> list[Bundle]:
    """Return the outputs of a dry run. Raises what `map` raises before it sends anything."""
    if isinstance(data, Iterator):
        raise PromptError(
            "The rows of an iterator are read only when they are asked, so a dry run has none to show. Nothing was sent."
        )
    source = source_of(data)
    parsed = Template.of(template, source.columns, single=source.single, names=options.get("names") or {})
    form = Form.of(session, {name: value for name, value in options.items() if name not in OF_THE_RUN})
    form.check(source, parsed)
    total, repeat = source.total or 0, options.get("repeat", 1)
    measured = _Measured()
    for row in _spaced(source, parsed, max(1, -(-total // MOST_MEASURED))):
        measured.add(form, parsed, row)
    contents, problem = measured.contents, measured.problem
    if not contents:
        return [chrome.line(f"dry run: nothing was sent · {problem or 'no row has all the fields of the template'}")]
    facts = [f"dry run: {pluralize(total, 'row')}" + (f", each asked {repeat} times" if repeat > 1 else "")]
    if len(contents) < measured.rows:
        why = "a field is missing" if not problem else f"a field is missing, or: {problem}"
        facts.append(f"about {1 - len(contents) / measured.rows:.0%} are not asked ({why})")
    facts += _sizes(form, measured.tokens, round(total * len(contents) / measured.rows) * repeat)
    if (known := _stored(form, contents)) and options.get("cache", True):
        facts.append(
            f"{known:,} of {len(contents):,} are answered already"
            if len(contents) == total
            else "some are answered already"
        )
    first = replace(form.ask, message=Message("user", contents[0]))
    return [chrome.line(facts), *dry_run_bundles(first, Composed(first.message))]


class _Measured(Struct):
    """What some rows would send: their messages, and the tokens of the requests (None = unknown, because of images)."""

    rows: int = 0
    contents: list[Content] = field(default_factory=list)
    tokens: list[int | None] = field(default_factory=list)
    problem: str = ""
    """Why the first row that the run would fail can't be asked; empty = there is none."""

    def add(self, form: Form, template: Template, row: Row) -> None:
        """Count a row; one that would not be asked has no message."""
        self.rows += 1
        try:
            content = template.content(row)
            written = form.written(content)
        except MissingValue:
            return
        except PromptError as error:
            self.problem = self.problem or str(error)
            return
        self.contents.append(content)
        self.tokens.append(prompt_tokens(written.body))


def _spaced(source: Source, template: Template, step: int) -> Iterator[Row]:
    """Read each `step`th row. A file's rows are read in order, those of other sources are looked up."""
    if isinstance(source, ParquetSource):
        rows = source.rows(template.fields, whole=template.whole)
        return (row for _, row in itertools.islice(rows, 0, None, step))
    places = range(0, source.total or 0, step)
    return (source.at(place, template.fields, whole=template.whole) or {} for place in places)


def _sizes(form: Form, tokens: Sequence[int | None], requests: int) -> list[str]:
    """Say how many tokens and dollars so many requests like these take."""
    ask = form.ask
    known = [count for count in tokens if count is not None]
    if len(known) < len(tokens):
        return ["of unknown size (images)"]
    prompt = round(sum(known) / len(known) * requests)
    limit = ask.params.most_tokens
    completion = None if limit is None else limit * requests
    cost = listed_price(ask.endpoint, ask.params.model, prompt, completion or 0)
    answers = "answers of unknown length" if completion is None else f"at most {completion:,} tokens of answers"
    most = "about" if completion is None else "at most"
    price = "cost unknown" if cost is None else f"{most} {cost_text(cost)}" if cost else "no cost"
    return [
        f"~{prompt:,} tokens of prompts",
        answers,
        price + (" for the prompts" if cost and completion is None else ""),
    ]


def _stored(form: Form, contents: Sequence[Content]) -> int:
    """How many of these rows the journal has answers to."""
    file = journal()
    if file is None or not file.exists():
        return 0
    return len({name for name, number in file.rows.find([form.name(content) for content in contents]) if number == 0})
