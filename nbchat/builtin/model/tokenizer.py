"""The built-in model's tokens: words with their leading space, punctuation, whitespace, and bytes for all else.

Ids: the special tokens first, then the 256 bytes, then the vocabulary by falling frequency. They are the same in
every run of one Python version (the vocabulary comes from its documentation).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

__all__ = ["END", "ROLES", "SPECIALS", "START", "Tokenizer"]

SPECIALS = ("<|start|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|end|>")
"""Tokens without text. Of these only `<|end|>`, the end of an answer, is ever generated."""
START, END = 0, 5
ROLES = {"system": 1, "developer": 1, "user": 2, "assistant": 3, "tool": 4}
"""The token that opens a message of each role."""

_FIRST_BYTE = len(SPECIALS)
_FIRST_PIECE = _FIRST_BYTE + 256
_LONGEST = 24
_PIECE = re.compile(
    r" ?[^\W\d_]+"  # a word with its leading space
    r"| ?\d{1,3}"
    r"| ?(?:`+|\*+|\.+|-+|=+|#+|>+|_+|[^\w\s])"  # a punctuation mark, or a run of one that Markdown and Python repeat
    r"| {2,}|\n+|[\s\S]"
)


class Tokenizer:
    """Converts text to token ids and back: `decode(encode(text)) == text` for every text that UTF-8 can encode.

    The vocabulary is learned from `texts`; `phrases` are additional tokens that a model may generate but `encode` never
    returns.
    """

    def __init__(self, texts: Iterable[str], phrases: Iterable[str] = ()) -> None:
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(_PIECE.findall(text))
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        self._ids = {piece: _FIRST_PIECE + i for i, (piece, _) in enumerate(ranked)}
        self._bytes = [b""] * _FIRST_BYTE + [bytes([i]) for i in range(256)]
        self._bytes += [piece.encode("utf-8", "replace") for piece, _ in ranked]
        self._phrases: dict[str, int] = {}
        for phrase in phrases:
            self._phrases[phrase] = len(self._bytes)
            self._bytes.append(phrase.encode())

    def __len__(self) -> int:
        return len(self._bytes)

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`. Lone surrogates, which UTF-8 can't encode, count as U+FFFD."""
        try:
            return [self._ids[piece] for piece in _PIECE.findall(text)]
        except KeyError:  # a piece outside the vocabulary
            return list(self.stream(text))

    def id_of(self, piece: str) -> int:
        """Return the id of a piece of the vocabulary or a phrase. Raises KeyError for any other text."""
        return self._phrases[piece] if piece in self._phrases else self._ids[piece]

    def stream(self, text: str) -> Iterator[int]:
        """Yield the ids of `text` lazily, so that the caller may stop early."""
        known = self._ids
        for match in _PIECE.finditer(text):
            piece = match[0]
            token = known.get(piece)
            if token is not None:
                yield token
            else:
                yield from self._spell(piece)

    def _spell(self, piece: str) -> Iterator[int]:
        """Encode a piece outside the vocabulary: repeatedly the longest known prefix, or a byte if there is none."""
        at = 0
        while at < len(piece):
            for end in range(min(len(piece), at + _LONGEST), at, -1):
                token = self._ids.get(piece[at:end])
                if token is not None:
                    yield token
                    at = end
                    break
            else:
                character = "\ufffd" if "\ud800" <= piece[at] <= "\udfff" else piece[at]
                yield from (_FIRST_BYTE + byte for byte in character.encode())
                at += 1

    def bytes_of(self, token: int) -> bytes:
        """Return the bytes of a token; empty for a special token."""
        return self._bytes[token]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens; invalid UTF-8 becomes U+FFFD."""
        return b"".join(self._bytes[token] for token in tokens).decode("utf-8", "replace")

    def name(self, token: int) -> str:
        r"""Return a token's name in logprobs: its text, or for an incomplete character, as with OpenAI, `bytes:\xe2`."""
        if token < _FIRST_BYTE:
            return SPECIALS[token]
        raw = self._bytes[token]
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)
