"""Tables made of columns, for sweeps and evaluations."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from nbchat.display import chrome
from nbchat.markdown.inline import html_text

__all__ = ["Column", "Order", "columns_html", "columns_plain"]

SHORT = 24
"""Most characters of a text on one line."""


class Column(Struct, frozen=True):
    """A column: its title and its cells, as text."""

    title: str
    cells: Sequence[str]
    number: bool = True
    html: Sequence[str] | None = None
    """The cells as HTML, if they are more than text."""
    key: str = ""
    """The data column to sort by; empty = none."""
    wide: bool = False
    """Whether it takes the remaining width (the answers)."""
    aside: bool = False
    """Whether it is hidden first if space is short."""

    @property
    def filled(self) -> bool:
        """Whether any cell has content."""
        return any(self.cells)

    @property
    def same(self) -> bool:
        """Whether there are several cells and all are equal."""
        return len(set(self.cells)) == 1 < len(self.cells)


class Order(Struct, frozen=True):
    """How a table's rows are sorted: the key of a column, and whether descending. It makes the headers clickable."""

    key: str
    descending: bool


def columns_html(
    columns: Sequence[Column], *, order: Order | None = None, marks: Sequence[str] = (), tall: bool = False
) -> str:
    """Return columns as a table, with numbers aligned right.

    `order` None = the headers do not sort. `marks` are attributes of the rows; a `tall` table scrolls under its header.
    """
    frame = "max-height:36em;overflow:auto" if tall else "overflow-x:auto"
    stuck = (
        ";position:sticky;top:0;z-index:1;background:var(--jp-layout-color0,var(--vscode-editor-background,#fff))"
        * tall
    )
    heads = "".join(
        f'<th{_sorts(column, order)} style="text-align:{_side(column)};white-space:nowrap{stuck}">'
        f"{html_text(column.title)}{_arrow(column, order)}</th>"
        for column in columns
    )
    rows = ["".join(_cell(column, number) for column in columns) for number in range(len(columns[0].cells))]
    body = "".join(f"<tr{mark}>{cells}</tr>" for mark, cells in zip(marks or [""] * len(rows), rows, strict=True))
    return (
        f'<div style="{frame};margin:0.7em 0"><table style="margin:0"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def columns_plain(columns: Sequence[Column]) -> str:
    """Return columns as aligned text."""
    rows = list(zip(*(column.cells for column in columns), strict=True))
    return str(chrome.table([column.title for column in columns], rows)["text/plain"])


def _sorts(column: Column, order: Order | None) -> str:
    """Return a header's attributes: the column it sorts by, and the current order."""
    aside = ' class="nbchat-aside"' if column.aside else ""
    if order is None or not column.key:
        return aside
    state = ("descending" if order.descending else "ascending") if column.key == order.key else "none"
    name = html_text(column.key)
    return f'{aside} data-nbchat-sort="{name}" aria-sort="{state}" tabindex="0" title="sort by {name}" aria-label="sort by {name}"'


def _arrow(column: Column, order: Order | None) -> str:
    if order is None or not column.key or column.key != order.key:
        return ""
    return " ▾" if order.descending else " ▴"


_ANSWER = "text-align:left;vertical-align:top;min-width:20em;max-width:0;width:100%"
"""The style of a column that takes the remaining width; a line that is too long ends in an ellipsis."""


def _cell(column: Column, number: int) -> str:
    if column.html is not None:
        style = _ANSWER if column.wide else "text-align:left;vertical-align:top;white-space:nowrap"
        return f'<td style="{style}">{column.html[number]}</td>'
    text = column.cells[number]
    wrap = "white-space:nowrap" if column.number or len(text) <= SHORT else "overflow-wrap:break-word;max-width:20em"
    aside = ' class="nbchat-aside"' if column.aside else ""
    return f'<td{aside} style="text-align:{_side(column)};vertical-align:top;{wrap}">{html_text(text)}</td>'


def _side(column: Column) -> str:
    return "right" if column.number else "left"
