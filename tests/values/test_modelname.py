"""Names of one model compare equal; names of two models or versions do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.values.modelname import same_model


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("gpt-4o-latest", "gpt-4o-2024-08-06"),
        ("gpt-4", "gpt-4-0613"),
        ("claude-3-latest", "vendor/claude-3-20240307"),
        ("claude-3-5-sonnet", "claude-3-5-sonnet@20240620"),
        ("gemini-1.5-pro", "models/gemini-1.5-pro-002"),
        ("gemini-2.5-pro-preview", "gemini-2.5-pro-preview-05-06"),
        ("OpenAI/GPT-4o", "gpt-4o"),
        ("meta/llama-3:free", "meta/llama-3"),
        ("llama3", "llama3:latest"),
    ],
)
def test_names_of_one_model(asked, answered):
    assert same_model(asked, answered)
    assert same_model(answered, asked)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4", "gpt-4o"),
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4o", "gpt-4o-mini-2024-07-18"),
        ("gpt-4", "gpt-4.1"),
        ("gpt-4", "gpt-4-turbo"),
        ("o1", "o1-preview"),
        ("claude-sonnet-4", "claude-sonnet-4-5"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
        ("llama3.1:8b", "llama3.1:70b"),
        ("gpt-4o", "chatgpt-4o-latest"),
        ("m", "model"),
        ("", "gpt-4o"),
        ("", ""),
    ],
)
def test_names_of_two_models(asked, answered):
    assert not same_model(asked, answered)
    assert not same_model(answered, asked)


@given(st.text(max_size=12), st.text(max_size=12))
def test_it_does_not_matter_which_was_asked(one, other):
    assert same_model(one, other) == same_model(other, one)
