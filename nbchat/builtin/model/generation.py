"""Generate the answer to a request: one generator of pieces for each choice, advanced in turn."""

from __future__ import annotations

import codecs
import functools
import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from msgspec import Struct

from nbchat.builtin.http.refusal import Refusal
from nbchat.builtin.http.request import JSON_OBJECT, Request
from nbchat.builtin.model.material import Material
from nbchat.builtin.model.models import Learned
from nbchat.builtin.model.prompt import read_prompt
from nbchat.builtin.model.sampling import Distribution, Drawn, draw, pick
from nbchat.builtin.model.stopping import StopGate
from nbchat.builtin.model.tokenizer import END
from nbchat.builtin.model.tool_choice import chosen_tools
from nbchat.builtin.structured.filling import Filling, Writer, rehearse
from nbchat.builtin.structured.json_schema import Schema, SchemaError
from nbchat.builtin.structured.prompt_schema import asked_in_words

__all__ = ["CallPart", "Completion", "Piece"]


class Source(Protocol):
    """A source of token distributions."""

    def next(self) -> Distribution:
        """The distribution of the next token."""

    def take(self, token: int) -> None:
        """Append this token."""


class CallPart(Struct, frozen=True):
    """A part of tool call number `index`: its beginning (`id` and `name`), or more of its arguments."""

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


class Piece(Struct, frozen=True):
    """What one step adds to choice `index`: usually a token's text, possibly nothing yet, finally a `finish`."""

    index: int
    text: str = ""
    tokens: tuple[Drawn, ...] = ()
    call: CallPart | None = None
    finish: str | None = None


class Completion:
    """One request being answered.

    `completion_tokens` is the number of tokens generated so far over all choices; `calls` is whether it answers by
    calling tools.

    Raises Refusal if the prompt is too long.
    """

    def __init__(self, request: Request, learned: Learned) -> None:
        self.request = request
        self.completion_tokens = 0
        self._learned = learned
        self._prompt = read_prompt(request, learned)
        self._tools = [(tool, _schema(tool.parameters, "tools")) for tool in chosen_tools(request)]
        self._schema = None if request.schema is None else _schema(self._shape(request.schema), "response_format")
        self.prompt_tokens = self._prompt.tokens
        self.calls = bool(self._tools)
        self._rehearse()
        if self._schema is None and not self._tools:
            self._schema = self._schema_in_words()

    @functools.cached_property
    def _material(self) -> Material:
        """The values for JSON, read from the messages only for an answer that is JSON."""
        return self._prompt.material(self.request.messages, self._learned)

    def _schema_in_words(self) -> Schema | None:
        """The schema that the prompt describes in words; None = none, or one that can't be followed."""
        shape = asked_in_words(self.request.messages)
        if shape is None:
            return None
        try:
            schema = Schema(self._shape(shape))
            self._rehearse_one(schema)
        except SchemaError:
            return None
        return schema

    def _shape(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the schema; for an unrestricted JSON object, one with the keys that the message asks for."""
        if schema is not JSON_OBJECT:
            return schema
        keys = self._material.keys_asked() or ["topic", "answer"]
        return {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": keys}

    def _rehearse(self) -> None:
        """Generate the JSON once without sampling, so that an unsatisfiable schema is refused before the answer begins."""
        schemas = [(schema, "tools") for _, schema in self._tools]
        schemas += [(self._schema, "response_format")] if self._schema is not None and not self._tools else []
        for schema, param in schemas:
            try:
                self._rehearse_one(schema)
            except SchemaError as error:
                raise _invalid(error, param) from error

    def _rehearse_one(self, schema: Schema) -> None:
        rehearse(Writer(schema, self._material, lambda weights: pick(weights, 0, Random())))

    def steps(self) -> Iterator[tuple[Piece, ...]]:
        """Yield the answer step by step: one piece from each unfinished choice.

        Raises Refusal if a schema turns out to be unsatisfiable.
        """
        choices = [self._choice(index) for index in range(self.request.n)]
        try:
            while pieces := tuple(piece for choice in choices if (piece := next(choice, None)) is not None):
                yield pieces
        except SchemaError as error:
            raise _invalid(error, "tools" if self._tools else "response_format") from error

    def _choice(self, index: int) -> Iterator[Piece]:
        seed = self.request.seed
        random = Random() if seed is None else Random(f"{seed}/{index}")
        if self._tools:
            return self._calls(index, random)
        if self._schema is not None:
            return self._text(index, self._filling(self._schema, random), random)
        return self._text(index, self._prompt.answer(self._learned, self.request.model), random)

    def _filling(self, schema: Schema, random: Random) -> Filling:
        def choose(weights: Sequence[float]) -> int:
            return pick(weights, self.request.sampling.temperature, random)

        return Filling(Writer(schema, self._material, choose).script(), self._learned.tokenizer)

    def _calls(self, index: int, random: Random) -> Iterator[Piece]:
        """Yield a choice of tool calls: the name of each, then its arguments as they are generated."""
        left = self._prompt.left
        for number, (tool, schema) in enumerate(self._tools):
            name = len(self._learned.tokenizer.encode(tool.name))
            self.completion_tokens += min(name, left)
            left -= name
            if left <= 0:
                break
            yield Piece(index, call=CallPart(number, "", id=f"call_{uuid.uuid4().hex[:24]}", name=tool.name))
            shown = Shown(StopGate(()))
            for drawn in self._tokens(self._filling(schema, random), random, left):
                if drawn.token == END:
                    break
                left -= 1
                text, _ = shown.add(drawn, self._learned.tokenizer.bytes_of(drawn.token))
                yield Piece(index, call=CallPart(number, text))
            else:
                break
        else:
            yield Piece(index, finish="tool_calls")
            return
        yield Piece(index, finish="length")

    def _text(self, index: int, source: Source, random: Random) -> Iterator[Piece]:
        """Yield a choice of text, cut at the stop sequences."""
        gate = StopGate(self.request.stop)
        shown = Shown(gate)
        finish = "length"
        for drawn in self._tokens(source, random, self._prompt.left):
            if drawn.token == END:
                finish = "stop"
                break
            text, tokens = shown.add(drawn, self._learned.tokenizer.bytes_of(drawn.token))
            yield Piece(index, text, tokens)
            if gate.stopped:
                break
        text, tokens = shown.end()
        yield Piece(index, text, tokens, finish="stop" if gate.stopped else finish)

    def _tokens(self, source: Source, random: Random, limit: int) -> Iterator[Drawn]:
        """Yield tokens up to the limit or `<|end|>`, which is yielded but neither appended nor counted."""
        counts: dict[int, int] = {}
        for _ in range(limit):
            drawn = draw(source.next(), self.request.sampling, counts, random)
            if drawn.token != END:
                source.take(drawn.token)
                counts[drawn.token] = counts.get(drawn.token, 0) + 1
                self.completion_tokens += 1
            yield drawn


def _schema(given: Mapping[str, Any], param: str) -> Schema:
    try:
        return Schema(given)
    except SchemaError as error:
        raise _invalid(error, param) from error


def _invalid(error: SchemaError, param: str) -> Refusal:
    return Refusal(f"Invalid schema: {error}", param=param, code="invalid_schema")


class Shown:
    """Releases the text that may be shown: whole characters, before any stop sequence, with the tokens they came from."""

    def __init__(self, gate: StopGate) -> None:
        self._gate = gate
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting: deque[tuple[int, Drawn]] = deque()  # tokens held back, each with the offset of its text
        self._decoded = 0
        self._shown = 0

    def add(self, drawn: Drawn, raw: bytes) -> tuple[str, tuple[Drawn, ...]]:
        """Add a token; return the text it releases and the tokens starting in it."""
        self._waiting.append((self._decoded, drawn))
        text = self._decoder.decode(raw)
        self._decoded += len(text)
        return self._release(self._gate.feed(text))

    def end(self) -> tuple[str, tuple[Drawn, ...]]:
        """Return what was held back until the end."""
        rest = self._gate.feed(self._decoder.decode(b"", final=True))
        return self._release(rest + self._gate.flush())

    def _release(self, text: str) -> tuple[str, tuple[Drawn, ...]]:
        self._shown += len(text)
        tokens: list[Drawn] = []
        while self._waiting and self._waiting[0][0] < self._shown:
            tokens.append(self._waiting.popleft()[1])
        return text, tuple(tokens)
