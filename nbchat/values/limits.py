"""Bounds on everything foreign, in one table: how much a server may send, and how much of it is shown.

Each bound is far above what honest servers send and far below what would fill a notebook's memory. Exceeding one ends
the answer (or the look-up) with one sentence that names the bound; what arrived before is kept.
"""

from __future__ import annotations

from msgspec import Struct

from nbchat.values.errors import CutOff

__all__ = ["LIMITS", "Limit", "Limits", "clipped", "one_line", "page_part"]


class Limit(Struct, frozen=True):
    """An upper bound. `what` follows the number in messages; `in_bytes`: the number is written in MB or kB."""

    most: int
    what: str
    in_bytes: bool = False

    def __str__(self) -> str:
        amount = f"{self.most:,}"
        if self.in_bytes:
            amount = f"{self.most / 1e6:g} MB" if self.most >= 1e6 else f"{self.most / 1e3:g} kB"
        return f"more than {amount} {self.what}"

    def error(self, server: str) -> CutOff:
        """Return the error to raise when `server` sent more."""
        return CutOff(f"{server} sent {self}, the most that nbchat reads; the answer so far is kept.")


class Limits(Struct, frozen=True):
    """The table of bounds. Text is counted in characters, over all choices of an answer."""

    line: Limit = Limit(16_000_000, "in one line", in_bytes=True)
    """A picture of 4,000 × 4,000 pixels comes in one line."""
    event: Limit = Limit(16_000_000, "in one event", in_bytes=True)
    """Each line counts 64 extra bytes: what Python needs to hold it."""
    body: Limit = Limit(32_000_000, "in one answer that is not streamed", in_bytes=True)
    """Log probabilities with 20 alternatives take 2 kB a token."""
    stream: Limit = Limit(512_000_000, "in one streamed answer", in_bytes=True)
    """Decompressed. A chunk takes 300 bytes, with log probabilities 2 kB; models write 128,000 tokens at most."""
    text: Limit = Limit(8_000_000, "characters of answer")
    """About 2 million tokens."""
    pictures: Limit = Limit(32_000_000, "of pictures", in_bytes=True)
    reasoning: Limit = Limit(8_000_000, "characters of reasoning")
    arguments: Limit = Limit(4_000_000, "characters of tool-call arguments")
    carried: Limit = Limit(8_000_000, "characters of fields to be sent back")
    """Signatures take some kB; `reasoning_details` the reasoning once more."""
    calls: Limit = Limit(128, "tool calls")
    """The number of tools that a request may offer."""
    choices: Limit = Limit(1_024, "choices")
    """OpenAI's most is 128; some servers allow more."""
    logprobs: Limit = Limit(200_000, "log probabilities")
    """One for each token of an answer."""
    seconds: Limit = Limit(6 * 3600, "seconds of answer")
    """A server that trickles bytes never trips a limit on silence; the longest research runs take an hour."""
    notices: int = 20
    """Notices of one answer; later ones are dropped."""
    notice: int = 500
    """Characters of a notice."""
    word: int = 256
    """Characters of a name from a server (model, id, finish reason, tool). Longer ones are clipped."""
    error_body: int = 65_536
    """Bytes of an error body that are read; the rest adds nothing."""
    error_seconds: float = 5.0
    """Seconds that an error body is read for."""
    lookup: Limit = Limit(8_000_000, "when asked for its models or tokens", in_bytes=True)
    """The longest list of models known takes 1 MB."""
    models: Limit = Limit(10_000, "models")
    lookup_seconds: float = 10.0
    """Seconds for a whole look-up, from connecting to its last byte."""
    shown_text: int = 1_000_000
    """Characters of one answer that are shown; the rest is in `reply.text`."""
    shown_aside: int = 100_000
    """Characters of reasoning, or of a tool's arguments and result, that are shown."""
    shown_calls: int = 20
    """Tool calls of one answer that are shown."""


LIMITS = Limits()
"""The bounds in force."""


def page_part(text: str, most: int = LIMITS.shown_text) -> str:
    """Return the part of a text to show: all of it, or its beginning and the number of characters left out."""
    return text if len(text) <= most else f"{text[:most]}\n\n… and {len(text) - most:,} more characters, not shown here"


def clipped(text: str, most: int) -> str:
    """Return the text, or its beginning and an ellipsis if it is longer than `most` characters."""
    return text if len(text) <= most else text[: max(0, most - 1)] + "…"


def one_line(text: str, most: int) -> str:
    """Return the beginning of a text on one line of at most `most` characters, with an ellipsis if it is cut."""
    return clipped(" ".join(text[: 4 * most].split()) + "…" * (len(text) > 4 * most), most)
