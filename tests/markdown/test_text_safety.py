"""Model text on its way to a reader: safe however it is cut, unchanged where it is ordinary, whole in its pieces."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nbchat.markdown.render import render
from nbchat.markdown.terminal_text import TerminalText, terminal_text
from tests.markdown.hostile import HOST, PAYLOADS, PROBE, payload
from tests.markdown.readers import lab_html, look
from tests.strategies import scaled

ORDINARY = [
    "# Heading\n\nSome *prose* with **weight**, `code` and a [link](https://example.org/a?b=c#d).\n",
    "- one\n- two\n  - nested\n\n1. first\n2. second\n",
    "- item\n\n  ```python\n  for i in range(3):\n      print(i < 2)\n  ```\n\n- next\n",
    "| a | b |\n|:--|--:|\n| 1 | `x` |\n",
    "Math $x^2$ and\n\n$$\\int_0^1 f(x)\\,dx$$\n\nand \\(a+b\\).\n",
    "> a quote\n> of two lines\n\n---\n\nAfter the rule.\n",
    "```html\n<b>shown, not run</b>\n```\n",
    "~~~\nplain & simple\n~~~\n",
    "- [ ] open\n- [x] done\n",
    "a < b and c > d, if x <= 3 & y\n",
    "```mermaid\ngraph TD\n  A --> B\n```\n",
    "    indented code\n",
    "Line one  \nline two with a hard break\n",
]

TAG = re.compile(r"<(/?[A-Za-z!?][^\s>/]*)([^>]*)>?")
OWN = {
    slash + tag
    for tag in ("code", "pre", "span", "br", "em", "strong", "del", "sub", "sup", "kbd")
    for slash in ("", "/")
}  # tags that nbchat writes itself, with a class at most


def live_html(markdown):
    """Raw HTML in a text, as CommonMark reads it, that nbchat did not write itself."""
    found = []
    for token in MarkdownIt("commonmark", {"html": True}).parse(markdown):
        for inner in [token, *(token.children or [])]:
            if inner.type in ("html_block", "html_inline"):
                tags = TAG.findall(inner.content)
                found += [tag for tag, rest in tags if tag not in OWN or (rest and not rest.startswith(" class="))]
            if inner.type == "image" and not inner.attrs["src"].startswith("data:image/"):
                found.append(inner.attrs["src"])
    return found


@pytest.mark.parametrize("text", PAYLOADS)
def test_what_means_harm_is_not_live(text):
    assert live_html(render(text)) == []


@scaled(1.5)
@given(st.integers(0, 10**6), st.integers(0, 400))
def test_composed_harm_is_not_live_wherever_it_is_cut(seed, cut):
    assert live_html(render(payload(seed)[:cut])) == []


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_documents_look_as_they_did(text):
    assert look(lab_html(render(text))) == look(lab_html(text).replace("(a+b)", "$a+b$"))


def test_remote_images_show_only_after_the_opt_in():
    text = f"![a chart](http://{HOST}/{PROBE}.png)"
    assert live_html(render(text)) == []
    assert live_html(render(text, images=True)) == [f"http://{HOST}/{PROBE}.png"]


@given(st.lists(st.text("ab\x1b[]0;2J\x07\x9b\x9dm\n\t\r\\?", max_size=12), max_size=8))
def test_a_terminal_gets_no_control_sequence_however_the_text_is_cut(chunks):
    stream = TerminalText()
    shown = "".join(stream.feed(chunk) for chunk in chunks) + stream.flush()
    assert shown == terminal_text("".join(chunks))
    assert not set(shown) & {"\x1b", "\x07", "\x9b", "\x9d"}
