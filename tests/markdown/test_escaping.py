"""The escaping of a model's text: whatever has a meaning somewhere is a reference, and all of it reads as it was."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.escaping import clean, escaped_code, escaped_text, is_live
from tests.strategies import TRICKY, scaled

SIGNS = '&<>"$\\`*~[]|{}@#^\n\t'
TEXTS = st.lists(
    st.sampled_from([*"_a!:/ .%1-", "www.", "://", "1)"]) | st.sampled_from([*SIGNS, *TRICKY]), max_size=7
).map("".join)


@given(TEXTS, st.booleans())
@scaled(3)
def test_escaped_text_reads_as_before_and_has_no_meaning(text, starts_line):
    shown = escaped_text(text, starts_line=starts_line)
    assert html.unescape(shown) == clean(text)
    rest = re.sub("&(#[0-9]+|amp|lt|gt|quot);", "x", shown)
    assert not set(rest) & set(SIGNS)
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])|:/|(?i:www)\.|!\Z|  \Z", rest)
    if starts_line:
        assert not re.match(r"[-+=:% ]|\d{1,9}[.)]", rest)


@given(TEXTS.map(clean))
def test_escaped_code_reads_as_before_and_has_no_meaning(code):
    shown = escaped_code(code)
    assert html.unescape(shown) == code
    rest = re.sub("&(#[0-9]+|amp|lt|gt|quot);", "x", shown)
    assert re.fullmatch(r"[\w .,;()+/%?\-=]*", rest)
    assert not re.search(r"_|www\.", rest, re.IGNORECASE)


@pytest.mark.parametrize(
    "text", ["a_b", "a b.", "a ", "a:b", "1.a", "1234567890. a", "a 1. b", "!a", "5 % - 3 = 2 + x", "(a) / b?"]
)
def test_ordinary_text_stays_as_it_is(text):
    assert escaped_text(text) == text


LIVE = ["<a", "</", "<!", "<?", "![", "](", "@@1", *("\\\\" + sign for sign in "()[]"), "\\begin{", "\\END{"]
DEFINITIONS = ["[a]: b", "- [a]: b", "12. [a]: b", "[x] [a]: b", "> [a]:", "_[a]:", "x\n [a]: b"]


@pytest.mark.parametrize("code", [*LIVE, *map("x{}y".format, LIVE), *DEFINITIONS])
def test_code_that_a_reader_might_run_is_live(code):
    assert is_live(code)


@pytest.mark.parametrize(
    "code",
    ["a < b", "1<2", "x[1]", "f(x)", "@@a", "\\(x", "\\beginning", "x [a]: b", "[a]", "a!", "[a\n]: b", "{[a: b]}"],
)
def test_ordinary_code_is_not(code):
    assert not is_live(code)
