"""`Request`, the record of what was sent. Requests of one conversation share their common messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["Request"]

MESSAGES = "messages"


class _Chain:
    """Messages in wire form: those of an earlier request, then the new ones. Immutable."""

    __slots__ = ("_length", "before", "own")

    def __init__(self, before: _Chain | None, own: Sequence[Mapping[str, Any]]) -> None:
        self.before = before
        self.own = tuple(own)
        self._length = len(self.own) + (0 if before is None else len(before))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        links: list[_Chain] = []
        link: _Chain | None = self
        while link is not None:
            links.append(link)
            link = link.before
        for each in reversed(links):
            yield from each.own

    def begins(self, messages: Sequence[Mapping[str, Any]]) -> bool:
        """Whether `messages` starts with the chain's."""
        return len(self) <= len(messages) and all(ours == theirs for ours, theirs in zip(self, messages, strict=False))


class Request:
    """What was sent: the address and the JSON body, without the key. Frozen.

    `name` is its name in the replay store; None = not looked up there.
    """

    __slots__ = ("_body", "_chain", "name", "url")

    def __init__(self, url: str, body: Mapping[str, Any]) -> None:
        self.url = url
        self.name: str | None = None
        self._body: Mapping[str, Any] = body
        self._chain: _Chain | None = None

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON body."""
        if self._chain is None:
            return self._body
        return {**self._body, MESSAGES: [dict(message) for message in self._chain]}

    def sharing(self, earlier: Request | None) -> Request:
        """Return an equal request that stores the messages it has in common with `earlier` (None = none) only once.

        A conversation then takes memory in proportion to its length rather than to its square.
        """
        messages = self.body.get(MESSAGES)
        if not isinstance(messages, list):
            return self
        chain = None if earlier is None else earlier._chain  # noqa: SLF001  # its own class
        shared = chain if chain is not None and chain.begins(messages) else None
        small = Request(self.url, {**self._body, MESSAGES: ()})
        small.name = self.name
        small._chain = _Chain(shared, messages[0 if shared is None else len(shared) :])
        return small

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and other.url == self.url and other.body == self.body

    def __hash__(self) -> int:
        return hash(self.url)

    def __repr__(self) -> str:
        return f"Request(url={self.url!r}, body={self.body!r})"
