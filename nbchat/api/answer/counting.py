"""Combine the usage reports of one answer, of which servers may send several."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import replace

from nbchat.api.keys import Key
from nbchat.values.answer.usage import UNKNOWN, Usage
from nbchat.values.surrogates import paired

__all__ = ["UsageTally", "raw_counts"]

MOST_FIELDS = 60
"""Most fields kept of a server's usage object, and of each object in it."""

LONGEST_TEXT = 60
"""Longest text that is kept of one."""


class UsageTally:
    """Combines usage reports into the counts so far.

    Reports are running totals, so the last one counts; values missing in it, or zero, keep their previous count. With
    several choices some servers report each one separately at its end; these are added up.
    """

    def __init__(self) -> None:
        self._total = UNKNOWN
        self._last: Usage | None = None
        self._each: dict[int, Usage] = {}
        self._sure = True  # whether the reports for single choices can't be running totals of all choices
        self._apart = True  # whether every report so far was for a single choice

    def add(self, usage: Mapping[str, Any], index: int | None, finished: Collection[int], choices: int) -> Usage | None:
        """Return the counts after a report; None = unchanged.

        `index`: the choice that holds it (None = none); `finished`: the finished choices; `choices`: the number of choices
        seen.
        """
        report = _plausible(Usage.from_wire(usage))
        if not (report.prompt_tokens or report.completion_tokens or report.total_tokens):
            return None  # zeros, as some servers send them first, or last
        self._total = _merged(self._total, report)
        if index is not None:
            self._each[index] = _merged(self._each.get(index, UNKNOWN), report)
        else:
            self._attribute(report, finished)
        counts = self._sum() if self._apart and choices > 1 and len(self._each) == choices else self._total
        if counts == self._last:
            return None
        self._last = counts
        return counts

    def _attribute(self, report: Usage, finished: Collection[int]) -> None:
        """Attribute a report to the one choice that ended since the previous report."""
        new = [index for index in finished if index not in self._each]
        if len(new) != 1:
            self._apart = False
            return
        counts = [each.completion_tokens or 0 for each in self._each.values()]
        if counts and (report.completion_tokens or 0) > max(counts):
            self._sure = False
        self._each[new[0]] = report

    def _sum(self) -> Usage:
        parts = list(self._each.values())
        total = Usage.total(parts)
        prompt = max((part.prompt_tokens for part in parts if part.prompt_tokens is not None), default=None)
        cached = max((part.cached_tokens for part in parts if part.cached_tokens is not None), default=None)
        done = total.completion_tokens
        return replace(
            total,
            prompt_tokens=prompt,
            cached_tokens=cached,
            total_tokens=None if prompt is None or done is None else prompt + done,
            state="measured" if self._sure else "estimated",
        )


def raw_counts(usage: Mapping[str, Any], key: Key | None, levels: int = 3) -> dict[str, Any]:
    """Return a server's usage object as it is: its counts, truth values and short texts, `levels` deep."""
    found: dict[str, Any] = {}
    for name, value in itertools.islice(usage.items(), MOST_FIELDS):
        if isinstance(value, Mapping) and levels > 1:
            found[_short(name, key)] = raw_counts(value, key, levels - 1)
        elif isinstance(value, str) and len(value) <= LONGEST_TEXT:
            found[_short(name, key)] = _short(value, key)
        elif value is None or (isinstance(value, (int, float)) and abs(value) < 2**53):
            found[_short(name, key)] = value
    return found


def _short(text: str, key: Key | None) -> str:
    text = paired(text[:LONGEST_TEXT])
    return text if key is None else key.redact(text)


def _plausible(report: Usage) -> Usage:
    """Return the report without zeros that contradict its total: no prompt has 0 tokens."""
    prompt, completion, total = report.prompt_tokens, report.completion_tokens, report.total_tokens or 0
    if prompt == 0 and completion:
        return replace(report, prompt_tokens=total - completion if total > completion else None)
    if completion == 0 and total > (prompt or 0):
        return replace(report, prompt_tokens=prompt or None, completion_tokens=total - prompt if prompt else None)
    return report


def _merged(old: Usage, new: Usage) -> Usage:
    """Merge a later report over an earlier one."""
    kept = {
        name: getattr(old, name)
        for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "cost")
        if not getattr(new, name) and getattr(old, name)
    }
    if not kept:
        return new
    merged = replace(new, **kept)
    if merged.prompt_tokens is not None and merged.completion_tokens is not None:
        return replace(merged, total_tokens=merged.prompt_tokens + merged.completion_tokens)
    return merged
