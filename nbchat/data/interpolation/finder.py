"""Find placeholders in a text: not inside code, nor where braces belong to another notation."""

from __future__ import annotations

from nbchat.data.interpolation.markdown_code import Code, code_in
from nbchat.data.interpolation.placeholders import (
    Expression,
    Placeholder,
    belongs_elsewhere,
    expression_at,
    placeholder_at,
)

__all__ = ["Finder"]


class Finder:
    """Finds the placeholders of one text. The text is searched for code only once a brace looks like a placeholder."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._code: Code | None = None

    def at(self, start: int, *, after_value: bool = False) -> Placeholder | Expression | None:
        """Return the placeholder or expression whose brace is at `start`; None = there is none.

        `after_value`: the text before the brace is another placeholder, whose closing brace must be ignored.
        """
        if not after_value and belongs_elsewhere(self._text, start):
            return None
        if not self._text.startswith("{=", start):
            found = placeholder_at(self._text, start)
            return None if found is None or self.in_code(start, found.end) else found
        if self._text[start - 1 : start] == "`" or self.in_code(start, start + 2):  # `<b>`{=html} is Pandoc's
            return None
        return expression_at(self._text, start)

    def in_code(self, start: int, end: int) -> bool:
        """Whether any of `text[start:end]` is in a code span or block."""
        if self._code is None:
            self._code = code_in(self._text)
        return self._code.touches(start, end)
