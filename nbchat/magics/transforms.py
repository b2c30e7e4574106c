"""What IPython must not do to nbchat's lines: take a question mark at their end for a call of Python's help.

The same place looks at every cell before it runs, and refuses the code of an earlier answer.
"""

from __future__ import annotations

import re
import tokenize
from typing import Any

from IPython.core.inputtransformer2 import TokenTransformBase

from nbchat.magics.filled_cells import refuse_stale

__all__ = ["install", "remove"]

_QUESTION = re.compile(r"([ \t]*(?:[\w.,\[\]'\" \t]+=[ \t]*)?)%chat[ \t]+(.*\?)\s*")


class ChatQuestion(TokenTransformBase):  # type: ignore[misc]  # IPython has no types
    """A `%chat` line, or an assignment of one, that ends in a question mark."""

    priority = 1  # before IPython's HelpEnd (5)

    @classmethod
    def find(cls, tokens_by_line: list[list[tokenize.TokenInfo]]) -> ChatQuestion | None:
        """The first such line that is no part of a text or of another statement."""
        for tokens in tokens_by_line:
            first = next((token for token in tokens if token.type not in (tokenize.INDENT, tokenize.DEDENT)), None)
            if first is not None and _QUESTION.fullmatch(first.line):
                return cls(first.start)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """The lines with this one as a call of the magic."""
        at: int = self.start_line
        line = _QUESTION.fullmatch(lines[at])
        if line is None:
            raise SyntaxError(lines[at])
        call = f"{line[1]}get_ipython().run_line_magic('chat', {line[2]!r})\n"
        return [*lines[:at], call, *lines[at + 1 :]]


refuse_stale.has_side_effects = True  # type: ignore[attr-defined]  # IPython then asks only when a cell is run


def install(shell: Any) -> None:
    """Transform the cells of this shell."""
    remove(shell)
    shell.input_transformer_manager.token_transformers.append(ChatQuestion)
    shell.input_transformers_cleanup.append(refuse_stale)


def remove(shell: Any) -> None:
    """Leave the cells of this shell alone."""
    for transformers, own in (
        (shell.input_transformer_manager.token_transformers, ChatQuestion),
        (shell.input_transformers_cleanup, refuse_stale),
    ):
        transformers[:] = [each for each in transformers if each is not own]
