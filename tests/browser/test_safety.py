"""Sanitised text through the front-ends' own renderer, trusted as in a fresh cell: nothing in the page is live.

The listener and the page's own requests must hear of no payload; `window.ran` is what a script would have set.
"""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nbchat.markdown.render import render
from tests.markdown.hostile import PAYLOADS, PROBE, payload, with_host

CORPUS = Path(__file__).parent.parent / "markdown" / "corpus"
COMPOSED = {"lab": 1500, "notebook": 300}

# Renders each text as the trusted Markdown of a fresh cell, formulas and diagrams included; returns [number, what] of
# everything live in it, or the page's HTML.
RENDER = """
async ([texts, keep]) => {
  const tags = new Set(('P H1 H2 H3 H4 H5 H6 UL OL LI BLOCKQUOTE PRE CODE EM STRONG DEL A IMG TABLE THEAD TBODY TR TH TD HR BR ' +
    'INPUT SPAN DIV SUB SUP').split(' '));
  const drawing = new Set(['FIGURE', 'FIGCAPTION', 'DETAILS', 'SUMMARY']);
  const plain = /^(class|id|href|src|title|alt|align|start|type|checked|disabled|target|rel|role|data-.*|tabindex|dir)$/i;
  const rendermime = window.nbchatPanel().content.rendermime;
  const stage = document.body.appendChild(document.createElement('div'));
  const found = [];
  for (const [number, text] of texts.entries()) {
    const widget = rendermime.createRenderer('text/markdown');
    stage.append(widget.node);
    try {
      await widget.renderModel({data: {'text/markdown': text}, metadata: {}, trusted: true, setData: () => {}});
      await rendermime.latexTypesetter?.typeset(widget.node);
    } catch (error) { found.push([number, `${error}`]); }
    if (keep) found.push([number, widget.node.innerHTML]);
    for (const node of keep ? [] : widget.node.querySelectorAll('*')) {
      const name = node.tagName.toUpperCase();
      const formula = node.closest('mjx-container'), diagram = node.closest('.jp-RenderedMermaid');
      const say = what => found.push([number, `${name} ${what}`.slice(0, 200)]);
      if (!formula && !tags.has(name) && !(diagram && drawing.has(name))) say('');
      if (name === 'INPUT' && node.type !== 'checkbox') say(node.type);
      for (const {name: key, value} of node.attributes) {
        if (/^on|^(srcdoc|srcset|action|formaction|poster|background|ping|xlink:href|autofocus)$/i.test(key)) say(key);
        else if (key === 'style' && (!formula && !diagram || /url\\s*\\(|@import/i.test(value))) say(`style ${value}`);
        else if (key === 'href' && !/^(https?:\\/\\/|mailto:|#)/i.test(value)) say(`href ${value}`);
        else if (key === 'src' && !/^data:image\\/(png|jpeg|gif|webp);base64,/.test(value)
                 && !(diagram && value.startsWith('data:image/svg+xml,'))) say(`src ${value}`);
        else if (!formula && !diagram && key !== 'style' && !plain.test(key)) say(key);
      }
    }
    widget.node.remove();
  }
  stage.remove();
  if (window.ran) found.push([-1, 'a script ran']);
  return found;
}
"""


@pytest.fixture(scope="module")
def listener():
    """A server that must not be called; `host` is its address, `heard` are the requests it got."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.host, server.heard = f"127.0.0.1:{server.server_port}", heard
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=["lab", "notebook"])
def page(request, new_frontend):
    """An open notebook in which the renderer has drawn a formula and a diagram before, so that both are loaded."""
    with new_frontend() as frontend:
        yield warmed(frontend, request.param)


def warmed(frontend, app):
    frontend.open(["pass"], app=app)
    rendered(frontend, ["$x$\n\n```mermaid\ngraph TD\nA-->B\n```"])
    return frontend


def rendered(frontend, texts, *, keep=False):
    found = []
    for start in range(0, len(texts), 250):
        part = frontend.page.evaluate(RENDER, [texts[start : start + 250], keep])
        found += [(start + number, what) for number, what in part]
    return found


def fetched(frontend):
    return [url for url in frontend.requests if PROBE in url]


def test_nothing_is_live_and_nothing_is_fetched(page, listener):
    address = page.page.url
    texts = [with_host(text, listener.host) for text in [*PAYLOADS, *map(payload, range(COMPOSED[page.app]))]]
    found = rendered(page, [render(text) for text in texts])
    assert [(texts[number], what) for number, what in found] == []
    assert fetched(page) == listener.heard == page.dialogs == []
    assert page.page.url == address


def test_unrendered_the_same_payloads_are_live(frontend, app, listener):
    """Control, in a page of its own: without rendering, the test above detects what it looks for."""
    page = warmed(frontend, app)
    harsh = re.compile("http-equiv|<base|<form|location")  # would take the page away
    texts = [with_host(text, listener.host) for text in PAYLOADS if not harsh.search(text)]
    found = rendered(page, texts)
    assert len({number for number, _ in found}) > 100
    assert fetched(page) != []
    assert listener.heard != []
    assert any("ran" in what for _, what in found)
    listener.heard.clear()


def look(markup):
    """The page's HTML without what does not show: where links lead, the numbers that MathJax and mermaid count on."""
    markup = re.sub("</?span[^>]*>", "", markup)  # money; and code in a list in a list, which may lack its colours
    markup = markup.replace("\n</code>", "</code>")
    markup = re.sub(r' (href|id|data-[a-z-]+|rel|target|ctxtmenu_counter|aria-[a-z]+|src)="[^"]*"', "", markup)
    return re.sub(r"\s+", " ", markup.replace("\u2060", "")).strip()


def test_ordinary_answers_look_as_they_do_without(page):
    names = ("prose", "code", "maths", "tables", "lists", "diagrams")
    texts = [text for name in names for text in (CORPUS / f"{name}.md").read_text().split("-----8<-----\n")]
    better = ("Single brackets", "> $$")  # than bare
    plainer = ("  - Inner, with code:",)  # code in a list within a list has no colours
    texts = [text for text in texts if not any(part in text for part in (*better, *plainer))]
    bare = dict(rendered(page, texts, keep=True))
    safe = dict(rendered(page, [render(text) for text in texts], keep=True))
    assert [texts[number] for number in bare if look(bare[number]) != look(safe[number])] == []


def test_money_is_no_formula(page):
    texts = (CORPUS / "money.md").read_text().split("-----8<-----\n")
    shown = dict(rendered(page, [render(text) for text in texts], keep=True))
    assert [shown[number].count("<mjx-container") for number in sorted(shown)] == [0, 0, 0, 0, 0, 0, 0, 0, 3, 1]
