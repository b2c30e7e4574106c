"""The form of a run's requests: everything that its rows have in common, checked and encoded once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct
from msgspec.structs import replace

from nbchat.api import wire
from nbchat.conversation.exchange.ask import Ask
from nbchat.conversation.exchange.outgoing import MessageGuard, check_body
from nbchat.conversation.schemas import fitting
from nbchat.conversation.servers.connection import check_chosen
from nbchat.rows.source import Source
from nbchat.rows.template import Template
from nbchat.store.replay import request_hash
from nbchat.values.errors import GuardError, ParameterError, PromptError
from nbchat.values.messages import Content, Message
from nbchat.values.surrogates import paired

if TYPE_CHECKING:
    from nbchat.conversation.schemas.schema import Schema
    from nbchat.conversation.session import Session

__all__ = ["Form", "Written", "request_name"]

MARK = "nbchat-the-text-of-one-row"
"""Stands for a row's text in the form's own request."""


class Written(Struct, frozen=True):
    """A row's request that passed the guard: its body, and the body as bytes (None = encoded when sent).

    Only a form creates one.
    """

    body: Mapping[str, Any]
    payload: bytes | None = None


class _Shape(Struct, frozen=True):
    """The parts of a request around a row's text. `after` follows the text in its message."""

    body: Mapping[str, Any]
    after: str
    head: bytes
    tail: bytes

    @classmethod
    def of(cls, ask: Ask, *, in_words: bool) -> Self:
        body = ask.request(in_words=in_words).body
        after = str(body["messages"][-1]["content"]).removeprefix(MARK)
        head, _, tail = wire.encoded(body).partition(MARK.encode())
        return cls(body, after, head, tail)

    def written(self, text: str) -> Written:
        """Return the request with a row's text."""
        *before, last = self.body["messages"]
        body = {**self.body, "messages": [*before, {**last, "content": text + self.after}]}
        quoted = json.dumps(text, ensure_ascii=False)[1:-1]
        return Written(body, self.head + paired(quoted).encode() + self.tail)


def request_name(common: str, content: Content) -> str:
    """Name a row's request in the store, by a hash of `Form.common` and the row's message."""
    hashed = hashlib.blake2b(common.encode(), digest_size=16)
    written = content if isinstance(content, str) else json.dumps(Message("user", content).to_wire(None))
    hashed.update(written.encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()


class Form:
    """Writes the requests of a run. `guard` checks their texts; None = unguarded."""

    def __init__(self, ask: Ask, guard: MessageGuard | None) -> None:
        self.ask = ask
        self.guard = guard
        self._shapes: dict[bool, _Shape] = {}
        server = ask.endpoint.title if ask.endpoint.is_own else ask.request(in_words=False).url
        self.common = request_hash(server, self._shape(in_words=False).body)
        """A hash of the server and of everything beside a row's message that affects its answer."""

    @classmethod
    def of(cls, session: Session, options: Mapping[str, Any]) -> Self:
        """Prepare requests as `Session.ask` would. Raises ParameterError, ConfigError and GuardError."""
        for name in ("cell_id", "once", "tools", "approve", "values", "cache"):
            if name in options:
                raise ParameterError(f"There is no option {name} for rows.")
        if options.get("n") not in (None, 1) or (session.params.n not in (None, 1) and "n" not in options):
            raise ParameterError("n can't be used for rows, which have one answer each: use repeat=.")
        wanted = {**options, "once": True, "tools": "none", "stream": False, "n": None}
        ask = session.exchange(MARK, **wanted).ask
        check_chosen(ask.endpoint, ask.params.model)
        if options.get("unguarded"):
            return cls(ask, None)
        check_body(ask.request().body, ask.endpoint.secrets)
        return cls(ask, MessageGuard(ask.endpoint.secrets))

    @property
    def schema(self) -> Schema | None:
        """The schema of the answers; None = any text."""
        return self.ask.schema

    @property
    def in_words(self) -> bool:
        """Whether the schema is asked for in the prompt, as known of the server now."""
        return self.schema is not None and fitting.knows_no_format(self.ask.endpoint.base_url, self.ask.params.model)

    def _shape(self, *, in_words: bool) -> _Shape:
        shape = self._shapes.get(in_words)
        if shape is None:
            shape = self._shapes[in_words] = _Shape.of(self.ask, in_words=in_words)
        return shape

    def check(self, source: Source, template: Template) -> None:
        """Raise GuardError for a template that reads private columns, or whose own text must not be sent."""
        if self.guard is None:
            return
        for name in source.private(template.fields, whole=template.whole):
            raise GuardError(
                f"The column {name!r} is private: take it out of the template or of the rows. Nothing was sent."
            )
        self.guard.check([{"role": "user", "content": template.text}])

    def name(self, content: Content) -> str:
        """Return the name of a row's request in the store."""
        return request_name(self.common, content)

    def written(self, content: Content, more: Sequence[Message] = (), *, in_words: bool | None = None) -> Written:
        """Return a row's request.

        `more` are messages after it; `in_words` None = as known of the server. Raises PromptError for an empty message,
        and GuardError for one that must not be sent.
        """
        if isinstance(content, str) and not content.strip():
            raise PromptError("The message of this row is empty. It was not sent.")
        if not isinstance(content, str) or more:
            ask = replace(self.ask, message=Message("user", content))
            made = Written(ask.request(more, in_words=in_words).body)
        else:
            made = self._shape(in_words=self.in_words if in_words is None else in_words).written(content)
        if self.guard is not None:
            self.guard.check(made.body["messages"][-1 - len(more) :])
        return made
