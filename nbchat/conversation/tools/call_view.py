"""The display of a tool call for approval: nothing hidden by length, white space or invisible characters."""

from __future__ import annotations

import re
from typing import Self

from msgspec import Struct

from nbchat.values.messages import ToolCall
from nbchat.values.wording import pluralize

__all__ = ["CallView"]

WIDTH = 100
"""Characters per row; longer lines are wrapped."""

HEAD, TAIL = 24, 12
"""Rows shown at the beginning and at the end of a long call."""

PAGE = 100
"""Rows revealed at a time between them."""

_BEYOND_ASCII = re.compile(r"[^\n -~]")
"""Characters that need a closer look."""

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that count as printable but are invisible."""

_BLANK_LINES = re.compile(r"\n((?:[ ]*\n){3,})")
_LONG_RUN = re.compile(r"(.)\1{79,}")


class CallView(Struct, frozen=True):
    """A call's rows: the first and last ones are shown, and the first `revealed` ones in between."""

    name: str
    rows: tuple[str, ...]
    revealed: int = 0

    @classmethod
    def of(cls, call: ToolCall) -> Self:
        """Make a view with one argument per line; long runs of blank lines or one character are collapsed to a count."""
        text = _collapsed(_spelled_out(_text_of(call)))
        return cls(_spelled_out(call.name), tuple(row for line in text.split("\n") for row in _rows_of(line)))

    @property
    def unseen(self) -> int:
        """The number of rows not shown yet."""
        return max(len(self.rows) - HEAD - TAIL - self.revealed, 0)

    def more(self) -> CallView:
        """Return the view with another page revealed."""
        return CallView(self.name, self.rows, self.revealed + min(PAGE, self.unseen))

    def __str__(self) -> str:
        if not self.unseen:
            return "\n".join(self.rows)
        first, last = self.rows[: HEAD + self.revealed], self.rows[-TAIL:]
        return "\n".join([*first, f"[… {pluralize(self.unseen, 'row')} not shown …]", *last])

    @property
    def latest(self) -> str:
        """Return what the last `more` revealed, for continuous output."""
        shown = self.rows[HEAD + max(self.revealed - PAGE, 0) : HEAD + self.revealed]
        return "\n".join([*shown, f"[… {pluralize(self.unseen, 'row')} not shown …]"] if self.unseen else shown)


def _text_of(call: ToolCall) -> str:
    try:
        given = call.parsed()
    except (ValueError, RecursionError):
        given = call.arguments
    if not isinstance(given, dict):
        return f"{call.name}: {given}"
    lines = [f"{name} = {value}" if isinstance(value, str) else f"{name} = {value!r}" for name, value in given.items()]
    return "\n".join([f"{call.name}:", *(f"  {line}".replace("\n", "\n    ") for line in lines)])


def _spelled_out(text: str) -> str:
    r"""Return the text with control, direction and invisible characters as escapes (`\u202e`)."""
    return _BEYOND_ASCII.sub(lambda match: _escape(match[0]), text)


def _escape(char: str) -> str:
    return char if char.isprintable() and not _INVISIBLE.match(char) else ascii(char)[1:-1]


def _collapsed(text: str) -> str:
    text = _BLANK_LINES.sub(lambda match: f"\n[… {pluralize(match[1].count(chr(10)), 'blank line')} …]\n", text)
    return _LONG_RUN.sub(
        lambda match: f"{match[1] * 3}[… {match[1]!r} {len(match[0]) - 6:,} more times …]{match[1] * 3}", text
    )


def _rows_of(line: str) -> list[str]:
    return [line[start : start + WIDTH] for start in range(0, len(line), WIDTH)] or [""]
