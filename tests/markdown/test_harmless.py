"""What is called harmless is what the sanitiser gives back as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.harmless import is_harmless
from nbchat.markdown.sanitiser import sanitise


@given(st.text("abzAZ019 .,;'\"?()*_#+=/\n-", max_size=200))
def test_harmless_text_is_not_changed(text):
    assert is_harmless(text)
    assert sanitise(text) == text


@pytest.mark.parametrize("text", [*"<>[]!$&:@`|~\\{}^%\r\0\u2028\ud800é", "a: b", "<b>"])
def test_all_else_goes_through_the_sanitiser(text):
    assert not is_harmless(text)
