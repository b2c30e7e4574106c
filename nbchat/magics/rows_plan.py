"""`%%chat --each --dry-run`: the first row's request, and the size of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from nbchat.api.prices import listed_price
from nbchat.cells.compose import Composed
from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.display.footer import cost_text
from nbchat.frontend import Session
from nbchat.magics.dry_run import dry_run_bundles
from nbchat.rows.form import Form
from nbchat.rows.source import Source, source_of
from nbchat.rows.template import MissingValue, Template
from nbchat.store.opening import journal
from nbchat.values.answer.usage import Usage, prompt_tokens
from nbchat.values.errors import PromptError
from nbchat.values.messages import Content, Message
from nbchat.values.plural import pluralize

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
    places = range(0, total, max(1, -(-total // MOST_MEASURED)))
    contents = list(_contents(source, parsed, places))
    if not contents:
        return [chrome.line("dry run: nothing was sent · no row has all the fields of the template")]
    facts = [f"dry run: {pluralize(total, 'row')}" + (f", each asked {repeat} times" if repeat > 1 else "")]
    if len(contents) < len(places):
        facts.append(f"about {1 - len(contents) / len(places):.0%} lack a field and are not asked")
    facts += _sizes(form, contents, round(total * len(contents) / len(places)) * repeat)
    if (known := _stored(form, contents)) and options.get("cache", True):
        facts.append(
            f"{known:,} of {len(contents):,} are answered already"
            if len(contents) == total
            else "some are answered already"
        )
    first = replace(form.ask, message=Message("user", contents[0]))
    return [chrome.line(facts), *dry_run_bundles(first, Composed(first.message))]


def _contents(source: Source, template: Template, places: Sequence[int]) -> Iterator[Content]:
    """The messages of these rows; those that lack a field are left out."""
    for place in places:
        row = source.at(place, template.fields, whole=template.whole)
        try:
            yield template.content({**(row or {}), **template.given})
        except MissingValue:
            continue


def _sizes(form: Form, contents: Sequence[Content], requests: int) -> list[str]:
    """Say how many tokens and dollars so many requests like these take."""
    ask = form.ask
    counts = [prompt_tokens(form.written(content).body) for content in contents]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts):
        return ["of unknown size (images)"]
    prompt = round(sum(known) / len(known) * requests)
    limit = ask.params.max_completion_tokens or ask.params.max_tokens
    completion = None if limit is None else limit * requests
    cost = (
        0.0
        if ask.endpoint.is_own
        else listed_price(ask.endpoint, ask.params.model, Usage.estimated(prompt, completion or 0))
    )
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
