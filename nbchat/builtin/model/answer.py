"""`Answer`, the state of one answer while it is generated."""

from __future__ import annotations

from collections.abc import Sequence

from nbchat.builtin.model.ngram import Evidence, Index, Ngram
from nbchat.builtin.model.sampling import Distribution
from nbchat.builtin.model.tokenizer import END, START

__all__ = ["Answer"]

PATIENCE = 160
"""Tokens after which the answer becomes more likely to end at the end of each sentence."""
RECITAL = 1000.0
"""The weight of the closing sentence while it is generated, relative to 1 for the best passage."""
LIMIT = 400
"""Tokens after which it may end anywhere, and probably does at the end of a sentence."""


class Answer:
    """The state of one choice: `next` gives the next distribution, `take` appends a token.

    `fence` is the token that opens and closes a code block. `sentence_ends` are the tokens after which a long answer may
    end. `closing` are the tokens of the model's statement about itself, inserted where the text would end (empty = none);
    `reciter` is the model that generates it, once its first token has been drawn.
    """

    def __init__(
        self,
        model: Ngram,
        evidence: Sequence[Evidence],
        *,
        fence: int,
        sentence_ends: frozenset[int] = frozenset(),
        closing: Sequence[int] = (),
        reciter: Ngram | None = None,
    ) -> None:
        self._model = model
        self._reciter = reciter or model
        self._evidence = [*evidence]
        self._fence = fence
        self._sentence_ends = sentence_ends
        self._closing = [*closing]
        self._closing_evidence = Evidence(Index([self._closing], fence, starts=0), [RECITAL])
        self._recited = 0  # tokens generated of the closing statement; its length plus one = finished
        self._context = [START]
        self._fenced = 0
        self._length = 0

    def next(self) -> Distribution:
        """The distribution of the next token."""
        if self._closes:
            return self._reciter.next(self._context, self._fenced, [*self._evidence, self._closing_evidence])
        return self._redirect(self._mix_in_end(self._model.next(self._context, self._fenced, self._evidence)))

    def take(self, token: int) -> None:
        """Append this token."""
        for n in range(self._model.reach(self._context), 0, -1):
            found = [source.spend(self._context[-n:], self._fenced, token) for source in self._evidence]
            if any(found):
                break
        self._follow_closing(token)
        self._fenced ^= token == self._fence
        self._length += 1
        self._context = [*self._context, token][-(self._reciter.order - 1) :]

    @property
    def _closes(self) -> bool:
        return 0 < self._recited <= len(self._closing)

    def _follow_closing(self, token: int) -> None:
        if self._recited < len(self._closing) and token == self._closing[self._recited]:
            self._recited += 1
        elif self._closes:
            self._recited = len(self._closing) + 1  # a high temperature or a bias left the statement

    def _mix_in_end(self, distribution: Distribution) -> Distribution:
        """Mix in the end token, with more weight the longer the answer is."""
        over = self._length - PATIENCE
        if over <= 0 or self._fenced:
            return distribution
        if self._context[-1] in self._sentence_ends:
            share = min(0.8, over / 100)
        elif self._length > LIMIT:
            share = 0.05
        else:
            return distribution
        known = {token: p * (1 - share) for token, p in distribution.known.items()}
        known[END] = distribution[END] * (1 - share) + share
        return Distribution(known, distribution.rest * (1 - share), distribution.ids)

    def _redirect(self, distribution: Distribution) -> Distribution:
        """Replace the end of the text by the closing statement; a bias can still force the end."""
        if not self._closing or self._recited or END not in distribution.known:
            return distribution
        known, opens = dict(distribution.known), self._closing[0]
        end = known.pop(END) - distribution.rest
        known[opens] = known.get(opens, distribution.rest) + end
        return Distribution(known, distribution.rest, distribution.ids)
