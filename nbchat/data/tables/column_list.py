"""List the columns of a table in the fullest layout that fits: a line each, grouped by type, or as many as fit.

No layout drops a column silently. Numbered columns of one type (`x_0 … x_2999`) are written as a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from nbchat.data.tables.table import Field, Missing
from nbchat.values.wording import pluralize

__all__ = ["column_name", "columns_text", "statistics_text"]

LINES = 200
"""Most columns that get a line each; more are grouped by type."""

_NUMBERED = re.compile(r"(.*?)(\d{1,15})(\D*)", re.DOTALL)


def column_name(name: object) -> str:
    """Return a column's name on one line, quoted if it would be unclear."""
    text = name if isinstance(name, str) else str(name)
    if not text or text != text.strip() or not text.isprintable():
        return ascii(text) if not text.isprintable() else repr(text)
    return text


def missing_text(missing: Missing, place: int) -> str:
    """Return `12 missing`, `about 1.2% missing` if sampled, "" if none."""
    number = missing.counts[place] if missing.counts is not None else 0
    if not number:
        return ""
    return f"about {100 * number / missing.seen:.2g}% missing" if missing.sampled else f"{number:,} missing"


def columns_text(fields: Sequence[Field], missing: Missing, chars: int) -> tuple[str, bool]:
    """Return the columns within `chars` characters, and whether some are left unnamed."""
    if len(fields) <= LINES:
        text = "\n".join(_line(field, missing) for field in fields)
        if len(text) <= chars:
            return text, False
    text = _by_type(fields, missing, chars // 4)
    if len(text) <= chars:
        return text, False
    return _as_many(fields, chars), True


def statistics_text(
    fields: Sequence[Field], missing: Missing, chars: int, facts: Callable[[Field], str]
) -> tuple[str, bool]:
    """Return the columns with their `facts`; if that is too long, facts for the first ones only."""
    lines: list[str] = []
    used = 0
    for field in fields:
        lines.append(_line(field, missing, facts(field)))
        used += len(lines[-1]) + 1
        if used > chars:
            break
    else:
        return "\n".join(lines), False
    while lines and used > chars // 2:
        used -= len(lines.pop()) + 1
    note = f"Statistics of the other {pluralize(len(fields) - len(lines), 'column')} left out (over budget):\n"
    rest, _ = columns_text(fields[len(lines) :], missing, chars - used - len(note))
    return "\n".join([*lines, note + rest]), True


def _line(field: Field, missing: Missing, more: str = "") -> str:
    facts = ", ".join(filter(None, (field.dtype, missing_text(missing, field.place), more)))
    return f"- {column_name(field.name)}: {facts}"


def _by_type(fields: Sequence[Field], missing: Missing, chars: int) -> str:
    lines = [f"- {dtype} ({pluralize(len(of), 'column')}): {', '.join(runs(of))}" for dtype, of in _types(fields)]
    return "\n".join([*lines, *_missing_lines(fields, missing, chars)])


def _types(fields: Iterable[Field]) -> list[tuple[str, list[Field]]]:
    """Group the columns by type, in the order of first occurrence."""
    found: dict[str, list[Field]] = {}
    for field in fields:
        found.setdefault(field.dtype, []).append(field)
    return list(found.items())


def runs(fields: Iterable[Field]) -> list[str]:
    """Return the names, with each run of three or more that only count up written as first and last."""
    names: list[str] = []
    for _, group in groupby(enumerate(fields), key=lambda at: _series(at[1].name, at[0])):
        run = [column_name(field.name) for _, field in group]
        names += run if len(run) < 3 else [f"{run[0]} … {run[-1]} ({len(run):,})"]
    return names


def _series(name: object, position: int) -> tuple[object, ...]:
    """A key shared by consecutive names that only count up: the text around the number, and the offset."""
    found = _NUMBERED.fullmatch(column_name(name))
    if found is None:
        return (position,)
    before, digits, after = found.groups()
    width = len(digits) if digits.startswith("0") and len(digits) > 1 else 0
    return before, after, int(digits) - position, type(name), width


def _missing_lines(fields: Sequence[Field], missing: Missing, chars: int) -> list[str]:
    """One line on missing values: which columns, or if too many, how many."""
    with_some = [field for field in fields if missing.counts is not None and missing.counts[field.place]]
    if not with_some:
        return []
    listed = ", ".join(f"{column_name(f.name)} ({missing_text(missing, f.place)})" for f in with_some)
    if len(listed) <= chars:
        return [f"- missing values in: {listed}"]
    worst = max(with_some, key=lambda field: missing.counts[field.place] if missing.counts else 0)
    worst_text = f"{column_name(worst.name)[:80]} ({missing_text(missing, worst.place)})"
    return [f"- missing values in {pluralize(len(with_some), 'column')}, most in {worst_text}"]


def _as_many(fields: Sequence[Field], chars: int) -> str:
    """Return the number of columns of each type, as many names as fit, and the number left unnamed."""
    types = _types(fields)
    summary = ", ".join(f"{len(of):,} {dtype}" for dtype, of in types[:8])
    if len(types) > 8:
        summary += f" and {len(types) - 8:,} other types"
    head = f"- types: {summary[: chars // 3]}\n- names: "
    left = chars - len(head) - len(f" … and {len(fields):,} more columns (not named: over budget)")
    shown = 0
    names: list[str] = []
    for field in fields:
        name = column_name(field.name)
        left -= len(name) + 2
        if left < 0:
            break
        names.append(name)
        shown += 1
    rest = pluralize(len(fields) - shown, "more column")
    return f"{head}{', '.join(names)} … and {rest} (not named: over budget)"
