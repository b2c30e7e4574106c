"""Answers that are JSON are shown as code: as Markdown, their lines would run together."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.html import markdown_html
from nbchat.markdown.json_answers import as_code, is_json
from nbchat.markdown.parsing import block_tokens

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"`{}[]\\<\n', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"`<', max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text('ab"`<', min_size=1, max_size=4), VALUES, min_size=1, max_size=3),
    st.sampled_from([None, 2]),
    st.data(),
)
def test_any_object_is_json_at_any_length_and_one_code_block(value, indent, data):
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    cut = data.draw(st.integers(text.index('"') + 1, len(text)))
    assert is_json(text[:cut], complete=False)
    assert is_json(text[:cut])  # cut off
    blocks = [token for token in block_tokens(as_code(text)) if token.level == 0]
    assert [(token.type, token.info, token.content) for token in blocks] == [("fence", "json", text + "\n")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "{name} is a placeholder",
        "[1] Smith, 1999",
        "[a link](https://example.org)",
        "[[1, 2], [3, 4]]",
        "```json\n{}\n```",
        '["quoted"](https://example.org)',
        '{"a": 1}\n\nThis object has one field.',
        '{"a": "1\n2"}\n\nThis object has one field.',
        "{{x}}",
        "[x] done",
    ],
)
def test_what_else_begins_with_a_bracket_is_markdown(text):
    assert not is_json(text)


def test_its_fence_is_longer_than_any_in_it():
    assert as_code('["a"]\n') == '```json\n["a"]\n```'
    assert as_code('["``"]') == '```json\n["``"]\n```'
    assert as_code('["```"]') == '````json\n["```"]\n````'


def test_a_card_shows_json_as_code():
    assert "<pre" in markdown_html('{\n  "items": [1]\n}')
    assert "<pre" not in markdown_html("{a}")
