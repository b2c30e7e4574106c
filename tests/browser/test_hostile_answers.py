"""Answers that mean harm, in the real front-ends: nothing runs, is fetched or navigates, fresh or reopened."""

import pytest

from nbchat.testing import Say, ScriptedServer
from tests.markdown.hostile import HOST, PAYLOADS, PROBE, payload

LIVE = """() => {
  const bad = [];
  for (const area of document.querySelectorAll('.jp-OutputArea-output')) {
    for (const node of area.querySelectorAll('*')) {
      const tag = node.tagName.toLowerCase();
      if (['script', 'iframe', 'object', 'embed', 'link', 'meta', 'base', 'form', 'audio', 'video'].includes(tag)) bad.push(tag);
      for (const {name, value} of node.attributes) {
        if (name.startsWith('on')) bad.push(name);
        if (name === 'href' && /^(javascript|data|vbscript|file):/i.test(value)) bad.push(value);
        if (name === 'src' && !value.startsWith('data:')) bad.push(value);
        if (name === 'style' && /url\\(/i.test(value)) bad.push(value);
      }
    }
  }
  return bad.concat(window.ran ? ['ran'] : []);
}"""


def live(frontend, answers):
    """What is live in the outputs of `answers` cells after the first, once it is certain that the page holds them all."""
    for index in range(1, answers + 1):
        outputs = frontend.output(index).locator(".jp-OutputArea-output")
        assert outputs.count() == len(frontend.outputs(index)) > 1
        assert all(outputs.evaluate_all("nodes => nodes.map(node => node.hasChildNodes())"))
    return frontend.page.evaluate(LIVE)


def texts():
    """All payloads written by hand and some composed ones, some to a cell, each cut in two as a stream cuts them."""
    all_of_them = [*PAYLOADS, *(payload(seed) for seed in range(100))]
    return ["\n\n".join(all_of_them[i : i + 20]) for i in range(0, len(all_of_them), 20)]


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_nothing_of_an_answer_is_live(frontend, app):
    """Fresh (and so trusted), and again when the page is loaded anew."""
    answers = texts()
    with ScriptedServer(
        *(Say([text[: len(text) // 2], text[len(text) // 2 :]], model=PAYLOADS[0]) for text in answers)
    ) as server:
        setup = f"%load_ext nbchat\nimport os\nos.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL='m')"
        frontend.open([setup, *["%%chat --once\nGo"] * len(answers)], app=app, whole=True)
        address = frontend.page.url
        frontend.run_all()
        assert live(frontend, len(answers)) == []
        assert [url for url in frontend.requests if PROBE in url or HOST in url] == []
        assert frontend.dialogs == []
        assert frontend.page.url == address
        frontend.save()
        frontend.reload()
        assert live(frontend, len(answers)) == []
        assert [url for url in frontend.requests if PROBE in url or HOST in url] == []


def test_the_check_sees_what_is_live(frontend):
    """Without nbchat, the same front-end runs it: the tests above can fail."""
    frontend.open(["display({'text/markdown': '<img src=x onerror=\"window.ran=1\">'}, raw=True)"])
    frontend.run(0)
    frontend.page.wait_for_function("window.ran === 1")
    assert "onerror" in frontend.page.evaluate(LIVE)
