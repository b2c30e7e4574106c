"""How the panel looks, and the few keys that widgets do not know by themselves."""

from __future__ import annotations

from typing import Any

from ipywidgets import HTML, Output

from nbchat.display import widget_style as manners
from nbchat.display.widget_factory import Parts

__all__ = ["KEYS", "STYLE", "keys", "style"]

STYLE = """
.nbchat-panel {
  --nbchat-line: var(--jp-border-color2, #ddd);
  --nbchat-error: var(--jp-error-color1, #b71c1c);
  --jp-widgets-inline-label-width: 160px;
  --jp-widgets-inline-width: 100%;
  border: 1px solid var(--nbchat-line);
  border-radius: 3px;
  padding: 8px 12px;
  margin: 2px 0;
  box-sizing: border-box;
  width: 100%;
  max-width: 1100px;
  gap: 8px;
}
.nbchat-panel .jupyter-widgets { margin: 0; }
.nbchat-panel .widget-inline-hbox, .nbchat-panel .widget-inline-vbox { width: 100%; min-width: 0; }
.nbchat-panel .widget-html { min-height: 0; height: auto; }
.nbchat-panel .widget-html-content { line-height: 1.45; font-size: var(--jp-ui-font-size1, 13px); }
.nbchat-panel :is(input, textarea, select) { min-width: 0; }
.nbchat-control input { padding-left: 6px; padding-right: 6px; }
.nbchat-panel textarea { resize: vertical; }
.nbchat-panel .nbchat-grid {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 360px), 1fr));
  gap: 4px 20px;
  align-items: start;
}
.nbchat-control { flex-flow: row wrap; gap: 2px 6px; align-items: center; min-width: 0; }
.nbchat-control > :first-child { flex: 1 1 0; min-width: 0; }
.nbchat-control > .nbchat-text { flex: 1 1 0; min-width: 0; }
.nbchat-control > .nbchat-text:first-child { flex: 1 1 168px; }
.nbchat-wide { grid-column: 1 / -1; }
.nbchat-number { flex: 0 0 76px !important; width: 76px !important; }
.nbchat-number input { text-align: right; }
.nbchat-panel .nbchat-grid > .widget-inline-hbox, .nbchat-choice { padding-right: 28px; }
.nbchat-panel .nbchat-unset-button {
  flex: 0 0 22px; width: 22px; height: 22px; line-height: 20px; padding: 0; background: transparent; box-shadow: none;
  color: var(--nbchat-quiet); border-radius: 2px; font-size: 15px;
}
.nbchat-panel .nbchat-unset-button:hover {
  background: var(--jp-layout-color2, #eee); color: var(--jp-ui-font-color1, #222);
}
.nbchat-unset > .nbchat-unset-button { visibility: hidden; }
.nbchat-unset .widget-slider .noUi-connect { background: transparent; }
.nbchat-unset .widget-slider .noUi-handle {
  opacity: 0.6; background: var(--jp-layout-color1, #fff); border: 1px solid var(--nbchat-quiet);
}
.nbchat-unset select { color: var(--nbchat-quiet); }
.nbchat-control.nbchat-bad input { border-color: var(--nbchat-error); }
.nbchat-panel .nbchat-note { flex: 1 0 100%; padding-left: 168px; box-sizing: border-box; }
.nbchat-panel :is(.nbchat-grid > :not(.nbchat-wide), .nbchat-buttons) > .nbchat-note { padding-left: 0; }
.nbchat-note .nbchat-words {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; overflow-wrap: anywhere;
}
.nbchat-panel .nbchat-none { display: none; }
.nbchat-panel .nbchat-script { height: 0; margin-top: -6px; overflow: hidden; }
.nbchat-history { gap: 6px; }
.nbchat-history select { height: 58px; }
.nbchat-history .widget-select { position: relative; }
.nbchat-history .widget-select:has(select:empty)::after {
  content: "nothing asked yet"; position: absolute; left: 177px; top: 6px; color: var(--nbchat-quiet); font-size: 12px;
}
.nbchat-note .widget-html-content, .nbchat-status .widget-html-content { font-size: 12px; color: var(--nbchat-quiet); }
.nbchat-wrong .widget-html-content { color: var(--nbchat-error) !important; }
.nbchat-endpoint input::placeholder { color: var(--jp-ui-font-color1, #222) !important; }
.nbchat-refused > :not(.nbchat-unset-button, .nbchat-note) { opacity: 0.6; }
.nbchat-quiet .widget-html-content { color: var(--nbchat-quiet); font-size: 12px; }
.nbchat-buttons { gap: 6px; align-items: center; flex-flow: row wrap; padding-left: 168px; }
.nbchat-panel .jupyter-button { border-radius: 2px; }
.nbchat-buttons .jupyter-button, .nbchat-side .jupyter-button {
  width: auto; padding: 0 12px; height: 28px; line-height: 28px; flex: 0 0 auto;
}
.nbchat-panel .nbchat-send:not(:disabled) { background: var(--jp-accept-color-normal, #1976d2); color: #fff; }
.nbchat-panel .nbchat-fold {
  width: auto; align-self: flex-start; background: transparent; box-shadow: none; padding: 0 4px 0 0; height: 24px;
  line-height: 24px; color: var(--nbchat-quiet); font-size: 12px;
}
.nbchat-panel .nbchat-fold.mod-active { box-shadow: none; background: transparent; color: var(--nbchat-quiet); }
.nbchat-side { gap: 2px 6px; align-items: flex-start; flex-flow: row wrap; }
.nbchat-side > :first-child { flex: 1 1 0; min-width: 0; }
.nbchat-side > .nbchat-name { flex: 0 0 150px; width: 150px; margin-left: auto; }
.nbchat-panel .nbchat-side > .nbchat-fold { flex: 0 0 auto; }
.nbchat-cell textarea { font-family: var(--jp-code-font-family, monospace); font-size: var(--jp-code-font-size, 13px); }
.nbchat-cell textarea, .nbchat-system textarea { field-sizing: content; max-height: 9em; }
.nbchat-message textarea, .nbchat-system textarea { font-family: var(--jp-ui-font-family, sans-serif); }
.nbchat-approval { border: 1px solid var(--nbchat-line); border-radius: 3px; padding: 6px 8px; gap: 6px; }
.nbchat-reply { min-height: 24px; border-top: 1px solid var(--nbchat-line); padding-top: 6px; }
.nbchat-reply .jp-OutputArea-prompt, .nbchat-reply .jp-OutputPrompt { display: none; }
.nbchat-reply .jp-OutputArea-output { padding-left: 0; }
"""
"""The panel's style sheet; every rule is about the panel alone."""

KEYS = """
(function attach(tries) {
  const root = element.closest('.nbchat-panel');
  if (!root?.querySelector('.nbchat-page input')) { if (tries) setTimeout(() => attach(tries - 1), 20); return; }
  for (const row of root.querySelectorAll('.nbchat-control')) {
    const name = row.querySelector('.widget-label')?.textContent;
    for (const part of row.querySelectorAll('.noUi-handle, .nbchat-number input, .nbchat-text input')) {
      if (name && !part.labels?.[0]?.textContent) part.setAttribute('aria-label', name);
    }
  }
  for (const button of root.querySelectorAll('.nbchat-unset-button')) button.setAttribute('aria-label', button.title.split(':')[0]);
  root.querySelector('.nbchat-name input')?.setAttribute('aria-label', 'Name of the preset to save');
  root.querySelector('.nbchat-status')?.setAttribute('role', 'status');
  const page = root.querySelector('.nbchat-page input');
  window.nbchatPage ??= String(Math.random());
  if (page.value !== window.nbchatPage) {
    page.value = window.nbchatPage;
    page.dispatchEvent(new Event('change', {bubbles: true}));
  }
  if (root.dataset.nbchatPanel) return;
  root.dataset.nbchatPanel = 'yes';
  for (const field of root.querySelectorAll('input[type=text], textarea')) {
    let typed = null;
    field.addEventListener('input', () => { typed = field.value; });
    field.addEventListener('change', () => { typed = null; });
    const done = () => { if (typed !== null) field.dispatchEvent(new Event('change', {bubbles: true})); };
    field.addEventListener('blur', done);  // a browser forgets that somebody typed where the text was put back
    field.addEventListener('keydown', event => { if (event.key === 'Enter' && field.tagName === 'INPUT') done(); }, true);
    const kept = new MutationObserver(() => {
      if (typed !== null && document.activeElement === field && field.value !== typed) field.value = typed;
    });
    kept.observe(field, {attributes: true});
    if (field.list) kept.observe(field.list, {childList: true, subtree: true});
  }
  root.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    const send = root.querySelector('.nbchat-send');
    event.preventDefault();
    event.stopPropagation();
    if (!send || send.disabled) return;
    event.target.dispatchEvent(new Event('change', {bubbles: true}));
    send.click();
  }, true);
  const [area, stop] = [root.querySelector('.nbchat-reply'), root.querySelector('.nbchat-stop')];
  let last = 0;
  new ResizeObserver(() => {
    const {height} = area.getBoundingClientRect();
    if (!stop.disabled && height > last) area.style.minHeight = `${height}px`;
    last = height;
  }).observe(area);
  new MutationObserver(() => { if (stop.disabled) area.style.minHeight = ''; })
    .observe(stop, {attributes: true, attributeFilter: ['disabled']});
  root.addEventListener('click', event => {
    if (!event.target.closest('.nbchat-copy')) return;
    const field = root.querySelector('.nbchat-cell textarea');
    if (navigator.clipboard) { navigator.clipboard.writeText(field.value); return; }
    field.select();
    document.execCommand('copy');
  });
})(250);
"""
"""Ctrl+Enter (Cmd+Enter) sends, Copy copies, every part of a row has its name for a screen reader, a page has its mark,
and an answer that comes only grows: a front-end renders Markdown some frames after it has taken the old one away.
What is half typed stays: a widget tells the kernel of it only when it is done, and forgets it when its list or its
placeholder changes. (One that follows each key would do neither, but a click on Send can overtake the last of them.)

Widgets offer none of these. A front-end that does not run it loses them and nothing else.
"""


def style(parts: Parts) -> Any:
    """The style sheet as a widget."""
    return parts.make(HTML, manners.style_sheet(manners.STYLE + STYLE), classes="nbchat-none")


def keys(parts: Parts) -> Any:
    """The script as a widget: an output that the front-end runs when it shows the panel."""
    return parts.make(Output, outputs=manners.script_outputs(manners.KEYS + KEYS), classes="nbchat-script")
