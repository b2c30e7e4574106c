"""The panel's style sheet and keyboard script."""

from __future__ import annotations

from typing import Any

from ipywidgets import HTML, Output

from nbchat.display import widget_style as style_widgets
from nbchat.display.widget_factory import WidgetFactory

__all__ = ["KEYS", "STYLE", "keys", "style"]

STYLE = """
.nbchat-panel {
  --nbchat-line: var(--jp-border-color2, #ddd);
  --nbchat-error: var(--jp-error-color1, #b71c1c);
  --jp-widgets-inline-label-width: auto;
  --jp-widgets-inline-width: 100%;
  container: nbchat-panel / inline-size;
  border: 1px solid var(--nbchat-line);
  border-radius: 3px;
  padding: 8px 12px;
  margin: 2px 0;
  box-sizing: border-box;
  width: 100%;
  max-width: 1200px;
}
.nbchat-panel .jupyter-widgets { margin: 0; }
.nbchat-panel :is(.widget-inline-hbox, .widget-inline-vbox) { width: 100%; min-width: 0; height: auto; }
.nbchat-panel .widget-html { min-height: 0; height: auto; }
.nbchat-panel .widget-html-content { line-height: 1.45; font-size: var(--jp-ui-font-size1, 13px); }
.nbchat-panel :is(input, textarea, select) { min-width: 0; }
.nbchat-panel textarea { resize: vertical; height: auto; }
.nbchat-panel .nbchat-none { display: none; }
.nbchat-panel .nbchat-script { height: 0; overflow: hidden; }
.nbchat-panel .jupyter-button { border-radius: 2px; width: auto; flex: 0 0 auto; }
.nbchat-columns { display: grid; grid-template-columns: minmax(0, 1fr) 250px; gap: 8px 20px; align-items: start; }
.nbchat-talk, .nbchat-settings, .nbchat-first, .nbchat-more { gap: 6px; min-width: 0; }
.nbchat-settings .nbchat-narrow { display: none; }
.nbchat-more { display: none !important; }
.nbchat-all .nbchat-more { display: flex !important; }
@container nbchat-panel (max-width: 640px) {
  .nbchat-columns { grid-template-columns: minmax(0, 1fr); reading-flow: grid-order; }
  .nbchat-settings { order: -1; }
  .nbchat-settings .nbchat-narrow { display: block; }
  .nbchat-unfolded .nbchat-summary, .nbchat-summary:has(.widget-html-content:empty) { display: none !important; }
  .nbchat-panel:not(.nbchat-unfolded) .nbchat-settings > :not(.nbchat-narrow) { display: none !important; }
  .nbchat-first, .nbchat-more {
    display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 200px), 1fr)); gap: 6px 16px; align-items: start;
  }
  .nbchat-all .nbchat-more { display: grid !important; }
}

.nbchat-message .widget-label, .nbchat-history > :first-child > .widget-label { display: none; }
.nbchat-message textarea { field-sizing: content; min-height: 66px; max-height: 45vh; }
.nbchat-message textarea, .nbchat-system textarea { font-family: var(--jp-ui-font-family, sans-serif); }
.nbchat-buttons, .nbchat-history { gap: 6px; align-items: center; flex-flow: row wrap; }
.nbchat-buttons .jupyter-button { padding: 0 12px; height: 28px; line-height: 28px; }
.nbchat-history .jupyter-button { padding: 0 8px; height: 24px; line-height: 24px; font-size: 12px; }
.nbchat-history > :first-child { flex: 1 1 200px; }
@container nbchat-panel (max-width: 940px) { .nbchat-history > :first-child { flex-basis: 100%; } }
:is(.nbchat-history, .nbchat-reply) select { height: 26px; box-sizing: border-box; }
.nbchat-versions { gap: 2px; }
.nbchat-rating { gap: 6px 12px; align-items: center; flex-flow: row wrap; }
.nbchat-rating > :first-child { flex: 0 1 160px; }
.nbchat-rating > :nth-child(2) { flex: 1 1 240px; }
.nbchat-panel .nbchat-send:not(:disabled) { background: var(--jp-accept-color-normal, #1976d2); color: #fff; }
.nbchat-panel .nbchat-toggle {
  background: transparent; box-shadow: inset 0 0 0 1px var(--nbchat-line); color: var(--nbchat-quiet); font-size: 12px;
}
.nbchat-panel .nbchat-toggle.mod-active { color: var(--jp-ui-font-color1, #222); box-shadow: inset 0 0 0 1px currentColor; }
.nbchat-size { flex: 1 1 0; min-width: 0; height: 18px !important; overflow: hidden; white-space: nowrap; }
.nbchat-status:has(.widget-html-content:empty) { display: none; }
.nbchat-status { flex: 0 0 auto; padding-top: 4px; }
.nbchat-approval { border: 1px solid var(--nbchat-line); border-radius: 3px; padding: 6px 8px; gap: 6px; }
.nbchat-panel .nbchat-scroll {
  max-height: max(400px, 62vh); overflow: hidden auto; overflow-anchor: none; border-top: 1px solid var(--nbchat-line);
}
.nbchat-reply { min-height: 24px; padding-top: 6px; flex: 0 0 auto; }
.nbchat-reply .jp-OutputArea-prompt, .nbchat-reply .jp-OutputPrompt { display: none; }
.nbchat-reply .jp-OutputArea-output { padding-left: 0; }
.nbchat-reply .jp-OutputArea-output pre { word-break: normal; overflow-wrap: anywhere; }

.nbchat-control { flex-flow: row wrap; gap: 0 6px; align-items: flex-end; min-width: 0; position: relative; }
.nbchat-control > :first-child { flex: 1 1 0; min-width: 0; }
.nbchat-settings .widget-inline-hbox { flex-flow: row wrap; }
.nbchat-settings .widget-label { flex: 1 0 100%; width: auto; height: 18px; line-height: 18px; font-size: 12px; }
.nbchat-settings :is(input, select) { height: 26px; box-sizing: border-box; padding-left: 6px; padding-right: 6px; }
.nbchat-settings .widget-text, .nbchat-settings .widget-dropdown, .nbchat-settings .widget-combobox { height: auto; }
.nbchat-settings .widget-slider { height: 44px; }
.nbchat-settings .slider-container { margin: 0 10px; height: 26px; display: flex; align-items: center; }
.nbchat-settings .noUi-target { flex: 1 1 auto; }
.nbchat-control > .nbchat-text { flex: 1 1 20%; min-width: 0; }
.nbchat-control > .nbchat-text:first-child { flex: 1 1 100%; margin-bottom: 4px; }
.nbchat-number { flex: 0 0 72px !important; width: 72px !important; }
.nbchat-several .slider-container { display: none; }
.nbchat-several .widget-slider { height: auto; flex: 1 0 100%; }
.nbchat-several > .nbchat-number { flex: 1 1 100% !important; width: 100% !important; }
.nbchat-several > .nbchat-number input { text-align: left; }
.nbchat-number input { text-align: right; }
.nbchat-panel .nbchat-unset-button {
  position: absolute; top: 0; right: 0; width: 18px; height: 18px; line-height: 16px; padding: 0; background: transparent;
  box-shadow: none; color: var(--nbchat-quiet); font-size: 15px;
}
.nbchat-panel .nbchat-unset-button:hover { background: var(--jp-layout-color2, #eee); color: var(--jp-ui-font-color1, #222); }
.nbchat-unset > .nbchat-unset-button { visibility: hidden; }
.nbchat-control:not(.nbchat-unset, .nbchat-choice) .widget-label { color: var(--jp-ui-font-color0, #000); font-weight: 600; }
.nbchat-control .widget-slider .noUi-handle { background: var(--nbchat-ring); border-color: var(--nbchat-ring); opacity: 1; }
.nbchat-unset .widget-slider .noUi-connect { background: transparent; }
.nbchat-unset .widget-slider .noUi-target {
  background: transparent; border: 0; border-top: 1px dashed var(--nbchat-quiet); box-shadow: none;
}
.nbchat-unset .widget-slider .noUi-handle { background: transparent; border-color: transparent; box-shadow: none; }
.nbchat-unset .widget-slider:is(:hover, :focus-within) .noUi-handle { border: 1px dashed var(--nbchat-ring); }
.nbchat-unset select { color: var(--nbchat-quiet); }
.nbchat-control.nbchat-bad input { border-color: var(--nbchat-error); }
.nbchat-panel .nbchat-note { flex: 1 0 100%; box-sizing: border-box; }
.nbchat-note .nbchat-words {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; overflow-wrap: anywhere;
}
:is(.nbchat-note, .nbchat-size, .nbchat-status, .nbchat-summary) .widget-html-content {
  font-size: 12px; color: var(--nbchat-quiet);
}
.nbchat-wrong .widget-html-content { color: var(--nbchat-error) !important; }
.nbchat-endpoint input::placeholder { color: var(--jp-ui-font-color1, #222) !important; }
.nbchat-refused > :not(.nbchat-unset-button, .nbchat-note) { opacity: 0.6; }
.nbchat-panel .nbchat-fold {
  align-self: flex-start; background: transparent; box-shadow: none; padding: 0; height: 22px; line-height: 22px;
  color: var(--nbchat-quiet); font-size: 12px;
}
.nbchat-panel .nbchat-fold.mod-active { box-shadow: none; background: transparent; color: var(--nbchat-quiet); }
.nbchat-side { gap: 2px 6px; align-items: flex-end; flex-flow: row wrap; }
.nbchat-side > :first-child { flex: 1 1 0; min-width: 0; }
.nbchat-side .jupyter-button { padding: 0 8px; height: 26px; line-height: 26px; font-size: 12px; }
.nbchat-side:has(.nbchat-copy) { position: relative; }
.nbchat-panel .nbchat-copy { position: absolute; top: 0; right: 0; height: 18px; line-height: 18px; }
.nbchat-cell textarea { font-family: var(--jp-code-font-family, monospace); font-size: 12px; }
.nbchat-cell textarea, .nbchat-system textarea { field-sizing: content; max-height: 9em; }
"""
"""The panel's style sheet, scoped to the panel. `reading-flow` has Tab go as the eye does; not every browser knows it."""

KEYS = """
(function attach(tries) {
  const root = element.closest('.nbchat-panel');
  if (!root?.querySelector('.nbchat-page input')) { if (tries) setTimeout(() => attach(tries - 1), 20); return; }
  const nameParts = () => {
    for (const row of root.querySelectorAll('.nbchat-control')) {
      const name = row.querySelector('.widget-label')?.textContent;
      for (const part of row.querySelectorAll('.noUi-handle, .nbchat-number input, .nbchat-text input')) {
        if (name && !part.labels?.[0]?.textContent) part.setAttribute('aria-label', name);
      }
    }
    for (const button of root.querySelectorAll('button')) {
      const bare = !/[a-z]/i.test(button.textContent);
      if (bare && button.title) button.setAttribute('aria-label', button.title.split(/[:;]/)[0]);
    }
  };
  nameParts();
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
  const kept = new WeakSet();
  const keep = field => {
    if (kept.has(field)) return;
    kept.add(field);
    let typed = null;
    field.addEventListener('input', () => { typed = field.value; });
    field.addEventListener('change', () => { typed = null; });
    const done = () => { if (typed !== null) field.dispatchEvent(new Event('change', {bubbles: true})); };
    field.addEventListener('blur', done);  // a browser forgets that somebody typed where the text was put back
    field.addEventListener('keydown', event => { if (event.key === 'Enter' && field.tagName === 'INPUT') done(); }, true);
    const watched = new MutationObserver(() => {
      if (typed !== null && document.activeElement === field && field.value !== typed) field.value = typed;
    });
    watched.observe(field, {attributes: true});
    if (field.list) watched.observe(field.list, {childList: true, subtree: true});
  };
  const keepAll = () => root.querySelectorAll('input[type=text], textarea').forEach(keep);
  keepAll();
  new MutationObserver(() => { nameParts(); keepAll(); })
    .observe(root.querySelector('.nbchat-settings'), {childList: true, subtree: true, attributeFilter: ['class']});
  const [message, draft] = [root.querySelector('.nbchat-message textarea'), root.querySelector('.nbchat-draft textarea')];
  let sized = 0;
  const report = () => {
    clearTimeout(sized);
    draft.value = message.value;
    draft.dispatchEvent(new Event('change', {bubbles: true}));
  };
  message.addEventListener('input', () => { clearTimeout(sized); sized = setTimeout(report, 300); });
  root.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    const send = root.querySelector('.nbchat-send');
    event.preventDefault();
    event.stopPropagation();
    if (!send || event.repeat) return;
    event.target.dispatchEvent(new Event('change', {bubbles: true}));
    if (!send.disabled) { send.click(); return; }
    report();
    write(`ask ${Date.now()}`);
  }, true);
  const sending = root.querySelector('.nbchat-sending input');
  const write = text => { sending.value = text; sending.dispatchEvent(new Event('change', {bubbles: true})); };
  root.addEventListener('click', event => {
    if (!event.target.closest('.nbchat-send')) return;
    clearTimeout(sized);
    event.preventDefault();
    event.stopPropagation();
    write(`ask ${Date.now()}`);
  }, true);
  new MutationObserver(() => { if (sending.placeholder) write(`send ${sending.placeholder}`); })
    .observe(sending, {attributes: true, attributeFilter: ['placeholder']});
  const [pane, area, stop] = ['.nbchat-scroll', '.nbchat-reply', '.nbchat-stop'].map(name => root.querySelector(name));
  let [tallest, top, follows] = [0, 0, true];
  const coming = () => !stop.disabled;
  pane.addEventListener('scroll', () => {
    if (pane.scrollTop < top) follows = false;
    if (pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 8) follows = true;
    top = pane.scrollTop;
  });
  new ResizeObserver(() => {
    const {height} = area.getBoundingClientRect();
    if (coming() && height > tallest) area.style.minHeight = `${height}px`;
    tallest = height;
    if (coming() && follows && !area.querySelector('.nbchat-growing')) pane.scrollTop = pane.scrollHeight;
  }).observe(area);
  new MutationObserver(() => {
    const last = coming() && follows && [...area.querySelectorAll('.nbchat-growing .nbchat-running')].at(-1);
    const beyond = last ? last.getBoundingClientRect().bottom - pane.getBoundingClientRect().bottom : 0;
    if (beyond > 0) pane.scrollTop += beyond + 8;
  }).observe(area, {childList: true, subtree: true});
  const release = () => { if (!coming()) area.style.minHeight = ''; };
  new MutationObserver(() => { if (coming()) follows = true; else setTimeout(release, 500); })
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
"""Ctrl+Enter (Cmd+Enter) sends, Copy copies, row parts get labels for screen readers, and page loads are marked.
The end of a streaming answer, or the last of several that grow, stays in view until the reader scrolls up.
A streaming answer never shrinks: front ends render new Markdown some frames after removing the old output.
Half-typed text is preserved: a widget reports it only when editing ends, and drops it when its options or placeholder
change. A click on Send waits until the kernel has what was typed before it: see `SendHandshake`.
During an answer Ctrl+Enter reaches the kernel too, which sends the message afterwards: the page may show an answer's
end before Send is enabled again, and a press between the two would be lost.

ipywidgets has no such features; a front end that does not run the script only lacks these.
"""


def style(factory: WidgetFactory) -> Any:
    """The style sheet as a widget."""
    return factory.make(HTML, style_widgets.style_sheet(style_widgets.STYLE + STYLE), classes="nbchat-none")


def keys(factory: WidgetFactory) -> Any:
    """The script as an output widget, which the front end runs when it shows the panel."""
    return factory.make(
        Output, outputs=style_widgets.script_outputs(style_widgets.KEYS + KEYS), classes="nbchat-script"
    )
