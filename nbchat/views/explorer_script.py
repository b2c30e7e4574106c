"""The explorer's script and style: sorting by headers, rating by keys and buttons, answers that stay open."""

from __future__ import annotations

__all__ = ["SCRIPT", "STYLE"]

STYLE = """
.nbchat-act, .nbchat-act * { display: none !important; }
.nbchat-explorer { container: nbchat-explorer / inline-size; min-width: 0; }
.nbchat-explorer .widget-html { width: auto; height: auto; min-width: 0; }
.nbchat-explorer .widget-html-content { flex: 1 1 0; min-width: 0; }
.nbchat-explorer th[data-nbchat-sort] { cursor: pointer; }
.nbchat-explorer tr[data-nbchat-run]:focus-visible, .nbchat-explorer th:focus-visible {
  outline: 2px solid var(--nbchat-ring); outline-offset: -2px;
}
.nbchat-judge { display: flex; gap: 4px; align-items: center; }
.nbchat-judge button, .nbchat-judge input {
  border: 1px solid var(--jp-border-color2, #bdbdbd); border-radius: 3px; background: transparent; height: 24px;
  color: var(--jp-ui-font-color1, #222); font-size: 12px; box-sizing: border-box; padding: 0 5px;
}
.nbchat-judge input::placeholder { color: var(--jp-ui-font-color1, #222) !important; }
.nbchat-judge button { cursor: pointer; }
.nbchat-judge button[aria-pressed=true] {
  border-color: var(--nbchat-ring); box-shadow: inset 0 0 0 1px var(--nbchat-ring); background: rgba(86, 180, 233, 0.3);
}
.nbchat-judge input[name=score] { width: 4em; }
.nbchat-judge input[name=note] { width: 8em; }
@container nbchat-explorer (max-width: 1200px) {
  .nbchat-explorer td[style*="min-width:20em"] { min-width: 12em !important; }
  .nbchat-explorer td[style*="max-width:20em"] { min-width: 9em; }
  .nbchat-judge { flex-flow: row wrap; width: 10.5em; }
  .nbchat-judge input[name=note] { width: 5.5em; }
}
@container nbchat-explorer (max-width: 1000px) {
  .nbchat-explorer .nbchat-aside { display: none; }
}
@container nbchat-explorer (max-width: 700px) {
  .nbchat-explorer td[style*="text-align:left"] { white-space: normal !important; min-width: 6em; }
}
"""

SCRIPT = """
(function attach(tries) {
  const root = element.closest('.nbchat-explorer');
  const act = root?.querySelector('.nbchat-act input');
  if (!act) { if (tries) setTimeout(() => attach(tries - 1), 20); return; }
  if (root.dataset.nbchatExplorer) return;
  root.dataset.nbchatExplorer = 'yes';
  const page = String(Math.random());
  let [count, actions] = [0, []];
  const tell = what => {
    actions.push({...what, page, count: ++count});
    act.value = JSON.stringify(actions);
    act.dispatchEvent(new Event('input', {bubbles: true}));
    act.dispatchEvent(new Event('change', {bubbles: true}));
  };
  new MutationObserver(() => {
    const [whose, done] = act.placeholder.split(' ');
    if (whose === page) actions = actions.filter(action => action.count > Number(done));
  }).observe(act, {attributes: true, attributeFilter: ['placeholder']});
  const runOf = node => Number(node.closest('tr[data-nbchat-run]')?.dataset.nbchatRun ?? -1);
  const thumb = (row, name) => {
    const buttons = [...row.querySelectorAll('button[data-nbchat-thumb]')];
    const chosen = buttons.find(button => button.dataset.nbchatThumb === name);
    if (!chosen) return;
    const on = chosen.getAttribute('aria-pressed') !== 'true';
    for (const button of buttons) button.setAttribute('aria-pressed', String(on && button === chosen));
    tell({act: 'thumb', run: runOf(row), value: on ? name === 'up' : null});
  };
  const opened = new Set();
  root.addEventListener('toggle', event => {
    const run = runOf(event.target);
    if (run >= 0) event.target.open ? opened.add(run) : opened.delete(run);
  }, true);
  const table = root.querySelector('.nbchat-table');
  let again = null;
  new MutationObserver(() => {
    for (const fold of table.querySelectorAll('tr[data-nbchat-run] details')) {
      if (opened.has(runOf(fold)) && !fold.open) fold.open = true;
    }
    const head = again && table.querySelector(`th[data-nbchat-sort="${CSS.escape(again)}"]`);
    again = null;
    head?.focus();
  }).observe(table, {childList: true, subtree: true});
  const sort = head => { again = head.dataset.nbchatSort; tell({act: 'sort', value: again}); };
  root.addEventListener('click', event => {
    const head = event.target.closest('th[data-nbchat-sort]');
    const button = event.target.closest('button');
    if (head) sort(head);
    else if (button?.dataset.nbchatThumb) thumb(button.closest('tr'), button.dataset.nbchatThumb);
    else if (button?.dataset.nbchatApply) tell({act: 'apply', run: runOf(button)});
  });
  root.addEventListener('change', event => {
    const field = event.target.closest('.nbchat-judge input');
    if (!field) return;
    event.stopPropagation();
    tell({act: field.name, run: runOf(field), value: field.value});
  }, true);
  root.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key, node = event.target;
    if (node.matches?.('th[data-nbchat-sort]') && (key === 'Enter' || key === ' ')) {
      event.preventDefault();
      sort(node);
      return;
    }
    if (!node.matches?.('tr[data-nbchat-run]')) return;
    const [next, before] = ['nextElementSibling', 'previousElementSibling'];
    const step = {ArrowDown: next, j: next, ArrowUp: before, k: before}[key];
    const fold = node.querySelector('details');
    if (step) node[step]?.focus();
    else if (key === '+' || key === 'u') thumb(node, 'up');
    else if (key === '-' || key === 'd') thumb(node, 'down');
    else if (key === 's') node.querySelector('input[name=score]')?.focus();
    else if (key === 'n') node.querySelector('input[name=note]')?.focus();
    else if (key === 'Enter') { if (fold) fold.open = !fold.open; }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
})(250);
"""
"""It sends actions to the kernel through a hidden text field, as a JSON list: `act`, `run`, `value`, and `page` and `count`,
which identify an action.

While the kernel handles a widget's last change, ipywidgets holds back the next ones and sends only the last of them. So
the list has every action until the kernel confirms it: with its page and count in the field's placeholder.
"""
