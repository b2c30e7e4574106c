"""What any answer of a server means."""

import json

import pytest

from nbchat.api.answer.decoder import AnswerDecoder
from nbchat.testing import DONE, chunk, completion, error, usage
from nbchat.values.answer.events import (
    Failed,
    Finished,
    LogprobsDelta,
    Notice,
    Started,
    TextDelta,
    UsageReport,
)
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import ProtocolError, RateLimited, ServerError
from tests.api.decoding import decoded, of_kind, replied, stream
from tests.strategies import event_bytes

# Ends


@pytest.mark.parametrize(
    ("payloads", "done", "broken", "status"),
    [
        ([chunk("x"), chunk(finish="stop")], True, None, "complete"),
        ([chunk("x"), chunk(finish="stop")], False, None, "complete"),
        ([chunk("x")], True, None, "complete"),
        ([chunk("x")], False, None, "cut_off"),
        ([chunk("x")], False, "reset", "cut_off"),
        ([chunk("x"), chunk(finish="stop")], False, "reset", "complete"),
        ([chunk("x"), chunk("y", 1), chunk(finish="stop")], False, "reset", "cut_off"),
        ([chunk("x"), chunk(finish="length")], True, None, "complete"),
        ([chunk("x"), chunk(finish="end_turn")], True, None, "complete"),
        ([chunk("x"), chunk(finish="error")], True, None, "failed"),
        ([chunk("x"), chunk(finish="network_error")], True, None, "failed"),
    ],
)
def test_an_answer_is_whole_or_says_that_it_is_not(payloads, done, broken, status):
    """PROTOCOL 3.3, 3.11"""
    reply = replied(*payloads, done=done, broken=broken).reply()
    assert (reply.text, reply.status) == ("x", status)


def test_an_answer_goes_on_after_a_finish_a_usage_and_an_empty_chunk():
    """PROTOCOL 3.3"""
    payloads = [
        chunk("a", finish="stop"),
        {"choices": []},
        {"choices": [], "usage": usage(1, 1)},
        chunk("b", 1, "stop"),
    ]
    assert [choice.text for choice in replied(*payloads).reply().choices] == ["a", "b"]


def test_nothing_counts_after_done():
    """PROTOCOL 3.3"""
    decoder = AnswerDecoder()
    decoder.feed(stream(chunk("a", finish="stop")) + stream(chunk("b")))
    decoder.feed(stream(chunk("c"), error("late")))
    assert decoder.done
    assert decoder.end() == []


# Chunks


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": []},
        {},
        {"choices": None},
        {"choices": [{}]},
        {"choices": [{"index": 0}]},
        {"choices": [{"delta": 5}]},
        {"choices": [{"delta": ["x"]}]},
        {"choices": [None, 5, "x"]},
        {"choices": [{"delta": {"role": "assistant", "content": None}}]},
        {"choices": [{"delta": {"content": ""}, "obfuscation": "abc"}], "timings": {}, "provider": "x"},
        {"choices": [{"delta": {"content": 5, "tool_calls": "x", "refusal": [], "reasoning": {}}}]},
        {"choices": [{"delta": {"tool_calls": [None, 5]}, "logprobs": {"content": None}}]},
        {"error": None, "choices": []},
        {"usage": {"prompt_tokens": "many"}, "choices": []},
        5,
        None,
        "text",
        [],
    ],
    ids=json.dumps,
)
def test_an_empty_chunk_is_skipped(odd):
    """PROTOCOL 3.4"""
    draft = replied(chunk("a"), odd, chunk("b", finish="stop"))
    assert draft.error is None
    assert (draft.reply().text, draft.reply().status) == ("ab", "complete")


def test_a_chunk_may_have_role_and_text_and_the_role_again():
    """PROTOCOL 3.4"""
    assert replied(chunk("a", role="assistant"), chunk("b", role="assistant", finish="stop")).reply().text == "ab"


def test_choices_interleave_in_any_order():
    """PROTOCOL 3.6"""
    payloads = [chunk("c", 2), chunk("a", 0), chunk("b", 1), chunk("A", 0), chunk("C", 2), chunk("B", 1)]
    both = {"choices": [chunk("!", 1)["choices"][0], chunk("?", 0)["choices"][0]]}
    assert [choice.text for choice in replied(*payloads, both).reply().choices] == ["aA?", "bB!", "cC"]


def test_the_model_and_the_id_are_reported_once():
    payloads = [{"choices": []}, {"id": "1", "choices": []}, {"id": "2", "model": "m", "choices": []}, {"model": "n"}]
    assert of_kind(Started, decoded([stream(*payloads)])) == [Started(None, "1"), Started("m", "1")]


# Errors inside


@pytest.mark.parametrize(
    "body", [error("slow down", type="rate_limit_error"), {"error": "slow down rate_limit"}], ids=json.dumps
)
@pytest.mark.parametrize("form", ["event", "event and done", "event of type error", "whole body", "list", "in a chunk"])
def test_an_error_is_found_wherever_it_stands(body, form):
    """PROTOCOL 3.5"""
    data = {
        "event": event_bytes(body),
        "event and done": event_bytes(body) + DONE.encode(),
        "event of type error": b"event: error\n" + event_bytes(body),
        "whole body": json.dumps(body).encode(),
        "list": json.dumps([body]).encode(),
        "in a chunk": event_bytes({**chunk(finish="error"), **body}),
    }[form]
    [failed] = of_kind(Failed, decoded([data]))
    assert isinstance(failed.error, RateLimited)
    assert "slow down" in str(failed.error)


def test_text_before_an_error_stays():
    """PROTOCOL 3.5"""
    draft = replied(chunk("half"), error("gone"))
    assert (draft.reply().text, draft.reply().status) == ("half", "failed")
    assert isinstance(draft.error, ServerError)


@pytest.mark.parametrize("before", [b"", event_bytes(chunk("half"))])
def test_an_event_of_type_error_may_hold_plain_words(before):
    """PROTOCOL 3.5"""
    [failed] = of_kind(Failed, decoded([before + b"event: error\ndata: gone fishing\n\n" + DONE.encode()]))
    assert isinstance(failed.error, ServerError)
    assert "gone fishing" in str(failed.error)


@pytest.mark.parametrize(
    "body",
    [b"", b"\n\n", b": ping\n\n", b"data: [DONE]\n\n", b"<html><title>Hi</title>", b"{}", b"[]", b'"x"', b"oops"],
)
def test_a_200_without_a_reply_is_an_error(body):
    """PROTOCOL 3.5"""
    [failed] = of_kind(Failed, decoded([body]))
    assert isinstance(failed.error, ProtocolError)
    assert "\n" not in str(failed.error)
    assert str(failed.error).endswith("Is the base URL that of a chat-completions API (often ending in /v1)?")


def test_a_page_is_quoted_by_its_title():
    """PROTOCOL 3.5"""
    [failed] = of_kind(Failed, decoded([b"<!doctype html><html><title>Sign in &amp; pay</title><p>x</html>"]))
    assert "(Sign in & pay)" in str(failed.error)


def test_a_streaming_request_may_be_answered_by_plain_json():
    """PROTOCOL 3.5"""
    body = {**completion("whole", choices=2), "usage": usage(1, 2)}
    for data in (
        json.dumps(body),
        json.dumps(body, indent=2),
        "\ufeff" + json.dumps(body, indent=2),
        json.dumps([body]),
    ):
        events = decoded([data.encode()])
        assert of_kind(TextDelta, events) == [TextDelta("whole", 0), TextDelta("whole", 1)]
        assert of_kind(UsageReport, events) == [UsageReport(Usage(1, 2, 3, "measured"))]
        assert of_kind(Failed, events) == []


def test_json_lines_are_a_stream_too():
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in (chunk("a"), chunk("b", finish="stop")))
    assert [event.text for event in of_kind(TextDelta, decoded([lines]))] == ["a", "b"]


def test_an_event_that_is_not_json_is_told_and_the_rest_counts():
    events = decoded([b"data: {oops\n\n" + stream(chunk("a", finish="stop"))])
    assert of_kind(TextDelta, events) == [TextDelta("a")]
    assert [event.text for event in of_kind(Notice, events)] == [
        "one event could not be read, so text may be missing: {oops"
    ]


def test_deep_nesting_is_neither_an_answer_nor_a_crash():
    for deep in (b"[" * 100_000, b'{"choices":' * 5_000, b'{"error":' * 900 + b"1" + b"}" * 900):
        events = decoded([b"data: " + deep + b"\n\n" + stream(chunk("a", finish="stop"))])
        assert of_kind(TextDelta, events) == [TextDelta("a")] or of_kind(Failed, events)


# Reasoning, refusal, usage, log probabilities


@pytest.mark.parametrize(
    "pieces",
    [
        [{"reasoning_content": "why"}, {"content": "so"}],
        [{"reasoning": "why"}, {"content": "so"}],
        [{"reasoning": "why", "reasoning_content": "why"}, {"content": "so"}],
        [{"reasoning_content": "why", "content": ""}, {"content": "so", "reasoning_content": None}],
        [{"reasoning_content": "why", "content": "so"}],
        [{"content": "<think>why</think>so"}],
        [{"content": "<th"}, {"content": "ink>why</thi"}, {"content": "nk>so"}],
        [
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "why"}]},
                    {"type": "text", "text": "so"},
                ]
            }
        ],
        [{"content": [{"type": "thinking", "thinking": "why"}, "so"]}],
    ],
    ids=json.dumps,
)
def test_reasoning_comes_in_many_forms(pieces):
    """PROTOCOL 3.8"""
    reply = replied(*[{"choices": [{"index": 0, "delta": delta}]} for delta in pieces]).reply()
    assert (reply.reasoning, reply.text) == ("why", "so")


def test_a_refusal_comes_in_place_of_content():
    """PROTOCOL 3.8"""
    reply = replied(chunk(None, refusal="I "), chunk(None, refusal="can't.", finish="stop")).reply()
    assert (reply.refusal, reply.text) == ("I can't.", "")


FINISH = chunk(finish="stop")


@pytest.mark.parametrize(
    ("payloads", "expected"),
    [
        ([FINISH, {"choices": [], "usage": usage(9, 5)}], Usage(9, 5, 14, "measured")),
        ([{**FINISH, "usage": usage(9, 5)}], Usage(9, 5, 14, "measured")),
        ([{**chunk("a"), "usage": usage(9, n)} for n in range(1, 6)] + [FINISH], Usage(9, 5, 14, "measured")),
        (
            [FINISH, {"choices": [], "usage": usage(9, 2)}, {"choices": [], "usage": usage(9, 5)}],
            Usage(9, 5, 14, "measured"),
        ),
        ([{**FINISH, "x_groq": {"usage": usage(9, 5)}}], Usage(9, 5, 14, "measured")),
        ([{"choices": [{**FINISH["choices"][0], "usage": usage(9, 5)}]}], Usage(9, 5, 14, "measured")),
        ([{**FINISH, "usage": None}], None),
        ([FINISH], None),
    ],
)
def test_usage_is_found_wherever_it_comes(payloads, expected):
    """PROTOCOL 3.9"""
    used = replied(chunk("text"), *payloads).reply().usage
    assert used == expected if expected else used.state == "estimated"


def test_log_probabilities_come_with_their_choice():
    token = {"token": "a\ud83d", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1.0}]}
    payload = {"choices": [{"index": 1, "delta": {"content": "a"}, "logprobs": {"content": [token]}}]}
    data = b"data: " + json.dumps(payload).encode() + b"\n\n"
    assert of_kind(LogprobsDelta, decoded([data])) == [LogprobsDelta(({**token, "token": "a\ufffd"},), 1)]


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter", "eos", "end_turn", "refusal"])
def test_the_server_s_own_word_for_the_end_is_kept(reason):
    """PROTOCOL 3.11"""
    assert of_kind(Finished, decoded([stream(chunk("a", finish=reason))])) == [Finished(reason)]
