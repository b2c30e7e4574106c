"""The versions of a column of answers: the prompts that its rows were asked with, and their answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from nbchat.rows.form import Form, request_name
from nbchat.rows.outcome import Answer, Outcome
from nbchat.rows.reading import Reader, majority
from nbchat.rows.results.details import Details
from nbchat.rows.results.past_runs import past_runs
from nbchat.rows.results.result import result_of
from nbchat.rows.source import Source
from nbchat.rows.template import MissingValue, Template
from nbchat.store.opening import journal
from nbchat.store.rows import RunRow
from nbchat.tuning.statistics import finite
from nbchat.values.answer.usage import UNKNOWN
from nbchat.values.errors import NbchatError, PromptError
from nbchat.values.wording import dollars

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["Version", "column_versions"]

MOST = 50
"""Most versions, the latest ones."""

NOT_STORED = Outcome("not sent", error=NbchatError("There is no stored answer to this row with this prompt."))


class Version(Struct, frozen=True):
    """A prompt with its settings. `time` is when it was first asked, in local time; `cost` is in US dollars, None = unknown.

    `result` has the stored answers, in the type of the column.
    """

    time: str
    template: str
    params: Mapping[str, Any]
    cost: float | None
    result: Any

    def __repr__(self) -> str:
        cost = "cost unknown" if self.cost is None else dollars(self.cost, 4)
        answered = f"{self.result.details.count('complete'):,} of {len(self.result.details.outcomes):,} rows answered"
        return f"<Version {self.time}: {self.template!r:.100}, {answered}, {cost}>"


def column_versions(session: Session, source: Source, form: Form, names: Mapping[str, object]) -> list[Version]:
    """Return the versions of the answers to these rows, read as those of `form`. Raises SessionError."""
    if source.total is None or not hasattr(source.native, "__len__"):
        return []
    runs: dict[tuple[str, str], list[RunRow]] = {}
    for run in past_runs(session):
        key = run.about.get("requests_of"), run.about.get("template")
        if isinstance(key[0], str) and isinstance(key[1], str):
            runs.setdefault((key[0], key[1]), []).append(run)
    found = (_version(source, form, names, common, several) for (common, _), several in list(runs.items())[-MOST:])
    return [version for version in found if version is not None]


def _version(
    source: Source, form: Form, names: Mapping[str, object], common: str, runs: Sequence[RunRow]
) -> Version | None:
    """Return the version that these runs made; None = there is no stored answer to these rows."""
    about = runs[0].about
    try:
        template = Template.of(about["template"], source.columns, single=source.single, names=names)
    except PromptError:  # of other rows
        return None
    outcomes = list(_outcomes(source, template, form, common))
    if not any(outcome.status == "complete" for outcome in outcomes):
        return None
    costs = finite(run.about.get("cost") for run in runs)
    cost = sum(costs) if costs else None
    details = Details(outcomes, about, usage=UNKNOWN, cost=cost, requests=0, seconds=0.0)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(runs[0].at))
    result = result_of(source, outcomes, form.schema, details)
    return Version(when, template.text, dict(about.get("params") or {}), cost, result)


def _outcomes(source: Source, template: Template, form: Form, common: str) -> Iterator[Outcome]:
    """Yield the stored outcome of each row."""
    asked: list[str | Outcome] = []
    for _, row in source.rows(template.fields, whole=template.whole):
        try:
            asked.append(request_name(common, template.content(row)))
        except MissingValue as missing:
            asked.append(Outcome("skipped", error=NbchatError(f"Not asked: {missing} is missing.")))
        except PromptError as error:
            asked.append(Outcome("failed", error=error))
    file = journal()
    found = Answer.stored({} if file is None else file.rows.find([name for name in asked if isinstance(name, str)]))
    reader = Reader(form)
    answers: dict[str, list[Outcome]] = {}
    for (name, _), answer in sorted(found.items(), key=lambda one: one[0]):
        answers.setdefault(name, []).append(reader.outcome(answer, stored=True))
    for one in asked:
        yield one if isinstance(one, Outcome) else majority(answers[one]) if one in answers else NOT_STORED
