"""Parameters that a server silently ignored are reported once, if its answer shows it."""

import pytest

from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import (
    Ended,
    Failed,
    Finished,
    LogprobsDelta,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from nbchat.values.answer.reply import Request
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import CutOff

CALL = ToolCallDelta(0, "i", "f", "{}")
FUNCTION = {"type": "function", "function": {"name": "f"}}
TOKEN = {"token": "x", "logprob": -1.0, "top_logprobs": []}


def notices(events, **asked):
    draft = Draft(Request("u", {"model": "m", "messages": [], **asked}), started=0.0)
    draft.add([*events, Finished("stop"), Ended(1.0)])
    return draft.reply().notices


def used(completion, **more):
    return UsageReport(Usage(5, completion, 5 + completion, "measured", **more))


TEXT = TextDelta("One STOP two.")


@pytest.mark.parametrize(
    ("events", "asked", "notice"),
    [
        ([TEXT], {"n": 3}, "only 1 of 3 choices arrived"),
        ([TEXT, Started("other")], {}, "asked for m"),
        ([TEXT], {"logprobs": True}, "no logprobs arrived"),
        ([TEXT], {"logprobs": True, "top_logprobs": 3}, "no logprobs arrived"),
        ([TEXT, LogprobsDelta((TOKEN,))], {"logprobs": True, "top_logprobs": 3}, "no top_logprobs arrived"),
        ([TEXT, used(57)], {"max_tokens": 20}, "57 tokens arrived although max_tokens is 20"),
        ([TEXT, used(57)], {"max_completion_tokens": 20}, "57 tokens arrived although max_completion_tokens is 20"),
        ([TEXT], {"stop": "STOP"}, "the answer continues past the stop sequence 'STOP'"),
        ([TEXT], {"stop": ["never", "STOP"]}, "the answer continues past the stop sequence 'STOP'"),
        ([TEXT], {"tool_choice": "required"}, "the model did not call a tool although tool_choice requires it"),
        ([TEXT], {"tool_choice": FUNCTION}, "the model did not call f although tool_choice requires it"),
        (
            [ToolCallDelta(0, "i", "g", "{}")],
            {"tool_choice": FUNCTION},
            "the model did not call f although tool_choice requires it",
        ),
        ([CALL], {"tool_choice": "none"}, "the model called tools although tool_choice is none"),
        (
            [CALL, ToolCallDelta(1, "j", "f", "{}")],
            {"parallel_tool_calls": False},
            "the model called several tools although parallel_tool_calls is off",
        ),
        (
            [TEXT],
            {"response_format": {"type": "json_object"}},
            "the answer is not JSON although response_format asks for it",
        ),
        (
            [TEXT],
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            "the answer is not JSON although response_format asks for it",
        ),
        (
            [TEXT, ReasoningDelta("hm")],
            {"reasoning_effort": "none"},
            "the model reasoned although reasoning_effort is none",
        ),
    ],
)
def test_a_parameter_without_effect_is_named(events, asked, notice):
    """PROTOCOL 2.5"""
    assert notices(events, **asked) == (notice,)


@pytest.mark.parametrize(
    ("events", "asked"),
    [
        ([TEXT, TextDelta("x", 1)], {"n": 2}),
        ([TEXT, LogprobsDelta((TOKEN,))], {"logprobs": True}),
        ([CALL], {"logprobs": True}),
        ([TEXT], {"logprobs": False}),
        ([TEXT, used(20)], {"max_tokens": 20}),
        ([TEXT, TextDelta("x", 1), used(40)], {"max_tokens": 20, "n": 2}),
        ([TEXT, used(57, reasoning_tokens=40)], {"max_tokens": 20}),
        ([TEXT, UsageReport(Usage(5, 57, 62, "estimated"))], {"max_tokens": 20}),
        ([TextDelta("One two.")], {"stop": ["STOP"]}),
        ([TextDelta("One STOP")], {"stop": ["STOP"]}),
        ([CALL], {"tool_choice": "required"}),
        ([CALL], {"tool_choice": FUNCTION}),
        ([CALL], {"tool_choice": "auto"}),
        ([TEXT], {"tool_choice": "auto"}),
        ([TEXT], {"tool_choice": "none"}),
        ([TextDelta('{"a": 1}')], {"response_format": {"type": "json_object"}}),
        ([TextDelta('```json\n{"a": 1}\n```')], {"response_format": {"type": "json_object"}}),
        ([TEXT], {"response_format": {"type": "text"}}),
        ([CALL], {"response_format": {"type": "json_object"}}),
        ([TEXT], {"seed": 1, "temperature": 0.0, "user": "u"}),
    ],
)
def test_a_respected_parameter_is_not_named(events, asked):
    """PROTOCOL 2.5"""
    assert notices(events, **asked) == ()


def test_nothing_is_expected_of_an_incomplete_answer():
    cut = [TextDelta("One"), Failed(CutOff("off"))]
    asked = {"n": 3, "logprobs": True, "tool_choice": "required", "response_format": {"type": "json_object"}}
    assert notices(cut, **asked) == ()
