"""The arguments of a call are recovered from every form in which servers send them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.values.answer.events import ToolCallDelta
from nbchat.values.answer.tool_arguments import call_in_text, repaired_arguments
from tests.strategies import json_values, texts
from tests.values.test_draft import folded


def joined(pieces: list[str]) -> str:
    """The arguments of one call that came in these pieces."""
    return folded([[ToolCallDelta(0, "id", "f", piece) for piece in pieces or [""]]]).tool_calls[0].arguments


@pytest.mark.parametrize(
    ("pieces", "settled"),
    [
        (["{}", '{"a": 1}'], '{"a": 1}'),
        (['{"a": 1}', "{}"], '{"a": 1}'),
        (["{}", "{}"], "{}"),
        (["null", '{"a": 1}'], '{"a": 1}'),
        (['""', '{"a": 1}'], '{"a": 1}'),
        (['{"a": 1}', '{"a":1}'], '{"a": 1}'),
        ([json.dumps('{"a": 1}')], '{"a": 1}'),
        ([json.dumps(json.dumps('{"a": 1}'))], '{"a": 1}'),
        (["{", '{"a', '{"a": 1}'], '{"a": 1}'),
        (['{"a": {', '"a": 1}}'], '{"a": {"a": 1}}'),
        ([], ""),
        ([" "], " "),
        (["null"], "null"),
        (['{"a": 1}', '{"a": 2}'], '{"a": 1}{"a": 2}'),
        (['{"a": 1', "{}"], '{"a": 1{}'),
        (['{"a": 1}', "]"], '{"a": 1}]'),
        (['"Rome"'], '"Rome"'),
        (["[1]"], "[1]"),
        (["[" * 100_000], "[" * 100_000),
    ],
)
def test_arguments_are_repaired_only_if_unambiguous(pieces: list[str], settled: str) -> None:
    assert joined(pieces) == settled


@given(st.lists(texts | json_values.map(json.dumps), max_size=4))
def test_repaired_arguments_are_stable_and_add_nothing(pieces: list[str]) -> None:
    settled = joined(pieces)
    assert repaired_arguments(settled) == settled
    if settled != "".join(pieces):
        assert isinstance(json.loads(settled), dict)


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>',
        'Let me see. <function=f>{"a": 1}</function>',
        '[TOOL_CALLS][{"name": "f"}]',
        '<|python_tag|>{"name": "f"}',
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0",
        "<｜tool▁calls▁begin｜>",
        "```tool_code\nf()\n```",
    ],
)
def test_a_call_in_the_text_is_seen(text: str) -> None:
    assert call_in_text(text)


@given(st.text())
def test_prose_is_no_call(text: str) -> None:
    assert not call_in_text(text)
