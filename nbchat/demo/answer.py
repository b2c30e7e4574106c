"""One answer in the making: what may come next after what has been said so far."""

from __future__ import annotations

from collections.abc import Sequence

from nbchat.demo.ngram import Evidence, Ngram
from nbchat.demo.sampling import Distribution
from nbchat.demo.tokenizer import END, START

__all__ = ["Answer"]

PATIENCE = 160
"""Tokens after which the end of the answer becomes more likely at the end of each sentence."""
LIMIT = 400
"""Tokens after which it may end anywhere, more likely than not at a sentence's end."""


class Answer:
    """The state of one choice: feed it with `take`, ask it with `next`.

    `closing` is the token that opens the model's word about itself; where the text would end, that comes first
    (None = the text just ends). `sentence_ends` are the tokens after which an answer that has become long may end.
    """

    def __init__(
        self,
        model: Ngram,
        evidence: Sequence[Evidence],
        *,
        fence: int,
        sentence_ends: frozenset[int] = frozenset(),
        closing: int | None = None,
    ) -> None:
        self._model = model
        self._evidence = evidence
        self._fence = fence
        self._sentence_ends = sentence_ends
        self._closing = closing
        self._context = [START]
        self._fenced = 0
        self._length = 0

    def next(self) -> Distribution:
        """The distribution of the next token."""
        distribution = self._model.next(self._context, self._fenced, self._evidence)
        return self._redirect(self._tire(distribution))

    def take(self, token: int) -> None:
        """Go on with this token."""
        for n in range(self._model.reach(self._context), 0, -1):
            found = [source.spend(self._context[-n:], self._fenced, token) for source in self._evidence]
            if any(found):
                break
        if token == self._closing:
            self._closing = None
        self._fenced ^= token == self._fence
        self._length += 1
        self._context = [*self._context[-(self._model.order - 2) :], token]

    def _tire(self, distribution: Distribution) -> Distribution:
        """Mix in the end of the text, the more the longer the answer is."""
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
        """Let the closing word come where the text would end; a bias can still force the end itself."""
        if self._closing is None or END not in distribution.known:
            return distribution
        known = dict(distribution.known)
        end = known.pop(END) - distribution.rest
        known[self._closing] = known.get(self._closing, distribution.rest) + end
        return Distribution(known, distribution.rest, distribution.ids)
