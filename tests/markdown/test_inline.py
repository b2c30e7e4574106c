"""Foreign words inside our own lines."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.inline import html_text, inline_text
from tests.markdown.hostile import PAYLOADS
from tests.markdown.readers import dangers, lab_html, look


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("one\ntwo\r\n  three", "one two three"),
        ("  padded\t", "padded"),
        ("<b>", "&#60;b&#62;"),
        ("**a** `b`", "&#42;&#42;a&#42;&#42; &#96;b&#96;"),
        ("- a", "&#45; a"),
        ("12. a", "12&#46; a"),
        ("https://a.b", "https&#58;//a.b"),
        ("a\x1b[31m\u202eb", "a&#91;31mb"),
    ],
)
def test_words_stay_words(text, shown):
    assert inline_text(text) == shown


@pytest.mark.parametrize("text", PAYLOADS)
def test_no_payload_is_live_in_our_own_markdown(text):
    line = inline_text(text)
    assert "\n" not in line
    for markdown in (line, f"**Model:** {line} · done", f"- {line}", f"| {line} |\n|---|"):
        assert dangers(lab_html(markdown)) == []
        assert "<a" not in lab_html(markdown)


@given(st.text(st.sampled_from("`~$\\[]()<>!:|*_-+#@01.) \tax\"'&;{}/=")))
def test_any_signs_show_as_they_are(text):
    shown = look(lab_html("x " + inline_text(text)))
    assert shown == [("p", False, ()), " ".join(f"x {text}".split()), "/p"]


@given(st.text(), st.integers(1, 40))
def test_a_line_is_no_longer_than_it_may_be(text, limit):
    shown = html.unescape(re.sub("<[^>]*>", "", inline_text(text, limit)))
    assert len(shown) <= limit
    assert inline_text("a" * (limit + 1), limit).endswith("…")


@given(st.text())
def test_html_text_is_text_in_an_element_and_in_an_attribute(text):
    shown = html_text(text)
    assert not set(shown) & set("<>\"'")
    shown.encode()
    assert dangers(f'<p title="{shown}">{shown}</p>') == []


def test_html_text_keeps_lines_and_can_be_capped():
    assert html_text("a\n<b> \"c\" 'd' & e") == "a\n&lt;b&gt; &quot;c&quot; &#x27;d&#x27; &amp; e"
    assert html_text("abcdef", 4) == "abc…"
    assert html_text("a" * 5000) == "a" * 5000


def test_a_line_has_at_most_two_hundred_characters_unless_told_otherwise():
    assert inline_text("a" * 200) == "a" * 200
    assert inline_text("a" * 201) == "a" * 199 + "…"
