"""Mask the key in log probabilities, whose tokens a server may cut anywhere in it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from nbchat.api.keys import Key, beginning
from nbchat.values.key_shapes import MASK

__all__ = ["MaskedTokens"]

Token = Mapping[str, Any]


class MaskedTokens:
    """Masks the key in the tokens of one choice, in linear time. Holds back those that may begin it."""

    def __init__(self, key: Key | None) -> None:
        self._secrets = () if key is None else key.texts
        self._pattern = re.compile("|".join(map(re.escape, self._secrets)))
        self._held: deque[Token] = deque()
        self._text = ""
        self._masked = 0
        """How much of the text belongs to a key whose mask stands in a token that was released."""

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def feed(self, tokens: Iterable[Token]) -> tuple[Token, ...]:
        """Return the tokens that are final; those of a key are one with the mask, and empty ones."""
        if not self._secrets:
            return tuple(tokens)
        new = list(tokens)
        self._held.extend(new)
        if not (text := "".join(map(_text, new))):  # nothing to look for: many empty tokens cost nothing
            return () if self._text else self.flush()
        self._text += text
        spans = self._spans()
        last = spans[-1][1] if spans else 0
        return self._released(spans, max(last, min(beginning(self._text, secret) for secret in self._secrets)))

    def flush(self) -> tuple[Token, ...]:
        """Return what was held back, at the end."""
        return self._released(self._spans(), len(self._text))

    def _spans(self) -> list[tuple[int, int]]:
        """The places of the key in the text; what is left of one whose mask was released begins before it."""
        found = [match.span() for match in self._pattern.finditer(self._text, self._masked)] if self._text else []
        return [(-1, self._masked), *found] if self._masked else found

    def _released(self, spans: list[tuple[int, int]], end: int) -> tuple[Token, ...]:
        """Take the tokens that end before `end` from those held, and mask these spans of their text."""
        done: list[Token] = []
        left, at = deque(spans), 0
        while self._held and (stop := at + len(_text(self._held[0]))) <= end:
            token, kept, place = self._held.popleft(), "", at
            while left and left[0][0] < stop:
                first, after = left[0]
                kept += self._text[place : max(place, first)] + (MASK if first >= at else "")
                place = min(after, stop)
                if after > stop:
                    break
                left.popleft()
            done.append(_without_bytes(token, kept + self._text[place:stop]) if place > at else _clean(token))
            at = stop
        self._text = self._text[at:]
        self._masked = left[0][1] - at if left and left[0][0] < at else 0
        return tuple(done)


def _text(token: Token) -> str:
    text = token.get("token")
    return text if isinstance(text, str) else ""


def _clean(token: Token) -> Token:
    """The token itself; without its bytes if its text was masked as it came."""
    return _without_bytes(token, _text(token)) if MASK in _text(token) else token


def _without_bytes(token: Token, text: str) -> Token:
    """The token with another text, without what repeats the old one."""
    return {**{name: token[name] for name in token if name not in ("bytes", "top_logprobs")}, "token": text}
