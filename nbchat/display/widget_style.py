"""Style and key handling of nbchat's widgets, in the front end's own colours and fonts.

Colours are the front end's CSS variables, so that its light, dark and high-contrast themes apply; the fallbacks are
for front ends without them.
"""

from __future__ import annotations

from typing import Any

__all__ = ["KEYS", "STYLE", "WIDGETS_CLASS", "script_outputs", "style_sheet", "style_widgets"]

WIDGETS_CLASS = "nbchat-widgets"
"""The CSS class of a styled root widget."""

_ARROW = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='18' height='18'%3E"
    "%3Cpath fill='none' stroke='%23808080' stroke-width='2' d='M5 7l4 4 4-4'/%3E%3C/svg%3E"
)
"""A grey dropdown arrow that suits light and dark themes; the default is always black."""

STYLE = f"""
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
  outline: 2px solid var(--nbchat-ring) !important; outline-offset: 1px;
}}
.nbchat-widgets .widget-label {{ text-align: left; }}
.nbchat-explorer .widget-inline-hbox, .nbchat-explorer .widget-checkbox {{ margin: 0; width: auto; }}
.nbchat-explorer .widget-label {{ margin-right: 6px; }}
.nbchat-explorer .widget-checkbox label {{ display: flex; align-items: center; gap: 6px; }}
.nbchat-explorer .widget-checkbox input {{ margin: 0; }}
.nbchat-widgets.jupyter-widgets-disconnected > *, .nbchat-widgets.jupyter-widgets-disconnected::before {{ display: none; }}
.nbchat-widgets.jupyter-widgets-disconnected::after {{
  content: "The kernel was restarted. Run this cell again."; color: var(--nbchat-quiet); padding: 4px 0;
}}
.nbchat-line {{ display: flex; flex-flow: row wrap; align-items: center; gap: 6px 16px; margin: 2px 0; }}
"""
"""Rules for all widgets and for the sweep explorer; the panel adds its own."""

KEYS = """
(function attach(tries) {
  const root = element.closest('.nbchat-widgets');
  if (!root) { if (tries) setTimeout(() => attach(tries - 1), 20); return; }
  const nameHandles = () => {
    for (const slider of root.querySelectorAll('.widget-slider')) {
      const name = slider.querySelector('.widget-label')?.textContent;
      const handle = slider.querySelector('.noUi-handle');
      if (name && handle) handle.setAttribute('aria-label', name);
    }
  };
  nameHandles();
  if (root.dataset.nbchatKeys) return;
  root.dataset.nbchatKeys = 'yes';
  root.addEventListener('focusin', nameHandles);
  const keep = event => {
    const part = event.target.dataset;
    if (event.ctrlKey || event.metaKey || event.altKey) delete part?.lmSuppressShortcuts;
    else if (part) part.lmSuppressShortcuts = 'true';
  };
  for (const kind of ['focusin', 'keydown', 'keyup']) root.addEventListener(kind, keep, true);
  root.addEventListener('keydown', event => {
    const cell = event.key === 'Escape' && root.closest('.jp-Cell');
    if (cell) cell.focus();
  }, true);
})(250);
"""
"""Keys without Ctrl, Cmd or Alt go to the widget: a notebook would read arrows as moving to another cell, and letters as
commands. Escape returns to the notebook. Slider handles get accessible names.

Elements opt out of shortcuts beforehand, because the front end's listener may run before this one.
"""


def style_sheet(rules: str = STYLE) -> str:
    """Rules as HTML."""
    return f"<style>{rules}</style>"


def script_outputs(script: str = KEYS) -> tuple[dict[str, Any], ...]:
    """Return the outputs of an output widget that makes the front end run a script on its `element`.

    The classic notebook passes a jQuery object; the script gets the element itself.
    """
    script = f"(element => {{{script}}})(element.jquery ? element[0] : element);"
    return ({"output_type": "display_data", "data": {"application/javascript": script}, "metadata": {}},)


def style_widgets() -> list[Any]:
    """Return two invisible widgets that add the style and key handling to a root with `WIDGETS_CLASS`."""
    import ipywidgets as widgets

    nothing = widgets.Layout(display="none")
    unseen = widgets.Layout(height="0", margin="0", overflow="hidden")
    return [widgets.HTML(style_sheet(), layout=nothing), widgets.Output(outputs=script_outputs(), layout=unseen)]
