"""The language model: the probability of each next token, from counts of what followed in the corpus.

For a context of n tokens the hierarchical Dirichlet language model (MacKay and Peto 1995) is used:

    P_n(w | context) = (c(context, w) + k_n * P_{n-1}(w | shorter context)) / (c(context) + k_n)

down to P_0, uniform over the vocabulary. An occurrence counts with the weight of its document, so that a request can
favour the documents related to its words. Only the positions of each token and each pair of tokens are stored, in one
pass; longer contexts are found among the pairs.

A context includes whether it is inside a fenced code block, so that prose never continues as code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbchat.builtin.model.sampling import Distribution
from nbchat.builtin.model.tokenizer import END, START

__all__ = ["Evidence", "Index", "Ngram"]

STRENGTH = (1e-6, 0.02, 0.02)
"""k_n for contexts of 1, 2 and 3 tokens: the weight of evidence at which a context is trusted half."""
_PAIR = 24
SPENT = 0.01
"""Factor on a position's count once the answer has used it."""


class Index:
    """The positions of each token and pair of tokens in documents (lists of token ids).

    `fence` is the id of the token that opens and closes a code block. Only the first `starts` documents (None = all) are
    used for how a text starts.
    """

    def __init__(self, documents: Iterable[Sequence[int]], fence: int, *, starts: int | None = None) -> None:
        self.tokens: list[int] = []
        self.document: list[int] = []
        # Keyed by 2 * token + fenced, pairs with the previous token in the higher bits: tuples take twice as long.
        self._after: dict[int, list[int]] = {}
        for number, document in enumerate(documents):
            self._add(number, document, fence)
            if starts is None or number < starts:
                self._after.setdefault(2 * START, []).append(len(self.tokens) - len(document) - 1)

    def _add(self, number: int, document: Sequence[int], fence: int) -> None:
        after, fenced, pair = self._after, 0, (START + 1) << _PAIR
        for i, token in enumerate(document, start=len(self.tokens) + 2):
            if token == fence:
                fenced ^= 1
            single = 2 * token + fenced
            for key in (single, pair + single):
                if key in after:
                    after[key].append(i)
                else:
                    after[key] = [i]
            pair = (token + 1) << _PAIR
        self.tokens += [START, *document, END]
        self.document += [number] * (len(document) + 2)

    def following(self, context: Sequence[int], fenced: int) -> Sequence[int]:
        """Positions of the tokens that followed `context` (not empty), inside a code block or outside."""
        pair = (context[-2] + 1) << _PAIR if len(context) > 1 else 0
        found = self._after.get(pair + 2 * context[-1] + fenced, ())
        if len(context) <= 2:
            return found
        tokens, wanted = self.tokens, list(context[:-2])
        return [i for i in found if tokens[max(0, i - len(context)) : i - 2] == wanted]


class Evidence:
    """The evidence for one answer: an index, a weight for each of its documents, and the positions already used.

    A position that the answer has used counts for little from then on: otherwise a small model's most likely continuation
    is to repeat itself forever.
    """

    def __init__(self, index: Index, weights: Sequence[float]) -> None:
        self._index = index
        self._weights = weights
        self._spent: set[int] = set()

    def count(self, context: Sequence[int], fenced: int, into: dict[int, float]) -> None:
        """Add to `into` the weight of every token that followed `context`."""
        tokens, document, weights, spent = self._index.tokens, self._index.document, self._weights, self._spent
        for i in self._index.following(context, fenced):
            token = tokens[i]
            weight = weights[document[i]]
            into[token] = into.get(token, 0.0) + (weight * SPENT if i in spent else weight)

    def spend(self, context: Sequence[int], fenced: int, token: int) -> bool:
        """Mark the positions where `token` followed `context` as used; return False if there are none."""
        places = [i for i in self._index.following(context, fenced) if self._index.tokens[i] == token]
        self._spent.update(places)
        return bool(places)


class Ngram:
    """The model of one order, with a context of `order - 1` tokens. `vocabulary` is the number of ids, special ones included."""

    def __init__(self, order: int, vocabulary: int) -> None:
        if not 2 <= order <= len(STRENGTH) + 1:
            raise ValueError(f"The order must be 2 to {len(STRENGTH) + 1}, not {order}.")
        self.order = order
        self._ids = range(END, vocabulary)

    def next(self, context: Sequence[int], fenced: int, evidence: Iterable[Evidence]) -> Distribution:
        """The distribution of the token after `context`, which begins with `<|start|>` when it is the whole text."""
        levels = [self._counts(context[-n:], fenced, evidence) for n in range(self.reach(context), 0, -1)]
        if not any(levels):
            # A token that never occurs in this context, such as a forced one: start a new context.
            levels = [self._counts([START], 0, evidence)]
        return self._interpolate(levels)

    def reach(self, context: Sequence[int]) -> int:
        """The number of context tokens that this order uses."""
        return min(self.order - 1, len(context))

    @staticmethod
    def _counts(context: Sequence[int], fenced: int, evidence: Iterable[Evidence]) -> dict[int, float]:
        counts: dict[int, float] = {}
        for source in evidence:
            source.count(context, fenced, counts)
        return counts

    def _interpolate(self, levels: Sequence[dict[int, float]]) -> Distribution:
        """The mixture of counts, longest context first."""
        mixture: dict[int, float] = {}
        share = 1.0  # of the probability left for shorter contexts
        for n, counts in zip(range(len(levels), 0, -1), levels, strict=True):
            strength = STRENGTH[n - 1]
            total = sum(counts.values()) + strength
            for token, count in counts.items():
                mixture[token] = mixture.get(token, 0.0) + share * count / total
            share *= strength / total
        rest = share / len(self._ids)
        return Distribution({token: p + rest for token, p in mixture.items()}, rest, self._ids)
