"""nbchat's own lines and tables in a cell: muted, theme-aware, with all foreign text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbchat.display.canvas import Bundle
from nbchat.markdown.inline import html_text
from nbchat.markdown.terminal_text import plain_text

__all__ = ["CARD", "EMPTY", "NO_MATH_CLASS", "QUIET", "details", "line", "table", "text_block", "widget_bundle"]

QUIET = "color:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#666))"
"""The front end's colour for secondary text, in light and dark themes."""

CODE_FONT = "font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,monospace))"

NO_MATH_CLASS = "mathjax_ignore tex2jax_ignore"
"""Classes that make MathJax (versions 3 and 2) skip an element."""

CARD = (
    "border:1px solid var(--jp-border-color2,var(--vscode-panel-border,#bdbdbd));border-radius:4px;padding:0.5em 0.8em"
)
"""A frame around one thing of several."""

EMPTY: Bundle = {"text/html": "", "text/plain": ""}
"""An empty output, since outputs can be updated but not removed."""


def line(facts: Sequence[str] | str) -> Bundle:
    """One muted line of facts, separated by dots."""
    text = facts if isinstance(facts, str) else " · ".join(facts)
    return {
        "text/html": f'<div class="{NO_MATH_CLASS}" style="{QUIET};font-size:0.85em;line-height:1.5">{html_text(text)}</div>',
        "text/plain": plain_text(text),
    }


def text_block(text: str) -> Bundle:
    """Preformatted text in a monospace font."""
    return {
        "text/html": f'<pre style="{CODE_FONT};white-space:pre-wrap;line-height:1.4;margin:0">{html_text(text)}</pre>',
        "text/plain": plain_text(text),
    }


def details(summary: str, body: str, *, opened: bool = False) -> Bundle:
    """Text folded under a muted summary."""
    state = " open" if opened else ""
    inner = f'<div style="white-space:pre-wrap;margin:0.3em 0 0.3em 1em">{html_text(body)}</div>'
    return {
        "text/html": f'<details{state} class="{NO_MATH_CLASS}" style="{QUIET};font-size:0.9em"><summary style="cursor:pointer">'
        f"{html_text(summary)}</summary>{inner}</details>",
        "text/plain": plain_text(f"[{summary}]\n{body}"),
    }


def widget_bundle(widget: Any, plain: str) -> Bundle:
    """A widget, with `plain` as its text where there is no kernel."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view, "text/plain": plain}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Bundle:
    """A table of rows; an empty header is omitted."""
    cells = "".join(f'<th style="text-align:left">{html_text(cell)}</th>' for cell in header)
    head = f"<thead><tr>{cells}</tr></thead>" if header else ""
    body = "".join(
        "<tr>"
        + "".join(f'<td style="text-align:left;vertical-align:top">{html_text(cell)}</td>' for cell in row)
        + "</tr>"
        for row in rows
    )
    return {
        "text/html": f'<table class="{NO_MATH_CLASS}">{head}<tbody>{body}</tbody></table>',
        "text/plain": plain_text(_aligned([header, *rows] if header else rows)),
    }


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
