"""Texts that the built-in model reads beside its corpus: statements about itself, and quotes from a request."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["ABOUT", "CLOSING", "CLOSING_OPENS", "about", "asks_about_model", "echo"]

CLOSING_OPENS = "\n\n*("
"""The token that opens the closing statement of a conversation's first answer."""
CLOSING = "I am nbchat's built-in model: a small n-gram model of Python's documentation, a toy and no assistant.)*"
_COUNTER = (
    "I am nbchat's built-in model: a small n-gram model over Python's documentation. I know which words tend to follow "
    "which there and nothing else, so what I say about Python reads well and is often right, and I know nothing of the "
    "rest of the world."
)
_TOY = (
    "I am a toy: nbchat's built-in model, a small n-gram model over Python's documentation. I continue text word by "
    "word, by counts of what followed in that documentation. Every sampling parameter works on me as on a large model."
)
ABOUT = (_COUNTER, _TOY)
TRY = (
    "Ask me about list displays, the `with` statement or string formatting. For real answers, connect a real model.",
    "Try a question about the `for` statement, decorators or integers. For real answers, connect a real model.",
)

_ASKS = re.compile(
    r"\b(?:who|what|which)\b.{0,20}\b(?:are|r) (?:you|u)\b|\byour name\b|\babout you(?:rself)?\b"
    r"|\b(?:which|what) (?:language )?model\b|\bare you (?:an?|the|real|human|chat|gpt|claude|llama)\b"
    r"|\bintroduce yourself\b|^\W*(?:hello|hi|hey|good \w+|test|ping)\b",
    re.IGNORECASE,
)


def asks_about_model(text: str) -> bool:
    """Whether a message greets the model or asks what it is."""
    return bool(_ASKS.search(text))


def about(message: str, *, quote: bool) -> list[str]:
    """Return answers that say what the model is; with `quote`, also that this message, quoted, is beyond it."""
    texts = [f"{who}\n\n{then}" for who, then in zip(ABOUT, TRY, strict=True)]
    words = message.replace("`", "").split()
    if not quote or not words:
        return texts
    start = " ".join(words[:12]) + ("…" if len(words) > 12 else "")
    wrote = f"You wrote: “{start}” ({len(words)} words), but nothing in my corpus resembles it."
    return [f"{text}\n\n{wrote}" for text in texts]


def echo(results: Sequence[tuple[str, str]]) -> list[str]:
    """Return an answer that quotes tool results, given as pairs of tool name and text."""
    quoted = [(name, _shortened(text.replace("```", "").strip())) for name, text in results]
    return ["\n\n".join(f"The tool `{name}` answered: {text}" for name, text in quoted)]


def _shortened(text: str, limit: int = 400) -> str:
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"
