"""The built-in server's models, and what they share once the corpus has been read."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence

from msgspec import Struct

from nbchat.builtin.model import corpus, persona
from nbchat.builtin.model.answer import Answer
from nbchat.builtin.model.ngram import Evidence, Index, Ngram
from nbchat.builtin.model.relevance import Relevance
from nbchat.builtin.model.tokenizer import Tokenizer

__all__ = ["CONTEXT_WINDOW", "MODELS", "Learned", "learned", "learned_already"]

MODELS = {"nbchat-demo": 4, "nbchat-demo-small": 2}
"""Model ids with the order of their n-grams; the first is the default."""
CONTEXT_WINDOW = 8192
"""Most tokens of prompt and answer together."""

_NOTE_WEIGHT = 20.0
_RECITING = 4
"""The n-gram order for statements about the model and quotes of tools, which a bigram model would garble."""
_lock = threading.Lock()
_learned: list[Learned] = []


class Learned(Struct, frozen=True):
    """What is learned from the corpus at start-up, in a third of a second. Immutable."""

    passages: tuple[corpus.Passage, ...]
    tokenizer: Tokenizer
    index: Index
    relevance: Relevance
    fence: int
    sentence_ends: frozenset[int]
    fingerprint: str

    def answer(self, model: str, weights: Sequence[float], notes: Sequence[str], *, closing: bool) -> Answer:
        """Start an answer of `model`, from the weighted passages and the notes; with `closing` it ends by saying what it is."""
        order, encode = MODELS[model], self.tokenizer.encode
        evidence = [Evidence(self.index, weights)]
        if notes:
            order = _RECITING
            evidence.append(Evidence(Index(map(encode, notes), self.fence), [_NOTE_WEIGHT] * len(notes)))
        opens = self.tokenizer.id_of(persona.CLOSING_OPENS)
        return Answer(
            Ngram(order, len(self.tokenizer)),
            evidence,
            fence=self.fence,
            sentence_ends=self.sentence_ends,
            closing=[opens, *encode(persona.CLOSING)] if closing else (),
            reciter=Ngram(_RECITING, len(self.tokenizer)),
        )


def learned() -> Learned:
    """Return what the models learned; the corpus is read once in a process, on the first call from any thread."""
    with _lock:
        if not _learned:
            _learned.append(_learn())
        return _learned[0]


def learned_already() -> Learned | None:
    """Return what the models learned, without waiting; None = the corpus has not been read yet."""
    return _learned[0] if _learned else None


if hasattr(os, "register_at_fork"):
    # A child forked while another thread reads would wait forever for that thread, in this lock or an import lock.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def _learn() -> Learned:
    passages = tuple(corpus.passages())
    own = ["```", persona.CLOSING, *persona.about("", quote=False), *persona.echo([("", "")])]
    tokenizer = Tokenizer([*(passage.text for passage in passages), *own], [persona.CLOSING_OPENS])
    fence = tokenizer.id_of("```")
    index = Index([tokenizer.encode(passage.text) for passage in passages], fence)
    ends = frozenset(token for token in range(len(tokenizer)) if tokenizer.bytes_of(token) in (b".", b"\n\n"))
    digest = hashlib.sha256("\0".join(passage.text for passage in passages).encode()).hexdigest()
    return Learned(passages, tokenizer, index, Relevance(passages), fence, ends, f"fp_{digest[:10]}")
