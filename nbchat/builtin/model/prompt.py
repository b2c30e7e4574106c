"""Interpret a request's messages for the model: tokens, relevant passages, and statements about itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from msgspec import Struct

from nbchat.builtin.http.chat_messages import Message
from nbchat.builtin.http.refusal import Refusal
from nbchat.builtin.http.request import Request
from nbchat.builtin.model import persona
from nbchat.builtin.model.answer import Answer
from nbchat.builtin.model.material import Material
from nbchat.builtin.model.models import CONTEXT_WINDOW, Learned
from nbchat.builtin.model.relevance import terms
from nbchat.builtin.model.tokenizer import END, ROLES

__all__ = ["Prompt", "read_prompt"]

_IMPORTANCE = {"user": 0.3, "system": 0.15, "developer": 0.15, "tool": 0.1, "assistant": 0.05}
"""The weight of a word in an earlier message; decreases with each later turn."""
_FADING = 0.6
_SAID_ALREADY = 0.02
_ENOUGH = 0.35


class Prompt(Struct, frozen=True):
    """A prompt for the model: `tokens` is its length, `left` the most tokens of an answer."""

    tokens: int
    left: int
    weights: Sequence[float]
    notes: Sequence[str]
    closing: bool
    begun: Sequence[int]
    """Tokens of an answer to continue: the last message if it is the assistant's."""

    def answer(self, learned: Learned, model: str) -> Answer:
        """Start an answer to this prompt."""
        answer = learned.answer(model, self.weights, self.notes, closing=self.closing)
        for token in self.begun:
            answer.take(token)
        return answer

    def material(self, messages: Sequence[Message], learned: Learned) -> Material:
        """Return the values for JSON: words of the user's last message, sentences of the best passages."""
        text = next((message.text for message in reversed(messages) if message.role == "user"), "")
        best = sorted(range(len(self.weights)), key=lambda i: -self.weights[i])[:4]
        sentences = [_first_sentence(learned.passages[i].text) for i in best]
        return Material(text, [sentence for sentence in sentences if sentence])


def _first_sentence(text: str) -> str:
    """The first sentence of plain words, or ""."""
    match = re.search(r"(?:^|(?<=\. )|(?<=\n))([A-Z][^\n`]{20,180}?\.)(?=\s|$)", text)
    return match[1] if match else ""


def read_prompt(request: Request, learned: Learned) -> Prompt:
    """Return the prompt of a request. Raises Refusal if it exceeds the context window."""
    tokens = sum(1 for _ in islice(_render(request, learned), CONTEXT_WINDOW + 1))
    if tokens >= CONTEXT_WINDOW:
        message = (
            f"This model's context window is {CONTEXT_WINDOW} tokens, and the messages alone need "
            f"{'more' if tokens > CONTEXT_WINDOW else 'all of them'}."
        )
        raise Refusal(message, param="messages", code="context_length_exceeded")
    left = CONTEXT_WINDOW - tokens
    messages = request.messages
    scores = _scores(messages, learned)
    notes = _notes(messages, matched=bool(scores) and _is_known(messages[-1].text, learned))
    spoken = any(message.role == "assistant" for message in messages)
    begun = learned.tokenizer.encode(messages[-1].text) if messages[-1].role == "assistant" else []
    return Prompt(
        tokens=tokens,
        left=left if request.max_tokens is None else min(left, request.max_tokens),
        weights=learned.relevance.weights({} if notes else scores),
        notes=notes,
        closing=not spoken and not notes and request.schema is None,
        begun=begun,
    )


def _render(request: Request, learned: Learned) -> Iterator[int]:
    """Yield the tokens of the whole prompt in the model's chat template."""
    encode = learned.tokenizer.stream
    for tool in request.tools:
        yield ROLES["system"]
        yield from encode(json.dumps([tool.name, tool.description, tool.parameters], ensure_ascii=False))
        yield END
    for message in request.messages:
        yield ROLES[message.role]
        yield from encode(message.text)
        for _, name, arguments in message.calls:
            yield from encode(f"{name}({arguments})")
        yield END
    yield ROLES["assistant"]


def _scores(messages: Sequence[Message], learned: Learned) -> dict[int, float]:
    words: list[tuple[str, float]] = []
    users = [i for i, message in enumerate(messages) if message.role == "user"]
    for i, message in enumerate(messages):
        turns_since = sum(1 for user in users if user > i)
        importance = _IMPORTANCE[message.role] * _FADING**turns_since
        if users and i == users[-1]:
            importance = 1.0
        words += [(term, importance) for term in dict.fromkeys(terms(message.text))]
    scores = learned.relevance.scores(words)
    answers = "\n".join(message.text for message in messages[:-1] if message.role == "assistant")
    if answers:
        for number in scores:
            if learned.passages[number].text[:60] in answers:
                scores[number] *= _SAID_ALREADY
    return scores


def _is_known(text: str, learned: Learned) -> bool:
    """Whether the corpus covers the terms of a message; a message without terms defers to the others."""
    wanted = terms(text)
    return not wanted or learned.relevance.coverage(wanted) >= _ENOUGH


def _notes(messages: Sequence[Message], *, matched: bool) -> list[str]:
    """Texts that this answer quotes: tool results, or statements about the model if asked or out of its depth."""
    last = messages[-1]
    if last.role == "tool":
        names = {call[0]: call[1] for message in messages for call in message.calls}
        results = list(takewhile(lambda message: message.role == "tool", reversed(messages)))
        return persona.echo([(names.get(str(result.answers), "?"), result.text) for result in reversed(results)])
    if last.role == "user" and persona.asks_about_model(last.text):
        return persona.about(last.text, quote=False)
    if not matched and last.role != "assistant":
        return persona.about(last.text, quote=True)
    return []
