"""Input transformers: keep IPython from reading a `%chat` line's question mark as its help syntax.

They also see every cell before it runs, and refuse the code of outdated answers.
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
    """A token transformer for `%chat` lines, or assignments of one, that end in a question mark."""

    priority = 1  # before IPython's HelpEnd (5)

    @classmethod
    def find(cls, tokens_by_line: list[list[tokenize.TokenInfo]]) -> ChatQuestion | None:
        """Find the first such line that is not part of a string or another statement."""
        for tokens in tokens_by_line:
            first = next((token for token in tokens if token.type not in (tokenize.INDENT, tokenize.DEDENT)), None)
            if first is not None and _QUESTION.fullmatch(first.line):
                return cls(first.start)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Replace the line with a call of the magic."""
        at: int = self.start_line
        line = _QUESTION.fullmatch(lines[at])
        if line is None:
            raise SyntaxError(lines[at])
        call = f"{line[1]}get_ipython().run_line_magic('chat', {line[2]!r})\n"
        return [*lines[:at], call, *lines[at + 1 :]]


refuse_stale.has_side_effects = True  # type: ignore[attr-defined]  # IPython then asks only when a cell is run


def install(shell: Any) -> None:
    """Install the transformers in this shell."""
    remove(shell)
    shell.input_transformer_manager.token_transformers.append(ChatQuestion)
    shell.input_transformers_cleanup.append(refuse_stale)


def remove(shell: Any) -> None:
    """Remove the transformers from this shell."""
    for transformers, own in (
        (shell.input_transformer_manager.token_transformers, ChatQuestion),
        (shell.input_transformers_cleanup, refuse_stale),
    ):
        transformers[:] = [each for each in transformers if each is not own]
