"""Score answers over rows by a function or a judge's prompt, which may use the truth."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from nbchat.rows.evaluation.grading import Graded
from nbchat.rows.outcome import Answer as RowAnswer
from nbchat.tuning.judge import GRADER, SCHEMA, Answer, Score, check_score, judged, score_by
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import ServerError
from nbchat.values.params import PARAMETERS

__all__ = ["JUDGED", "JudgePrompt", "ScoreFunction", "scorer_of"]

JUDGED = ("answer", "truth")
"""What a judge's prompt may name beside the columns."""

MapRows = Callable[..., Sequence[Any]]
"""Asks a prompt for each of several records and returns the outcomes."""


class Scored(Struct, frozen=True):
    """What a scorer gets for an answer: the row, the grade so far, the answer's `data` under a schema, and the truth."""

    item: Any
    grade: Graded
    data: Any
    truth: Any
    answer: RowAnswer | None


class ScoreFunction(Struct, frozen=True):
    """Scores by a function of the answer, or of the answer and the truth.

    The answer is its data if there is a schema, else a text that also has the attributes of a reply.
    """

    function: Callable[..., Any]
    with_truth: bool

    @classmethod
    def of(cls, function: Callable[..., Any]) -> ScoreFunction:
        """Inspect the function's parameters: a required second one, or one called "truth", gets the truth."""
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):  # a built-in without a signature
            return cls(function, False)
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        second = positional[1:2]
        return cls(function, any(p.default is p.empty or p.name == "truth" for p in second))

    def __call__(self, answers: Sequence[Scored], ask: MapRows) -> list[Graded]:
        """Return the grades with their scores."""
        return [_scored(one.grade, score_by(self.function, *self._arguments(one))) for one in answers]

    def _arguments(self, one: Scored) -> list[Any]:
        given = one.data if one.data is not None else _answer_text(one)
        return [given, one.truth] if self.with_truth else [given]


class JudgePrompt(Struct, frozen=True):
    """Scores by a judge: a model that is asked a prompt with `{answer}`, `{truth}`, and any column of the rows.

    Its answers are journalled like those to rows. It is asked for JSON, and without if the server refuses that.
    """

    prompt: str
    model: str | None
    where: Mapping[str, Any]

    @classmethod
    def of(cls, prompt: str, model: str | None, options: Mapping[str, Any], *, truths: bool) -> JudgePrompt:
        """Append what the prompt does not mention: the answer and, if there are `truths`, the truth."""
        if not re.search(r"\{answer[}:!.\[]", prompt):
            prompt += ("\n\nThe truth: {truth}" if truths else "") + "\n\n{answer}"
        where = {name: options[name] for name in ("base_url", "key_env", "timeout") if name in options}
        return cls(prompt, model, where)

    @property
    def options(self) -> dict[str, Any]:
        """The options of its requests that no server refuses; the session's parameters are not sent."""
        unset = dict.fromkeys(name for name in PARAMETERS if name != "model")
        model = {"model": self.model} if self.model else {}
        return {**unset, **model, **self.where, "system": GRADER}

    def __call__(self, answers: Sequence[Scored], ask: MapRows) -> list[Graded]:
        """Return the grades with their scores. `ask` maps rows in the session."""
        records = [
            {
                **(one.item if isinstance(one.item, Mapping) else {"item": one.item}),
                "answer": f"<answer>\n{one.grade.answer}\n</answer>",
                "truth": "" if one.truth is None else str(one.truth),
            }
            for one in answers
        ]
        outcomes = list(ask(records, self.prompt, **{**self.options, "temperature": 0, "response_format": SCHEMA}))
        refused = [
            place
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome.error, ServerError) and outcome.error.status in (400, 422)
        ]
        if refused:
            again = ask([records[place] for place in refused], self.prompt, **self.options)
            for place, outcome in zip(refused, again, strict=True):
                outcomes[place] = outcome
        return [_judged(one.grade, outcome) for one, outcome in zip(answers, outcomes, strict=True)]


def _judged(grade: Graded, outcome: Any) -> Graded:
    if outcome.answer is None or outcome.status != "complete":
        return _scored(grade, Score(problem=f"the judge failed: {outcome.reason}"))
    return _scored(grade, judged(outcome.answer.text))


def _scored(grade: Graded, score: Score) -> Graded:
    error = score.problem and f"No score: {score.problem}"
    return replace(grade, value=score.value, quality=score.value, error=error)


def _answer_text(one: Scored) -> Answer:
    answer = one.answer
    if answer is None:
        return Answer.with_reply(one.grade.answer, Reply())
    choice = Choice(0, answer.text, answer.finish, refusal=answer.refusal)
    return Answer.with_reply(answer.text, Reply((choice,), usage=answer.usage, cost=answer.cost, model=answer.model))


def scorer_of(
    score: Any, model: str | None, options: Mapping[str, Any], *, truths: bool
) -> ScoreFunction | JudgePrompt | None:
    """Return the scorer; None = answers are compared with the truths. Raises ParameterError."""
    check_score(score)
    if isinstance(score, str):
        return JudgePrompt.of(score, model, options, truths=truths)
    return None if score is None else ScoreFunction.of(score)
