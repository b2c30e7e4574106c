"""Read a row's answer: the value, or why it is missing, and the next request if the answer does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from nbchat.conversation.schemas import fitting
from nbchat.conversation.schemas.converters import Misfit
from nbchat.conversation.schemas.schema import Schema
from nbchat.rows.dispatcher import Done, Job
from nbchat.rows.form import Form
from nbchat.rows.outcome import Answer, Outcome
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import NbchatError, PromptError, SchemaError
from nbchat.values.messages import Message
from nbchat.values.request import Request

__all__ = ["Reader", "majority"]


class Reader:
    """Reads the answers to a form's requests."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._endpoint, self._model = form.ask.endpoint.base_url, form.ask.params.model

    def read(self, done: Done) -> tuple[Outcome, Job | None]:
        """Return a request's outcome, and the request to send next instead of failing; None = none."""
        job, schema = done.job, self._form.schema
        if done.error is not None or done.answer is None:
            outcome = Outcome("failed", error=done.error, answer=done.answer)
            if schema is None or job.in_words is True or not fitting.is_format_refused(done.error):
                return outcome, None
            again = self._again(job, in_words=True)
            return outcome, None if again is None else replace(again, refusal=done.error)
        if job.refusal is not None:
            fitting.learn_format(self._endpoint, self._model, str(job.refusal))
        outcome = self.outcome(done.answer)
        misfit = None if outcome.error is None else outcome.error.__cause__
        if schema is None or not isinstance(misfit, Misfit):
            if job.misfit is not None and outcome.status == "complete":
                fitting.note_ignored(job.misfit, Request("", job.written.body), self._endpoint, self._model)
            return outcome, None
        if job.misfit is not None:
            sentence = f"The answer does not fit the schema, even after asking again: {misfit}."
            return replace(outcome, error=SchemaError(sentence)), None
        again = self._again(job, fitting.corrections(schema, _reply(done.answer), misfit))
        return outcome, None if again is None else replace(again, misfit=misfit)

    def outcome(self, answer: Answer, *, stored: bool = False) -> Outcome:
        """Return the outcome of an answer: its text, or the value that the schema reads from it."""
        schema = self._form.schema
        if schema is None:
            if answer.text:
                return Outcome("complete", answer.text, None, answer, stored)
            return Outcome("failed", None, NbchatError(_why_empty(answer)), answer, stored)
        try:
            return Outcome("complete", _fitted(schema, answer), None, answer, stored)
        except Misfit as misfit:
            error = SchemaError(f"The answer does not fit the schema: {misfit}.")
            error.__cause__ = misfit
        except SchemaError as refusal:
            error = refusal
        return Outcome("failed", None, error, answer, stored)

    def _again(self, job: Job, more: Sequence[Message] = (), *, in_words: bool | None = None) -> Job | None:
        """Return the job that asks again after another one; None = it must not be sent."""
        in_words = job.in_words if in_words is None else in_words
        try:
            written = self._form.written(job.content, more, in_words=in_words)
        except PromptError:
            return None
        return replace(job, written=written, in_words=in_words)


def majority(repeats: Sequence[Outcome]) -> Outcome:
    """Return the outcome of a row's repeats: the most frequent value, the earliest of several."""
    if len(repeats) == 1:
        return repeats[0]
    complete = [outcome for outcome in repeats if outcome.status == "complete"]
    if not complete:
        return repeats[-1]
    keys = [repr(outcome.value) for outcome in complete]
    (chosen, count), *_ = Counter(keys).most_common(1)
    values = tuple(outcome.value for outcome in complete)
    stored = all(outcome.stored for outcome in repeats)
    best = complete[keys.index(chosen)]
    return replace(best, stored=stored, agreement=count / len(complete), values=values)


def _fitted(schema: Schema, answer: Answer) -> object:
    return fitting.fitted(schema, _reply(answer))


def _reply(answer: Answer) -> Reply:
    """Return the answer as a reply, for functions that read values from one."""
    return Reply((Choice(0, answer.text, answer.finish, refusal=answer.refusal),))


def _why_empty(answer: Answer) -> str:
    if answer.refusal:
        return f"The model refused to answer: {answer.refusal[:300]}"
    if answer.finish == "length":
        return "The answer reached the token limit before any text: allow more with max_tokens."
    if answer.finish == "content_filter":
        return "The server's content filter withheld the answer."
    return "The answer is empty."
