"""What answers bring in other places than a delta's content: nothing vanishes, nothing is said twice."""

import json

import pytest

from nbchat.api.answer.failed import remark_in
from nbchat.api.keys import Key
from nbchat.testing import chunk, completion, tool_call, usage
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import Failed, LogprobsDelta, ReasoningDelta, UsageReport
from nbchat.values.answer.reply import Request
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import ServerError
from nbchat.values.messages import ImagePart, Source
from tests.api.decoding import decoded, of_kind, replied, stream

PNG = "data:image/png;base64,iVBORw0KGgo="
TEXT = "The quick brown fox."
FINISH = chunk(finish="stop")


def delta(finish=None, /, **said):
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def message(finish="stop", /, **said):
    return {"choices": [{"index": 0, "message": {"role": "assistant", **said}, "finish_reason": finish}]}


# Repeated parts

PIECES = [chunk(piece) for piece in ("The ", "quick ", "brown ", "fox.")]


@pytest.mark.parametrize(
    "last",
    [
        message(content=TEXT),
        {"choices": [{"index": 0, "delta": {}, "message": {"content": TEXT}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "delta": {"content": ""}, "message": {"content": TEXT}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "delta": {"content": TEXT}, "message": {"content": TEXT}, "finish_reason": "stop"}]},
        message(content=[{"type": "text", "text": TEXT}]),
        delta("stop", content=TEXT),
        chunk(TEXT, finish="stop"),
        chunk(TEXT),
        {"choices": [{"index": 0, "text": TEXT, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "text": TEXT, "finish_reason": "stop"}]},
    ],
    ids=json.dumps,
)
def test_a_last_chunk_that_repeats_everything_adds_nothing(last):
    reply = replied(*PIECES, last).reply()
    assert (reply.text, reply.status, reply.notices) == (TEXT, "complete", ())
    assert replied(*PIECES, FINISH, last).reply().text == TEXT


def test_a_summary_with_each_delta_adds_nothing():
    """Perplexity sends both."""
    said = [TEXT[:end] for end in range(3, len(TEXT) + 1)]
    pieces = [TEXT[:3], *TEXT[3:]]
    payloads = [
        {"choices": [{"index": 0, "delta": {"content": piece}, "message": {"content": so_far}}]}
        for piece, so_far in zip(pieces, said, strict=True)
    ]
    assert replied(*payloads, FINISH).reply().text == TEXT


@pytest.mark.parametrize("make", [lambda text: delta(content=text), lambda text: message(None, content=text)])
def test_each_chunk_may_repeat_the_text_so_far(make):
    payloads = [make(TEXT[:end]) for end in range(4, len(TEXT) + 1, 4)]
    assert replied(*payloads, FINISH).reply().text == TEXT
    assert replied(*payloads, delta("stop", content=TEXT)).reply().text == TEXT


def test_reasoning_refusals_and_calls_are_not_doubled_either():
    call = tool_call("f", {"a": 1}, id="i")
    said = [
        delta(reasoning_content="First I "),
        delta(reasoning_content="think of it."),
        delta(content="So."),
        delta(tool_calls=[call]),
    ]
    rewritten = {**call, "function": {"name": "f", "arguments": '{"a":1}'}}
    last = message("tool_calls", content="So.", reasoning_content="First I think of it.", tool_calls=[rewritten])
    reply = replied(*said, last).reply()
    assert (reply.reasoning, reply.text) == ("First I think of it.", "So.")
    assert [one.arguments for one in reply.tool_calls] == ['{"a": 1}']
    refused = [delta(refusal="I can "), delta(refusal="not do it."), message(refusal="I can not do it.", content=None)]
    assert replied(*refused).reply().refusal == "I can not do it."


def test_what_a_last_message_adds_is_not_lost():
    begun = delta(content="The quick", reasoning_content="Let me")
    reply = replied(begun, message(content=TEXT, reasoning_content="Let me see.", tool_calls=[tool_call("f")])).reply()
    assert (reply.reasoning, reply.text, [call.name for call in reply.tool_calls]) == ("Let me see.", TEXT, ["f"])


def test_a_last_message_that_differs_is_reported():
    reply = replied(*PIECES, message(content="Something else.")).reply()
    assert reply.text == TEXT
    assert "differs from the answer" in reply.notices[0]
    thought = [delta(content="<think>why</think>"), delta(content=TEXT), message(content=TEXT)]
    assert (replied(*thought).reply().text, replied(*thought).reply().notices) == (TEXT, ())


@pytest.mark.parametrize("pieces", [["Happy birthday, ", "dear reader!\n"], ["One.", " Two."]])
def test_an_answer_may_repeat_itself_where_finish_reasons_mean_nothing(pieces):
    song = "".join(pieces)
    payloads = [chunk(piece, finish="stop") for piece in [*pieces, song]]
    assert replied(*payloads).reply().text == song + song


# Reasoning


@pytest.mark.parametrize(
    "pieces",
    [
        [{"reasoning_details": [{"type": "reasoning.text", "text": "why"}]}, {"content": "so"}],
        [{"reasoning_details": [{"type": "reasoning.summary", "summary": "why"}]}, {"content": "so"}],
        [{"reasoning": "why", "reasoning_details": [{"type": "reasoning.text", "text": "why"}]}, {"content": "so"}],
        [{"reasoning_content": "why", "thinking_blocks": [{"type": "thinking", "thinking": "why"}]}, {"content": "so"}],
        [{"thinking_blocks": [{"type": "thinking", "thinking": "why"}]}, {"content": "so"}],
        [{"thinking": "why"}, {"content": "so"}],
        [{"reasoning": {"content": "why"}}, {"content": "so"}],
        [{"reasoning_content": [{"type": "text", "text": "why"}]}, {"content": "so"}],
        [{"reasoning_text": "why"}, {"content": "so"}],
        [{"content": "why</think>so"}],
        [{"content": "w"}, {"content": "hy</th"}, {"content": "ink>so"}],
        [{"reasoning_content": "why"}, {"content": "</think>"}, {"content": "so"}],
        [{"reasoning_content": "why"}, {"content": "\n</think>\n\nso"}],
        [{"reasoning_content": "why", "content": "<think>why</think>so"}],
        [{"reasoning_content": "why"}, {"content": "<think>\nwhy"}, {"content": "\n</think>\n\nso"}],
        [{"content": "[THINK]why[/THINK]so"}],
        [{"content": "<thought>why</thought>so"}],
        [{"content": [{"type": "reasoning", "text": "why"}, {"type": "text", "text": "so"}]}],
        [{"content": [{"thought": True, "text": "why"}, {"text": "so"}]}],
        [{"content": [{"type": "thinking", "thinking": "why", "signature": "x"}, {"type": "text", "text": "so"}]}],
    ],
    ids=json.dumps,
)
def test_reasoning_comes_under_many_names(pieces):
    """PROTOCOL 3.8"""
    reply = replied(*[delta(**piece) for piece in pieces], FINISH).reply()
    assert (reply.reasoning, reply.text) == ("why", "so")


def test_reasoning_in_tags_that_differs_from_that_of_the_field_is_kept_beside_it():
    """PROTOCOL 3.8"""
    pieces = [{"reasoning_content": "why"}, *({"content": text} for text in ("<think>wh", "er", "e", "</think>so"))]
    events = decoded([*(stream(delta(**piece), done=False) for piece in pieces), stream(FINISH)])
    assert "".join(event.text for event in of_kind(ReasoningDelta, events)) == "whywhere"


# Text in other places


@pytest.mark.parametrize(
    "said",
    [
        {"content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]},
        {"content": ["Hel", "lo"]},
        {"content": {"type": "text", "text": "Hello"}},
        {"content": [{"type": "output_text", "text": "Hello"}]},
        {"content": [{"type": "text", "text": {"value": "Hello", "content": "Hello"}}]},
        {"content": [{"type": "text", "text": {"value": "Hello", "annotations": []}}]},
        {"text": "Hello"},
        {"content": None, "text": "Hello"},
        {"content": "", "text": "Hello"},
        {"audio": {"id": "a", "transcript": "Hello"}},
        {"content": [{"type": "audio", "transcript": "Hello"}]},
    ],
    ids=json.dumps,
)
def test_text_is_found_where_it_stands(said):
    for payload in (delta(**said), message(**said)):
        assert replied(payload, FINISH).reply().text == "Hello"


def test_the_text_of_plain_completions_is_read_beside_an_empty_delta():
    for choice in (
        {"text": "Hello"},
        {"text": "Hello", "delta": {}},
        {"text": "Hello", "delta": {"role": "assistant"}},
    ):
        assert replied({"choices": [choice]}, FINISH).reply().text == "Hello"
    assert replied({"choices": [{"text": "Hello", "delta": {"content": "Hello"}}]}, FINISH).reply().text == "Hello"
    assert replied({"choices": [{"delta": "Hello"}]}, FINISH).reply().text == "Hello"


# Pictures, sources, and what can't be shown


@pytest.mark.parametrize(
    "said",
    [
        {"images": [{"type": "image_url", "image_url": {"url": PNG}}]},
        {"images": [{"image_url": PNG}]},
        {"images": [PNG, PNG]},
        {"images": [{"b64_json": "iVBORw0KGgo="}]},
        {"content": [{"type": "image_url", "image_url": {"url": PNG}}]},
        {"content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG[22:]}}]},
        {"content": [{"type": "output_image", "image_url": PNG}]},
    ],
    ids=json.dumps,
)
def test_pictures_are_part_of_the_answer(said):
    for payloads in ([delta(content="Look: "), delta(**said)], [delta(**said), message(**said)], [message(**said)]):
        reply = replied(*payloads, FINISH).reply()
        assert reply.images == (ImagePart(PNG),)
        assert not reply.empty
        assert reply.notices == ()


def test_a_picture_is_of_the_type_that_is_given():
    source = {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}
    reply = replied(delta(content=[{"type": "image", "source": source}]), FINISH).reply()
    assert reply.images == (ImagePart("data:image/jpeg;base64,/9j/4AAQ"),)


URL, TITLE = "https://example.com/a", "A page"


@pytest.mark.parametrize(
    ("holder", "source"),
    [
        ({"citations": [URL]}, Source(URL)),
        ({"citations": [URL, URL]}, Source(URL)),
        ({"citations": [{"url": URL, "title": TITLE}]}, Source(URL, TITLE)),
        ({"search_results": [{"title": TITLE, "url": URL, "date": None}]}, Source(URL, TITLE)),
        ({"search_info": {"search_results": [{"index": 1, "title": TITLE, "url": URL}]}}, Source(URL, TITLE)),
        ({"web_search": [{"title": TITLE, "link": URL, "content": "…"}]}, Source(URL, TITLE)),
        ({"context": {"citations": [{"title": TITLE, "url": URL, "content": "…"}]}}, Source(URL, TITLE)),
        ({"annotations": [{"type": "url_citation", "url_citation": {"url": URL, "title": TITLE}}]}, Source(URL, TITLE)),
        ({"annotations": [{"type": "url_citation", "url": URL, "title": TITLE}]}, Source(URL, TITLE)),
        ({"references": [{"uri": URL, "title": TITLE}]}, Source(URL, TITLE)),
        ({"citations": [URL], "search_results": [{"title": TITLE, "url": URL}]}, Source(URL, TITLE)),
        ({"provider_specific_fields": {"citations": [URL]}}, Source(URL)),
        ({"groundingMetadata": {"groundingChunks": [{"web": {"uri": URL, "title": TITLE}}]}}, Source(URL, TITLE)),
        ({"grounding_metadata": {"grounding_chunks": [{"web": {"uri": URL, "title": TITLE}}]}}, Source(URL, TITLE)),
        ({"vertex_ai_grounding_metadata": [{"groundingChunks": [{"web": {"uri": URL}}]}]}, Source(URL)),
        ({"citations": [{"title": "report.pdf"}]}, Source("", "report.pdf")),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("place", ["payload", "choice", "delta", "message", "every chunk"])
def test_sources_are_kept_once(holder, source, place):
    payloads = {
        "payload": [chunk("Hello"), {**FINISH, **holder}],
        "choice": [chunk("Hello"), {"choices": [{**FINISH["choices"][0], **holder}]}],
        "delta": [delta(content="Hello", **holder)],
        "message": [message(content="Hello", **holder)],
        "every chunk": [{**chunk("Hel"), **holder}, {**chunk("lo"), **holder}, {**FINISH, **holder}],
    }[place]
    reply = replied(*payloads, FINISH).reply()
    assert (reply.text, reply.sources) == ("Hello", (source,))


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ({"audio": {"id": "a", "data": "UklGR"}}, ("audio",)),
        ({"content": [{"type": "video_url", "video_url": {"url": "https://x/v.mp4"}}]}, ("video_url",)),
        ({"content": [{"type": "file", "file": {"file_id": "f"}}]}, ("file",)),
        ({"content": [{"type": "tool_use", "id": "t", "input": {}}]}, ("tool_use",)),
        ({"attachments": [{"id": "x"}]}, ("attachments",)),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_what_can_not_be_shown_is_named(said, kinds):
    reply = replied(delta(**said), delta(**said), FINISH).reply()
    assert reply.choices[0].unshown == kinds
    assert not reply.empty


@pytest.mark.parametrize("escape", [("k-", "k\\u002d"), ("/", "\\/"), ("s", "\\u0073")])
@pytest.mark.parametrize("tools", [(), ("f",)])
def test_an_escaped_key_shows_nowhere(escape, tools):
    secret = "sk-secret/77"
    said = {
        "annotations": [{"url": f"https://x/?k={secret}", "title": secret}],
        "content": [{"type": secret}, {"type": "text", "text": secret}],
        "images": [f"data:image/png;base64,{secret}"],
        "reasoning_details": [{"type": "x", "text": secret, secret: 1}],
        "reasoning_content": secret,
        "refusal": secret,
        "tool_calls": [
            {"id": secret, "function": {"name": secret, "arguments": secret}, "extra_content": {secret: secret}}
        ],
    }
    choice = {"delta": said, "logprobs": {"content": [{"token": secret, "logprob": -1}]}, "finish_reason": secret}
    chunk = {"id": secret, "model": secret, "choices": [choice], "usage": {"prompt_tokens": 1, secret: secret}}
    text = json.dumps(chunk).replace(*escape).encode()
    offered = {"tools": [{"type": "function", "function": {"name": name}} for name in tools]}
    for body in (stream(text), text, text[:-1], text + b"\n" + text):
        events = decoded([body], key=Key(secret), sent=offered)
        assert len(events) > 5
        assert secret not in repr(
            [getattr(event, "error", event) for event in events] + [getattr(event, "raw", None) for event in events]
        )
        assert json.dumps(secret)[1:-1] not in repr(events)


# Log probabilities in the old form


def test_log_probabilities_of_plain_completions_are_read():
    old = {"tokens": ["a", "b"], "token_logprobs": [-0.5, -1.5], "top_logprobs": [{"a": -0.5, "c": -2.0}, None]}
    reply = replied({"choices": [{"text": "ab", "logprobs": old}]}, FINISH).reply()
    assert reply.choices[0].logprobs == (
        {
            "token": "a",
            "logprob": -0.5,
            "top_logprobs": [{"token": "a", "logprob": -0.5}, {"token": "c", "logprob": -2.0}],
        },
        {"token": "b", "logprob": -1.5, "top_logprobs": []},
    )
    for half in ({"tokens": ["a"]}, {"token_logprobs": [-0.5]}, {"tokens": "a", "token_logprobs": [-0.5]}):
        choice = replied({"choices": [{"text": "a", "logprobs": half}]}, FINISH).reply().choices[0]
        assert (choice.text, choice.logprobs) == ("a", ())
    bare = [{"token": "a", "logprob": -0.5}]
    assert replied({"choices": [{"text": "a", "logprobs": bare}]}, FINISH).reply().choices[0].logprobs == tuple(bare)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *((none, ()) for none in (None, 5, "x", [], [5], {}, {"content": "x"}, {"content": [5, None]})),
        ({"refusal": [{"token": "a", "logprob": -1}]}, ({"token": "a", "logprob": -1},)),
        ({"content": [], "refusal": [{"token": "a"}]}, ({"token": "a"},)),
        (
            {"tokens": ["a", 5, "b", "c\ud83d", "d"], "token_logprobs": [-1, -2, None, -3.0]},
            (
                {"token": "a", "logprob": -1, "top_logprobs": []},
                {"token": "c\ufffd", "logprob": -3.0, "top_logprobs": []},
            ),
        ),
        (
            {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{"b": None, "c": -1, "d": "x"}]},
            ({"token": "a", "logprob": -1, "top_logprobs": [{"token": "c", "logprob": -1}]},),
        ),
        (
            {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{"b": -1}, {"c": -1}]},
            ({"token": "a", "logprob": -1, "top_logprobs": []},),
        ),
        (
            {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": 5},
            ({"token": "a", "logprob": -1, "top_logprobs": []},),
        ),
    ],
    ids=ascii,
)
def test_log_probabilities_of_any_form_are_read_as_far_as_they_are_some(written, read):
    choice = {"delta": {"content": "a"}, "logprobs": written}
    data = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n" + stream(FINISH)
    events = decoded([data])
    assert of_kind(Failed, events) == []
    assert [event.tokens for event in of_kind(LogprobsDelta, events)] == ([read] if read else [])


def test_log_probabilities_of_a_summary_are_read_if_no_delta_had_some():
    probable = {"content": [{"token": "a", "logprob": -1.0}]}
    summary = {"index": 0, "delta": {}, "message": {"content": "a"}, "logprobs": probable, "finish_reason": "stop"}
    for first in ({"logprobs": probable}, {}):
        begun = {"index": 0, "delta": {"content": "a"}, **first}
        assert len(replied({"choices": [begun]}, {"choices": [summary]}).reply().choices[0].logprobs) == 1
    twice = [{"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": probable}]}] * 2
    assert len(replied(*twice, FINISH).reply().choices[0].logprobs) == 2


# Bounds


def test_parts_are_bounded():
    """PROTOCOL 3.12"""
    kinds = [{"type": f"{number:02}".ljust(41, "x")} for number in range(11)]
    reply = replied(delta(content=[*kinds, *kinds]), FINISH).reply()
    assert [len(kind) for kind in reply.choices[0].unshown] == [40] * 10
    pages = [f"https://x/{number}" for number in range(300)]
    for payloads in ([delta(citations=pages)], [delta(citations=pages[:199]), delta(citations=pages[150:202])]):
        assert [source.url for source in replied(*payloads, FINISH).reply().sources] == pages[:200]
    long = "https://x/".ljust(4_001, "x")
    for source, kept in [
        (long, ()),
        (long[:-1], (Source(long[:-1]),)),
        ({"url": long, "title": "A"}, (Source("", "A"),)),
        ({"url": URL, "title": "A" * 257}, (Source(URL, "A" * 255 + "…"),)),
        ({"url": URL, "title": "A" * 256}, (Source(URL, "A" * 256),)),
        *((none, ()) for none in ("", " ", 5, None, {}, {"url": " "}, {"url": 5, "title": " "}, {"web": 5})),
    ]:
        assert replied(delta(content="a", citations=[source]), FINISH).reply().sources == kept


@pytest.mark.parametrize("name", ["url", "link", "uri", "href", "web_url"])
@pytest.mark.parametrize("title", ["title", "name", "site_name", "filename"])
def test_a_source_is_read_under_each_of_its_names(name, title):
    assert replied(delta(citations=[{name: URL, title: TITLE}]), FINISH).reply().sources == (Source(URL, TITLE),)


def test_a_title_that_comes_with_an_address_in_the_same_piece_is_kept():
    said = {"citations": [URL], "search_results": [{"url": URL, "title": TITLE}, {"url": URL}]}
    assert replied(delta(**said), FINISH).reply().sources == (Source(URL, TITLE),)


def test_a_picture_elsewhere_is_a_source():
    reply = replied(delta(content=[{"type": "image_url", "image_url": {"url": URL}}]), FINISH).reply()
    assert (reply.images, reply.sources) == ((), (Source(URL, "a picture"),))


@pytest.mark.parametrize(
    "picture",
    [
        *({name: PNG} for name in ("image_url", "url", "image", "source", "b64_json", "data", "result")),
        {"media_type": "image/png", "data": PNG[22:]},
        {"mime_type": "image/png", "url": PNG},
        {"media_type": 5, "data": PNG[22:]},
        {"url": "", "source": {"data": PNG[22:]}},
        {"url": 5, "data": PNG[22:]},
    ],
    ids=json.dumps,
)
def test_a_picture_is_found_under_each_of_its_names(picture):
    for said in (
        {"images": [picture]},
        *({"content": [{"type": kind, **picture}]} for kind in ("image", "input_image")),
    ):
        assert replied(delta(**said), FINISH).reply().images == (ImagePart(PNG),)
    assert replied(delta(images=[5, {}, ""], content="a"), FINISH).reply().images == ()


# A 200 that holds an error


@pytest.mark.parametrize(
    "body",
    [
        {"choices": None, "base_resp": {"status_code": 1004, "status_msg": "the words"}},
        {"choices": [], "base_resp": {"status_code": 1004, "status_msg": "the words"}},
        {"base_resp": {"status_code": 1004, "status_msg": "the words"}, "usage": usage(0, 0)},
        {"choices": [{"error": {"code": 502, "message": "the words"}, "finish_reason": "error"}]},
        {"choices": [{"delta": {"content": ""}, "error": {"message": "the words"}, "finish_reason": "error"}]},
        {"choices": [{"message": {"content": ""}, "error": "the words", "finish_reason": "stop"}]},
        {"error_code": 17, "error_msg": "the words"},
        {"code": 1001, "msg": "the words", "data": None},
        {"code": "InvalidApiKey", "message": "the words", "request_id": "x"},
        {"success": False, "message": "the words"},
        {"success": False, "errors": [{"code": 7000, "message": "the words"}], "result": None, "messages": []},
        {"errors": [{"message": "the words"}]},
        {"header": {"code": 10013, "message": "the words"}},
        {"fault": {"faultstring": "the words"}},
        {"detail": "the words"},
        {"type": "error", "message": "the words"},
        {"object": "error", "message": "the words", "code": 400},
        {"choices": None, "code": 500, "message": "the words"},
        {"Error": {"Message": "the words"}},
        {"error": True, "message": "the words"},
        {"status": "error", "message": "the words"},
        {"status": 400, "message": "the words"},
        *({"status": word, "message": "the words"} for word in ("fail", " Failed ", "FAILURE")),
        *({"code": code, "message": "the words"} for code in (-1, 201, "no", 1.5)),
        *({holder: {"ret": 7, "msg": "the words"}} for holder in ("response", "result", "data", "meta")),
        *({name: "the words"} for name in ("exception", "error_message", "errorMessage", "errmsg", "error_msg")),
    ],
    ids=json.dumps,
)
def test_an_error_under_status_200_is_an_error(body):
    """PROTOCOL 3.5"""
    for data in (stream(body), stream(body, done=False), json.dumps(body).encode(), json.dumps(body).encode() + b"\n"):
        events = decoded([data])
        assert isinstance(events[-1].error, ServerError), data
        assert "the words" in str(events[-1].error)
    draft = replied(chunk("half"), body)
    assert (draft.reply().text, draft.reply().status) == ("half", "failed")


@pytest.mark.parametrize(
    "more",
    [
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
        {"base_resp": {"status_code": 0, "status_msg": ""}},
        {"code": 200, "msg": "ok"},
        {"code": 0, "message": "success", "success": True},
        {"error": None},
        {"error": {}},
        {"errors": []},
        {"error_msg": ""},
        {"status": "success", "message": "done"},
        {"code": "Success", "message": ""},
        {"message": "hello"},
        {"status": "queued", "message": "You are next."},
        {"status": 1, "msg": "thinking"},
        {"status": 399, "msg": "thinking"},
        {"status": True, "code": False, "message": "thinking"},
        *({"code": code, "message": "fine"} for code in (0, 200, "", "0", "200", " OK ", "none", "NULL", "succeeded")),
        {"code": None, "message": "fine"},
        {"code": 7, "message": ""},
        {"code": 7, "message": 5},
        {"success": True, "message": "fine"},
        {"success": None},
    ],
    ids=json.dumps,
)
def test_fields_that_good_answers_also_have_are_no_error(more):
    """PROTOCOL 3.5"""
    for payload in ({**chunk("Hi"), **more}, {**completion("Hi"), **more}):
        draft = replied(payload, {"choices": [], **more}, FINISH)
        assert draft.error is None
        assert draft.reply().text == "Hi"


WORDS = "The model has crashed."
REMARKS = [
    {"message": WORDS},
    {"msg": WORDS, "id": "x"},
    {"detail": WORDS},
    {"detail": [{"msg": WORDS}]},
    {"type": "info", "message": WORDS},
    {"choices": None, "message": WORDS},
    WORDS,
]


@pytest.mark.parametrize("remark", REMARKS, ids=json.dumps)
def test_a_remark_that_ends_an_answer_without_a_finish_reason_is_its_error(remark):
    """PROTOCOL 3.5"""
    for ending in ({"done": True}, {"done": False}, {"done": False, "broken": "reset"}):
        for first in ([chunk("half")], [chunk("ha"), chunk("lf")]):
            draft = replied(*first, remark, **ending)
            assert (draft.reply().text, draft.reply().status) == ("half", "failed")
            assert isinstance(draft.error, ServerError)
            assert WORDS in str(draft.error)
            assert draft.reply().notices == ()


@pytest.mark.parametrize(
    ("payload", "is_remark"),
    [
        *(
            (payload, True)
            for payload in ({"message": "x"}, {"msg": "x", "code": 7}, {"message": "x", "status": 200}, "x")
        ),
        *(
            (payload, True)
            for payload in (
                {"detail": "x", "code": 0},
                {"message": "x", "choices": None},
                {"message": "x", "usage": {}},
            )
        ),
        *(
            (payload, False)
            for payload in ({"message": "x", "code": 0}, {"message": "x", "status_code": 200, "code": 7}, " ", 5)
        ),
        *(
            (payload, False)
            for payload in ({"message": "x", "choices": []}, {"message": "x", "usage": {"a": 1}}, {"message": ""})
        ),
        *((payload, False) for payload in ({"message": 5}, {"detail": ""}, {}, [], None)),
    ],
    ids=json.dumps,
)
def test_a_remark_is_a_message_of_the_server_s_and_nothing_else(payload, is_remark):
    assert (remark_in(payload) is not None) is is_remark


@pytest.mark.parametrize("remark", REMARKS, ids=json.dumps)
@pytest.mark.parametrize("place", range(4))
def test_a_remark_with_a_good_answer_is_a_notice(remark, place):
    """PROTOCOL 3.5"""
    payloads = [chunk("Hel"), chunk("lo"), FINISH]
    payloads.insert(place, remark)
    draft = replied(*payloads)
    assert draft.error is None
    assert (draft.reply().text, draft.reply().notices) == ("Hello", (f"the server also said: {WORDS}",))
    without_reasons = [payload for payload in payloads if payload is not FINISH]
    if place < 2:
        assert replied(*without_reasons).reply().text == "Hello"
        assert replied(*without_reasons).error is None


def test_the_last_of_several_remarks_counts():
    queue = [{"detail": f"queue position {place}"} for place in (3, 2, 1)]
    assert replied(*queue, chunk("Hi"), FINISH).reply().notices == ("the server also said: queue position 1",)
    assert "queue position 1" in str(replied(*queue).error)


# Absurd values


HUGE = "9" * 5000


def deep(levels, opening="[", closing="]"):
    return opening * levels + closing * levels


@pytest.mark.parametrize(
    "more",
    [
        f'"usage": {{"prompt_tokens": {HUGE}, "completion_tokens": 3}}',
        f'"usage": {{"prompt_tokens": 3, "completion_tokens": -{HUGE}}}',
        f'"created": {HUGE}',
        f'"created": {HUGE}.0e1',
        f'"x": {deep(100_000)}',
        f'"x": {deep(1_500)}',
        f'"x": {deep(300)}',
        '"x": ' + '{"a":' * 50_000 + "1" + "}" * 50_000,
        f'"citations": {deep(900)}',
        f'"usage": {deep(5_000)}',
        '"context": ' + '{"context":' * 400 + "1" + "}" * 400,
    ],
    ids=lambda text: text[:24],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_absurd_number_or_nesting_loses_only_itself(more, place):
    """PROTOCOL 3.12"""
    payloads = [chunk("Hel"), chunk("lo"), FINISH]
    events = [stream(payload, done=False) for payload in payloads]
    payloads[place] = json.dumps(payloads[place])[:-1] + f", {more}}}"
    events[place] = f"data: {payloads[place]}\n\n".encode()
    whole = json.dumps(completion("Hello"))[:-1].encode() + f", {more}}}".encode()
    for data in (b"".join(events) + stream(), whole):
        draft = Draft(Request("u", {"messages": []}), started=0.0)
        draft.add(decoded([data]))
        assert draft.error is None
        assert draft.reply().text == "Hello"
        assert draft.reply().notices == ()


@pytest.mark.parametrize("indent", [1, 2, "\t"])
def test_objects_over_several_lines_may_follow_one_another(indent):
    """PROTOCOL 3.3"""
    payloads = [chunk("Hel"), chunk("lo"), FINISH]
    for between in ("\n", "\n\n", "", "\r\n"):
        text = between.join(json.dumps(payload, indent=indent) for payload in payloads)
        draft = Draft(Request("u", {"messages": []}), started=0.0)
        draft.add(decoded([text.encode()]))
        assert (draft.reply().text, draft.reply().status) == ("Hello", "complete")
    draft = Draft(Request("u", {"messages": []}), started=0.0)
    draft.add(decoded([json.dumps(payloads[0], indent=2).encode() * 2]))
    assert (draft.reply().text, draft.reply().status) == ("HelHel", "cut_off")


# Usage


def used(*payloads, **options):
    return replied(*payloads, **options).reply().usage


NOTHING = usage(0, 0)


@pytest.mark.parametrize(
    "reports",
    [
        [usage(9, 5), NOTHING],
        [NOTHING, usage(9, 5)],
        [usage(9, 5), {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}],
        [{"prompt_tokens": "9", "completion_tokens": "5"}],
        [{"input_tokens": 9, "output_tokens": 5}],
        [{"prompt_tokens": 9, "completion_tokens": 1}, {"completion_tokens": 5}],
        [{"input_tokens": 9, "output_tokens": 1}, {"output_tokens": 5}],
        [{"prompt_tokens": 0, "completion_tokens": 0, "input_tokens": 9, "output_tokens": 5}],
        [usage(9, n) for n in range(6)],
        [{}, None, usage(9, 5), {}],
    ],
    ids=json.dumps,
)
def test_counts_come_in_many_forms_and_zeros_count_as_missing(reports):
    """PROTOCOL 3.9"""
    counted = used(chunk("text"), *({**chunk(""), "usage": report} for report in reports), FINISH)
    assert (counted.prompt_tokens, counted.completion_tokens, counted.total_tokens) == (9, 5, 14)
    assert counted.state == "measured"


def test_a_count_that_is_said_again_is_reported_once():
    payload = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}
    assert len(of_kind(UsageReport, decoded([stream(chunk("text"), payload, payload)]))) == 1


def test_what_a_later_count_leaves_out_stays():
    """PROTOCOL 3.9"""
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}}
    counted = used(
        chunk("text"), {**FINISH, "usage": usage(9, 1, cost=0.5, **details)}, {"choices": [], "usage": usage(9, 5)}
    )
    assert counted == Usage(9, 5, 14, "measured", cached_tokens=4, reasoning_tokens=3, cost=0.5)
    only = used(
        chunk("text"), {**FINISH, "usage": {"prompt_tokens": 9}}, {"choices": [], "usage": {"total_tokens": 20}}
    )
    assert only == Usage(9, None, 20, "measured")


def test_zeros_alone_are_no_count():
    """PROTOCOL 3.9"""
    assert used(chunk("text"), {**FINISH, "usage": NOTHING}).state == "estimated"


@pytest.mark.parametrize(
    ("report", "counts"),
    [
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 9}, (None, None, 9)),
        ({"prompt_tokens": 0, "completion_tokens": 5, "total_tokens": 14}, (9, 5, 14)),
        ({"prompt_tokens": 0, "completion_tokens": 5, "total_tokens": 5}, (None, 5, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 14}, (9, 5, 14)),
        ({"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}, (9, 0, 9)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 14}, (9, 3, 14)),
    ],
)
def test_a_zero_that_contradicts_the_total_is_no_count(report, counts):
    """PROTOCOL 3.9"""
    counted = used(chunk("text"), {**FINISH, "usage": report})
    assert (counted.prompt_tokens, counted.completion_tokens, counted.total_tokens) == counts


def each_alone(*counts):
    """Two or more choices, each with its own count after its end, as llama.cpp sends them."""
    for index, count in enumerate(counts):
        yield chunk("text", index)
        yield chunk(None, index, "stop")
        yield {"choices": [], "usage": usage(9, count)}


def test_counts_of_each_choice_add_up():
    """PROTOCOL 3.9"""
    total = used(*each_alone(7, 5))
    assert (total.prompt_tokens, total.completion_tokens, total.total_tokens, total.state) == (9, 12, 21, "measured")
    assert used(*each_alone(5, 5, 5)) == Usage(9, 15, 24, "measured")
    without = [one if "usage" not in one else {**one, "usage": {"completion_tokens": 5}} for one in each_alone(5, 5)]
    assert used(*without) == Usage(None, 10, None, "measured")
    cached = [
        one
        if "usage" not in one
        else {**one, "usage": {**usage(9, 5), "prompt_tokens_details": {"cached_tokens": place}}}
        for place, one in enumerate(each_alone(5, 5))
    ]
    assert used(*cached).cached_tokens == 5
    unsure = used(*each_alone(5, 7))
    assert (unsure.completion_tokens, unsure.state) == (12, "estimated")
    inside = [{"choices": [{"index": i, "delta": {}, "finish_reason": "stop", "usage": usage(9, 5)}]} for i in range(3)]
    assert used(*inside).completion_tokens == 15


def test_one_count_of_all_choices_is_taken_as_it_is():
    """PROTOCOL 3.9"""
    ends = [chunk("a", 0), chunk("b", 1), chunk(None, 0, "stop"), chunk(None, 1, "stop")]
    assert used(*ends, {"choices": [], "usage": usage(9, 12)}).completion_tokens == 12
    late = [{**chunk("a", 0), "usage": usage(9, 1)}, chunk("b", 1)]
    late += [{**chunk(None, index, "stop"), "usage": usage(9, 12 + index)} for index in (0, 1)]
    assert used(*late).completion_tokens == 13
    running = [{**chunk("a", n % 2), "usage": usage(9, n)} for n in range(1, 13)]
    assert used(*running, *ends).completion_tokens == 12


def test_the_servers_own_usage_object_is_kept():
    """Bounded: its counts and short texts, three levels deep, without the key."""
    own = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4, "deeper": {"still": 1, "more": {"not": 1}}},
        "cost": 0.25,
        "is_byok": False,
        "tier": "batch",
        "key": "sk-secret-77",
        "list": [1, 2],
        "long": "x" * 100,
        "huge": -(2**53),
        "none": None,
    }
    kept = {name: own[name] for name in ("prompt_tokens", "completion_tokens", "cost", "is_byok", "tier", "none")}
    kept |= {"key": "[key]", "prompt_tokens_details": {"cached_tokens": 4, "deeper": {"still": 1}}}
    for payload in ({"choices": [], "usage": own}, {**FINISH, "usage": own}):
        assert replied(chunk("text"), payload, key=Key("sk-secret-77")).reply().raw_usage == kept
    assert replied(chunk("text"), FINISH).reply().raw_usage is None
    many = {"prompt_tokens": 1, **{f"field_{number}": number for number in range(1000)}}
    assert len(replied(chunk("text"), {**FINISH, "usage": many}).reply().raw_usage) == 60
