"""Describe data frames and columns on the privacy ladder, within a budget."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from nbchat.data.description import ASKED, DESCRIBED, Description, missing, room, safe_str, shorten
from nbchat.data.privacy.ladder import Rung, mask
from nbchat.data.privacy.private_columns import hidden
from nbchat.data.tables.column_list import column_name, columns_text, statistics_text
from nbchat.data.tables.column_stats import Statistics
from nbchat.data.tables.table import Field, Table
from nbchat.values.errors import PromptError
from nbchat.values.wording import pluralize

__all__ = ["describe_table", "headline"]

BATCH = 512
"""Rows read in one batch."""


def describe_table(
    value: object, table: Table, spec: str = "", *, budget: int | None = None, name: str = ""
) -> Description:
    """Describe a frame at the rung that `spec` names, without its private columns.

    Raises PromptError for an unknown rung.

    Missing values are counted exactly if that is cheap, else in evenly spaced rows; the text says which. Rows of
    `:sample` are evenly spaced and masked (see `mask`).
    """
    rung = Rung.parse(spec, name)
    private = hidden(value, table)
    shown = [field for field in table.fields if field.place not in private.places]
    top = headline(table, name)
    if private.places:
        top += f"\n{pluralize(len(private.places), 'private column')} left out."
    if rung.name in ("schema", "stats"):
        return _described(table, rung, shown, top, room(budget), labels=private.labels)
    chars = room(budget, DESCRIBED if rung.name == "sample" else ASKED)
    return _rows(table, rung, shown, top, chars, labels=private.labels)


def headline(table: Table, name: str = "") -> str:
    """Return one line: type and size."""
    size = "rows not counted (lazy)" if table.rows is None else pluralize(table.rows, "row")
    if not table.single:
        size += f" × {pluralize(len(table.fields), 'column')}"
    labels = ", ".join(f"{_label_name(label) or 'unnamed'}: {label.dtype}" for label in table.labels)
    return f"{name + ': ' if name else ''}{table.kind}, {size}{'; row labels ' + labels if labels else ''}"


def _described(table: Table, rung: Rung, shown: Sequence[Field], top: str, chars: int, *, labels: bool) -> Description:
    """Schema or statistics: nothing about single rows except what a range or a frequent category reveals."""
    absent = table.missing()
    if absent.sampled:
        top += f"\nMissing values counted in {absent.seen:,} evenly spaced rows of {absent.rows:,}."
    if rung.name == "stats":
        statistics = Statistics(table, len(shown))
        top += statistics.basis
        for level in table.labels if labels else ():
            if level.name is not None or level.dtype != "int64":  # a filtered frame's numbers say nothing
                facts = statistics.of_labels(level.place)
                top += f"\nRow labels {_label_name(level) or 'unnamed'}: {facts}" if facts else ""
        top, top_cut = shorten(top, chars // 2)
        body, cut = statistics_text(shown, absent, chars - len(top) - 1, statistics.of)
    else:
        top, top_cut = shorten(top, chars // 2)
        body, cut = columns_text(shown, absent, chars - len(top) - 1)
    what = "statistics" if rung.name == "stats" else "schema"
    label = f"{what} of {pluralize(len(shown), 'column')}"
    text, over = shorten(f"{top}\n{body}" if body else top, chars)
    return Description(text, label, rung.name, cut=cut or top_cut or over)


def _rows(table: Table, rung: Rung, shown: Sequence[Field], top: str, chars: int, *, labels: bool) -> Description:
    """Rows as CSV, masked or real: as many of those requested as fit, with a note on how many that is."""
    positions = _positions(table, rung)
    masked = rung.name == "sample"
    header = [column_name(field.name) for field in shown]
    with_labels = labels and bool(table.labels)
    if with_labels:
        header = [*map(_label_name, table.labels), *header]
    head, cut = shorten(f"{top}\n{_basis(rung, positions)}\n{_csv(header)}", chars // 2)
    lines: list[str] = []
    left = chars - len(head) - len(f"\n[cut: {len(positions):,} of {len(positions):,} rows fit]")
    for row in _read(table, positions, [field.place for field in shown], with_labels):
        line = _csv([mask(value) if masked else plain(value) for value in row])
        left -= len(line) + 1
        if left < 0:
            cut = True
            lines.append(f"[cut: {len(lines):,} of {pluralize(len(positions), 'row')} fit]")
            break
        lines.append(line)
    rows = len(lines) - (1 if left < 0 else 0)
    label = f"{pluralize(rows, 'masked row' if masked else 'row')} of {pluralize(len(shown), 'column')}"
    return Description("\n".join([head, *lines]), label, rung.name, cut=cut)


def _positions(table: Table, rung: Rung) -> range:
    """The rows that a rung selects: the first ones, or for a sample evenly spaced ones."""
    if table.rows is None:
        if rung.name != "head" or rung.rows is None:
            raise PromptError(f"This {table.kind} is lazy: collect it for rows other than head N.")
        return range(rung.rows)
    wanted = table.rows if rung.rows is None else min(rung.rows, table.rows)
    if rung.name == "sample" and wanted:
        step = table.rows // wanted
        return range(0, wanted * step, step)
    return range(wanted)


def _basis(rung: Rung, positions: range) -> str:
    if rung.name == "sample":
        return (
            f"{pluralize(len(positions), 'evenly spaced row')}, masked: each letter stands as x or X, each digit as 9, "
            "so that only the pattern of a value shows (CSV):"
        )
    if rung.name == "all":
        return f"All {pluralize(len(positions), 'row')} (CSV):"
    return f"The first {'row' if len(positions) == 1 else pluralize(len(positions), 'row')} (CSV):"


def _label_name(label: Field) -> str:
    return "" if label.name is None else column_name(label.name)


def _read(table: Table, rows: range, places: Sequence[int], labels: bool) -> Iterator[list[object]]:
    """Yield rows, read in batches so that reading stops at a cut."""
    if not places and not labels:
        return
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        cells = table.cells(batch, places) if places else [[] for _ in batch]
        if labels:
            yield from ([*label, *row] for label, row in zip(table.row_labels(batch), cells, strict=True))
        else:
            yield from cells


def plain(value: object) -> str:
    """Format a cell: empty if missing, floats without binary rounding noise."""
    if missing(value):
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    return safe_str(value)


def _csv(row: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()
