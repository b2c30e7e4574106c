"""The wording of messages: counted nouns, amounts of money, near misses, and foreign text without active links."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["dollars", "figure", "nearest", "pluralize", "sentence", "shown", "unlinked"]

LONGEST_SENTENCE = 2_000


def pluralize(number: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: "1 row", "2,000 rows". `plural` is an irregular plural (None = add "s")."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def sentence(text: str) -> str:
    """Return the sentence of an error; of one that quotes a very long text, the beginning and the end."""
    return text if len(text) <= LONGEST_SENTENCE else f"{text[: LONGEST_SENTENCE - 500]} … {text[-490:]}"


def shown(value: object) -> str:
    """Return a value as quoted in messages: at most 60 characters of it."""
    try:
        text = value if isinstance(value, str) else " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  # a user's repr, or an integer of more than 4,300 digits
        return f"one {type(value).__name__} that can't be written"
    text = text if len(text) <= 60 else text[:57] + "..."
    return repr(text) if isinstance(value, str) else text


_SCHEME = r"(?<!(?<![a-z0-9+.\-])http)(?<!(?<![a-z0-9+.\-])https)(?<=[a-z0-9+.\-]):(?=//)|(?<=data):(?=\S)"


def unlinked(text: str) -> str:
    """Return a text that looks the same, in which only http and https addresses become links.

    JupyterLab turns every `scheme://` in plain text and errors into a link, even `javascript://`. A word joiner
    (U+2060, zero width) after the colon prevents it.
    """
    return re.sub(_SCHEME, ":\u2060", text, flags=re.IGNORECASE) if ":" in text else text


def figure(number: float, digits: int = 2) -> str:
    """`0.00012`, `1.7`, `17`, `1,980`: `digits` significant digits, and every digit before the point."""
    from decimal import Decimal

    if 10**digits <= abs(number) < 1e15:
        return f"{number:,.0f}"
    text = f"{number:.{digits}g}"
    return f"{Decimal(text):,f}" if 1e-6 <= abs(number) < 1e15 else text


def dollars(amount: float, digits: int = 2) -> str:
    """`$1,204.50`, `$0.50`, `$0.00012`: cents, or `digits` significant digits below a dollar."""
    from decimal import Decimal

    text = f"{amount:,.2f}" if amount == 0 or amount >= 0.995 else f"{Decimal(f'{amount:.{digits}g}'):f}"
    return f"${text}{'0' * (text[-2:-1] == '.')}"


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ' Did you mean …?' with the closest of `words`, to append to a sentence; empty = none is close.

    A word that starts with `word` beats one that is merely similar. Leading dashes do not count.
    """
    import difflib

    known = {each.casefold().lstrip("-"): each for each in reversed(list(words))}
    folded = word.casefold().lstrip("-")
    begun = [each for each in known if each.startswith(folded)] if len(folded) > 1 else []
    close = [min(begun, key=len)] if begun else difflib.get_close_matches(folded, known, n=1, cutoff=0.65)
    return f" Did you mean {known[close[0]]}?" if close else ""
