"""How nbchat's widgets look: parts of the front-end, in its own colours and type.

Colours are the front-end's own variables, so that its light, dark and high-contrast themes are the widgets' as well;
what stands behind a comma is for front-ends without them.
"""

from __future__ import annotations

__all__ = ["WIDGETS", "WIDGETS_CLASS", "style_sheet"]

WIDGETS_CLASS = "nbchat-widgets"
"""The class of an outermost widget that is to look so."""

_ARROW = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='18' height='18'%3E"
    "%3Cpath fill='none' stroke='%23808080' stroke-width='2' d='M5 7l4 4 4-4'/%3E%3C/svg%3E"
)
"""A list's arrow in a grey for light and dark: the widgets' own is black in every theme."""

WIDGETS = f"""
.nbchat-widgets {{
  --nbchat-quiet: var(--jp-ui-font-color2, #666);
  --nbchat-ring: var(--jp-brand-color1, #1976d2);
  --jp-widgets-dropdown-arrow: url("{_ARROW}");
  color: var(--jp-ui-font-color1, #222);
  overflow: visible;
}}
.nbchat-widgets :is(.widget-box, .jupyter-widgets) {{ overflow: visible; }}
.nbchat-widgets :where(button, input, select, textarea) {{ font-family: var(--jp-ui-font-family, sans-serif); }}
.nbchat-widgets :is(input, textarea, select, .widget-label) {{ color: var(--jp-ui-font-color1, #222); }}
.nbchat-widgets :is(input, textarea)::placeholder {{ color: var(--nbchat-quiet); opacity: 1; font-size: 12px; }}
.nbchat-widgets :is(button, input, textarea, select, summary, .noUi-handle):focus-visible {{
  outline: 2px solid var(--nbchat-ring); outline-offset: 1px;
}}
.nbchat-explorer .widget-inline-hbox, .nbchat-explorer .widget-checkbox {{ margin: 0; width: auto; }}
.nbchat-explorer .widget-label {{ margin-right: 6px; }}
.nbchat-explorer .widget-checkbox label {{ display: flex; align-items: center; gap: 6px; }}
.nbchat-explorer .widget-checkbox input {{ margin: 0; }}
.nbchat-line {{ display: flex; flex-flow: row wrap; align-items: center; gap: 6px 16px; margin: 2px 0; }}
"""
"""Rules for all of them, and those of the sweep's explorer. The panel has more of its own."""


def style_sheet(rules: str = WIDGETS) -> str:
    """Rules as HTML."""
    return f"<style>{rules}</style>"
