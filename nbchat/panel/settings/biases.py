"""The logit_bias row: token ids, or texts that the server's tokenizer turns into ids."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from nbchat.display.widget_factory import WidgetFactory
from nbchat.panel.settings.controls import Changed, TextControl
from nbchat.values.errors import NbchatError, ParameterError
from nbchat.values.parameter import Parameter

__all__ = ["BiasControl", "read_biases"]

_ENTRY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|([^=,"]+?))\s*=\s*([^,=\s]+)\s*(?:,|$)""")

Tokens = Callable[[str], list[int]]
"""Returns the token ids of a text. Raises NbchatError."""


def read_biases(text: str) -> list[tuple[str | int, float]]:
    """Parse `ID=BIAS, word=BIAS, " a word"=BIAS` into each token's id or text with its bias. Raises ValueError."""
    entries: list[tuple[str | int, float]] = []
    at = 0
    while at < len(text):
        found = _ENTRY.match(text, at)
        if found is None:
            raise ValueError(text[at:])
        word, bias = found[1], float(found[3])
        if word is None:
            word = found[2].strip()
            entries.append((int(word) if word.isdecimal() else word, bias))
        else:
            entries.append((re.sub(r"\\(.)", r"\1", word), bias))
        at = found.end()
    return entries


class BiasControl(TextControl):
    """A box of `ID=BIAS` entries. A text in place of an id is tokenized, and all its tokens get the bias."""

    placeholder = 'not sent; 42=-100, " word"=5'

    def __init__(self, factory: WidgetFactory, parameter: Parameter, changed: Changed, tokens: Tokens) -> None:
        self._tokens = tokens
        self._moves = 0
        """Counts changes, so that the result of an outdated look-up is dropped."""
        super().__init__(factory, parameter, changed)

    def _read(self, text: str) -> None:
        if self._redrawing.active:
            return
        if not text.strip() or text.lstrip().startswith("{"):
            super()._read(text)
            return
        try:
            entries = read_biases(text)
        except ValueError:
            self._reject(
                f"logit_bias must be {self.parameter.expected}, or a text in place of an id; got {text[:60]!r}."
            )
            return
        if all(isinstance(token, int) for token, _bias in entries):
            self._settle([([token], bias) for token, bias in entries if isinstance(token, int)])
        else:
            self._moves += 1
            self.waiting = "logit_bias: the token ids are still being looked up."
            self._note.say("looking up token ids …")
            threading.Thread(
                target=self._look_up, args=(entries, self._moves), name="nbchat-tokens", daemon=True
            ).start()

    def _redraw(self) -> None:
        self._moves += 1
        self.waiting = ""
        super()._redraw()

    def _reject(self, problem: str) -> None:
        self._moves += 1
        self.waiting = ""
        super()._reject(problem)

    def _look_up(self, entries: list[tuple[str | int, float]], move: int) -> None:
        try:
            found = [([token] if isinstance(token, int) else self._tokens(token), bias) for token, bias in entries]
        except NbchatError as error:
            if move == self._moves:
                self._reject(str(error))
            return
        if move != self._moves:
            return
        self._settle(found)
        if not self.problem:
            pairs = zip(entries, found, strict=True)
            texts = [(token, ids) for (token, _), (ids, _) in pairs if isinstance(token, str)]
            self._note.say("; ".join(f"{text!r} is {', '.join(map(str, ids))}" for text, ids in texts))

    def _settle(self, found: list[tuple[list[int], float]]) -> None:
        try:
            value = self.parameter.check({str(token): bias for tokens, bias in found for token in tokens})
        except ParameterError as error:
            self._reject(str(error))
            return
        self._report(value)
