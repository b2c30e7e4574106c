"""What is called harmless is what looks the same with and without the renderer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.harmless import is_harmless, safe
from nbchat.markdown.render import render
from tests.markdown.readers import dangers, lab_html, look


@given(st.text("abzAZ019 .,;'\"?()*_#+=/\n-", max_size=200))
def test_harmless_text_looks_the_same_without_the_renderer(text):
    assert is_harmless(text)
    assert safe(text) == text
    assert dangers(lab_html(text)) == []
    assert look(lab_html(render(text))) == look(lab_html(text))


@pytest.mark.parametrize("text", [*"<>[]!$&:@`|~\\{}^%\r\0\u2028\ud800é", "a: b", "<b>"])
def test_all_else_goes_through_the_renderer(text):
    assert not is_harmless(text)


def test_remote_images_are_links_unless_asked_for():
    assert safe("![a](https://b.c)") == "[a](https://b.c)"
    assert safe("![a](https://b.c)", images=True) == "![a](https://b.c)"
