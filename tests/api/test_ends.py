"""Where an answer ends: finish reasons that end nothing, `[DONE]` on an open connection, events as they come."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nbchat.api.answer.decoder import AnswerDecoder
from nbchat.api.keys import Key
from nbchat.conversation.process import process
from nbchat.testing import DONE, Cut, Hang, Pause, Plain, Stream, Until, chunk, completion, error, usage
from nbchat.values.answer.events import Failed, Finished, Notice, ReasoningDelta, TextDelta, UsageReport
from nbchat.values.errors import CutOff
from tests.api.asking import LONG, Asked, call_to
from tests.api.decoding import decoded, of_kind, replied, stream
from tests.strategies import event_bytes

FINISH = chunk(finish="stop")
COUNTED = {**FINISH, "usage": usage(3, 4)}


def line(payload, end="\n"):
    return f"data: {json.dumps(payload)}{end}"


@pytest.fixture
def quick(monkeypatch):
    """Timers after an end fire at once: an answer that ends by a timer loses what the server sends later."""
    for name in ("LINGER_SECONDS", "DONE_SECONDS"):
        monkeypatch.setattr(f"nbchat.api.attempt.{name}", 0.02)


def on_every_chunk(reason, **more):
    return [{**chunk(word, finish=reason), **more} for word in ("One ", "two ", "three.")]


LATE = Pause(0.08)


@pytest.mark.parametrize("reason", ["stop", "length", "null", "None", "", "eos"])
@pytest.mark.parametrize("more", [{}, {"usage": usage(3, 1)}])
def test_a_finish_reason_on_every_chunk_ends_nothing(server, quick, reason, more):
    """PROTOCOL 3.3: each piece arrives long after a timer would have ended the answer"""
    one, two, three = on_every_chunk(reason, **more)
    server.add(Stream([one, LATE, two, LATE, three, LATE, {**FINISH, **more}, DONE]))
    asked = Asked(server.base_url)
    assert (asked.reply.text, asked.reply.status) == ("One two three.", "complete")
    assert server.requests[0].finished.wait(LONG)


@pytest.mark.parametrize(
    "first",
    [chunk("", finish="stop"), chunk("Hm. ", finish="stop"), {**chunk("Hm. ", finish="stop"), "usage": usage(3, 1)}],
)
def test_an_answer_may_go_on_long_after_its_first_finish_reason(server, quick, first):
    """PROTOCOL 3.3"""
    reasoning = [step for word in ("I ", "think. ") for step in (LATE, {"choices": [{"delta": {"reasoning": word}}]})]
    server.add(Stream([first, *reasoning, LATE, chunk("So."), FINISH, DONE]))
    reply = Asked(server.base_url).reply
    assert (reply.text.removeprefix("Hm. "), reply.reasoning, reply.status) == ("So.", "I think. ", "complete")


def test_a_reason_that_text_follows_is_not_the_end_of_a_broken_stream(server):
    """PROTOCOL 3.3"""
    for end in ([Cut()], [Cut(reset=True)]):
        server.add(Stream([*on_every_chunk("stop"), *end]))
        assert Asked(server.base_url).reply.status == "cut_off"
    assert replied(*on_every_chunk("stop"), done=False).reply().status == "complete"
    assert replied(chunk("a", finish="stop"), chunk("b"), done=False).reply().status == "cut_off"
    assert replied(chunk("a", finish="stop"), chunk("b")).reply().status == "complete"
    assert replied(chunk("a"), FINISH, done=False, broken="reset").reply().status == "complete"


def test_the_last_finish_reason_is_told_and_each_but_once():
    events = decoded([stream(*on_every_chunk("stop"), chunk(finish="length"))])
    assert of_kind(Finished, events) == [Finished("stop"), Finished("length")]
    assert of_kind(Finished, decoded([stream(chunk("a", finish="null"), FINISH)])) == [Finished("stop")]


def test_a_finish_reason_may_be_an_object():
    events = decoded(
        [stream({"choices": [{"delta": {"content": "a"}, "finish_reason": {"type": "stop"}}]}, done=False)]
    )
    assert of_kind(Finished, events) == [Finished("stop")]


def test_held_back_text_comes_before_the_end():
    """A text that ends as a tag begins is not known to be whole before the end of the stream."""
    events = decoded([stream(chunk("a <", finish="stop"))])
    assert events[-2:] == [TextDelta("<"), Finished("stop")]


@pytest.mark.parametrize("field", ["content", "reasoning_content", "refusal"])
@pytest.mark.parametrize("end", ["sk-", "\ud83d", "a repeated text"])
def test_whatever_is_held_back_comes_before_the_end(field, end):
    choices = [{"delta": {field: text}} for text in ("a ", "repeated ", "text", end)] + [{"finish_reason": "stop"}]
    written = [json.dumps({"choices": [choice]}).encode() for choice in choices]
    events = decoded([stream(*written)], key=Key("sk-secret-77"))
    assert [type(event) is Finished for event in events[-2:]] == [False, True]


def test_a_finished_answer_on_a_connection_that_is_kept_alive_is_never_called_whole(server, monkeypatch):
    """PROTOCOL 3.3: nbchat ends it while bytes still come"""
    monkeypatch.setattr("nbchat.api.attempt.KEPT_SECONDS", 0.1)
    beats = [step for _ in range(100) for step in (": ping\n\n", Pause(0.02))]
    server.add(Stream([chunk("all"), FINISH, *beats, Hang()]))
    asked = Asked(server.base_url)
    assert (asked.reply.text, asked.reply.status) == ("all", "cut_off")
    assert isinstance(asked.error, CutOff)
    assert server.requests[0].closed.wait(LONG)


def test_a_usage_count_is_waited_for_only_so_long(server, monkeypatch):
    """PROTOCOL 3.3"""
    monkeypatch.setattr("nbchat.api.attempt.LINGER_SECONDS", 0.05)
    server.add(Stream([chunk("all"), FINISH, Hang()]))
    assert Asked(server.base_url).reply.status == "complete"
    assert server.requests[0].closed.wait(LONG)


def test_comments_behind_a_finish_reason_of_the_first_chunk_are_waited_through(server, quick):
    """PROTOCOL 3.3: a model that thinks behind a relay"""
    beats = [step for _ in range(10) for step in (": PROCESSING\n\n", Pause(0.03))]
    server.add(Stream([COUNTED, *beats, chunk("late"), FINISH, DONE]))
    assert Asked(server.base_url).reply.text == "late"


def test_a_finish_of_each_choice_is_waited_for(server, quick):
    """PROTOCOL 3.6"""
    server.add(Stream([chunk("a", 0), chunk(None, 0, "stop"), LATE, chunk("b", 1), chunk(None, 1, "stop"), DONE]))
    reply = Asked(server.base_url, n=2).reply
    assert [choice.text for choice in reply.choices] == ["a", "b"]


def test_choices_that_never_come_are_waited_for_only_so_long(server, monkeypatch):
    """PROTOCOL 3.6: a server may ignore `n`"""
    monkeypatch.setattr("nbchat.api.attempt.DOUBT_SECONDS", 0.05)
    server.add(Stream([chunk("a"), COUNTED, Hang()]))
    reply = Asked(server.base_url, n=2).reply
    assert (reply.text, reply.status, reply.notices) == ("a", "complete", ("only 1 of 2 choices arrived",))


STATES = ("begun", "hollow", "finished", "trusted", "counted", "done", "failed")
USAGE = {"choices": [], "usage": usage(3, 4)}
OTHER = chunk(None, 1, "stop")


@pytest.mark.parametrize(
    ("payloads", "states"),
    [
        ([], "hollow"),
        ([b": ping\n\nevent: x\nid: 7\nretry: 5\ndata:\n\n\xef\xbb\xbf"], ""),
        ([b"\xef\xbb\xbf: ping\n\nevent: x\nid: 7\nretry: 5\ndata:\n\n"], "hollow"),
        ([b"data: [DONE]\n\n"], "hollow done"),
        ([b"data: oops\n\n"], ""),
        ([b"data: oops\n\n" + b": ping\n" * 700], ""),
        ([b'{"choices": [\n'], "begun"),
        ([{"id": "1"}], ""),
        ([{"choices": []}], "begun"),
        ([USAGE], "begun"),
        ([error("no")], "failed"),
        ([chunk("a"), error("no")], "begun failed"),
        ([chunk("a")], "begun"),
        ([chunk("a", finish="stop")], "begun finished"),
        ([chunk(""), FINISH], "begun finished"),
        ([chunk("a"), FINISH], "begun finished trusted"),
        (
            [chunk("a"), {"choices": [{"delta": {"images": ["data:image/png;base64,x"]}, "finish_reason": "stop"}]}],
            "begun finished trusted",
        ),
        ([chunk("a"), FINISH, USAGE], "begun finished trusted counted"),
        ([chunk("a"), COUNTED], "begun finished trusted counted"),
        ([{**chunk("a"), "usage": usage(3, 1)}, FINISH], "begun finished trusted"),
        (
            [{**chunk("a"), "usage": usage(3, 1)}, FINISH, {"choices": [], "usage": usage(3, 1)}],
            "begun finished trusted",
        ),
        ([chunk("a"), FINISH, {"choices": [], "usage": {}}], "begun finished trusted"),
        ([chunk("a"), FINISH, chunk("")], "begun finished trusted"),
        ([chunk("a"), FINISH, chunk("b")], "begun"),
        ([chunk("a"), FINISH, chunk("b"), FINISH], "begun"),
        ([chunk("a", finish="stop"), chunk("b"), chunk("c"), FINISH], "begun"),
        ([chunk("a", finish="stop"), FINISH], "begun finished"),
        ([chunk("a"), chunk("b", 1), FINISH], "begun trusted"),
        ([chunk("a"), chunk("b", 1), FINISH, OTHER], "begun finished trusted"),
        ([chunk("a"), FINISH, b"data: [DONE]\n\n"], "begun finished trusted done"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)}",
)
def test_what_is_known_of_an_answer_while_it_comes(payloads, states):
    """PROTOCOL 3.3"""
    for cuts in (1, 10**6):
        decoder = AnswerDecoder()
        data = b"".join(one if isinstance(one, bytes) else event_bytes(one) for one in payloads)
        for start in range(0, len(data), cuts):
            decoder.feed(data[start : start + cuts])
        assert " ".join(name for name in STATES if getattr(decoder, name)) == states


@pytest.mark.parametrize(
    ("sent", "payloads", "trusted"),
    [
        ({"n": 2}, [chunk("a"), FINISH], False),
        ({"n": 2}, [chunk("a"), FINISH, OTHER], True),
        ({"n": 1}, [chunk("a"), FINISH], True),
        ({"n": "2"}, [chunk("a"), FINISH], True),
        ({"n": None}, [chunk("a")], False),
    ],
)
def test_finish_reasons_are_awaited_of_as_many_choices_as_were_asked_for(sent, payloads, trusted):
    """PROTOCOL 3.6"""
    decoder = AnswerDecoder(sent=sent)
    decoder.feed(stream(*payloads, done=False))
    assert decoder.trusted is trusted


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        *(("stop", "stop"), (" Stop", " Stop"), ({"type": "stop"}, "stop"), ({"reason": "eos"}, "eos")),
        *(({"type": "", "reason": "eos"}, "eos"), ("a\ud83d", "a\ufffd")),
        *((none, None) for none in ("", " ", "null", "None", " NIL ", "undefined", None, 7, {}, {"type": None}, [])),
    ],
    ids=ascii,
)
def test_a_finish_reason_is_read_as_servers_write_it(written, reason):
    """PROTOCOL 3.11"""
    data = (
        b"data: " + json.dumps({"choices": [{"delta": {"content": "a"}, "finish_reason": written}]}).encode() + b"\n\n"
    )
    assert [event.reason for event in of_kind(Finished, decoded([data]))] == ([] if reason is None else [reason])


def test_the_type_of_an_event_ends_with_it():
    """PROTOCOL 3.2"""
    events = decoded([b"event: error\n\n" + stream(chunk("a"), b"no error", FINISH)])
    assert [event.text for event in of_kind(Notice, events)] == [
        "one event could not be read, so text may be missing: no error"
    ]
    assert of_kind(Finished, events) == [Finished("stop")]


# `[DONE]` on a connection that stays open


@pytest.mark.parametrize(
    "end",
    ["data: [DONE]\n\n", "data: [DONE]\n", "data: [DONE]", "data:[DONE]", "data: [DONE]\r\n", 'data: "[DONE]"\n'],
    ids=repr,
)
@pytest.mark.parametrize("events", [[chunk("Hi"), FINISH], [chunk("Hi")], [chunk("Hi"), COUNTED]], ids=len)
def test_done_ends_an_answer_on_an_open_connection(server, events, end):
    """PROTOCOL 3.3: the script hangs, so only the client can end it"""
    server.add(Stream([*events, end, Hang()]))
    asked = Asked(server.base_url)
    assert (asked.reply.text, asked.reply.status) == ("Hi", "complete")
    assert server.requests[0].closed.wait(LONG)


def test_done_without_an_answer_ends_it_too(server):
    server.default = lambda request: Stream(["data: [DONE]\n\n", Hang()])
    assert Asked(server.base_url).error is not None


# As they come


@pytest.mark.parametrize(
    "steps",
    [
        [line(chunk("One")), line(chunk("Two")), line(FINISH)],
        [line(chunk("One"), "\r\n"), line(chunk("Two"), "\r\n"), line(FINISH, "\r\n")],
        [json.dumps(chunk("One")) + "\n", json.dumps(chunk("Two")) + "\n", json.dumps(FINISH) + "\n"],
        [line(chunk("One"), "\n\n"), line(chunk("Two"), "\n\n"), line(FINISH, "\n\n")],
        ["data: " + line(chunk("One"), "\n\n"), "data: " + line(chunk("Two"), "\n\n"), line(FINISH, "\n\n")],
        [line(chunk("One")) + "data: : PROCESSING\n", line(chunk("Two")), line(FINISH)],
        ["data: {oops\n" + line(chunk("One")), line(chunk("Two")), line(FINISH)],
    ],
    ids=["single newlines", "single CRLF", "objects", "events", "data twice", "comment as data", "one unreadable"],
)
def test_events_appear_as_they_come(server, steps):
    """PROTOCOL 3.2: the second is sent only once the first has been seen"""
    seen = [threading.Event(), threading.Event()]
    server.add(Stream([steps[0], Until(seen[0]), steps[1], Until(seen[1]), steps[2]]))

    def watch():
        texts = []
        for batch in iter(process.engine().open(call_to(server.base_url)).take, None):
            for event in of_kind(TextDelta, batch):
                seen[len(texts)].set()
                texts.append(event.text)
        return texts

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(watch).result(LONG) == ["One", "Two"]


def test_an_event_of_several_lines_is_still_one():
    """PROTOCOL 3.2"""
    text = json.dumps(chunk("Hello", finish="stop"), indent=1)
    whole = "".join(f"data: {one}\n" for one in text.splitlines()) + "\n"
    for data in (whole, whole + DONE, whole.replace("\n", "\r\n"), whole.removesuffix("\n")):
        assert [event.text for event in of_kind(TextDelta, decoded([data.encode()]))] == ["Hello"]


def test_several_objects_may_stand_in_one_line():
    objects = json.dumps(chunk("One")) + json.dumps(chunk("Two")) + " data: " + json.dumps(FINISH)
    events = decoded([f"data: {objects}\n\n".encode() + DONE.encode()])
    assert [event.text for event in of_kind(TextDelta, events)] == ["One", "Two"]


def test_an_unfinished_event_is_read_before_the_one_that_interrupts_it():
    two = json.dumps(chunk("One ")) + json.dumps(chunk("two "))
    for unfinished in (two, two.replace("}{", "}\ndata: {")):
        for interrupting in (json.dumps(FINISH), "[DONE]"):
            events = decoded([f"data: {unfinished}\ndata: {interrupting}\n\n".encode()])
            assert [event.text for event in of_kind(TextDelta, events)] == ["One ", "two "]
            assert not isinstance(events[-1], Failed)
    assert replied(chunk("three"), done=False).reply().text == "three"


def test_one_object_in_a_line_of_its_own_is_a_whole_reply(server):
    body = {**completion("Hello", None), "usage": usage(3, 4)}
    for data in (json.dumps(body), json.dumps(body) + "\n", json.dumps(body, indent=1) + "\n"):
        events = decoded([data.encode()])
        assert of_kind(TextDelta, events) == [TextDelta("Hello")]
        assert len(of_kind(UsageReport, events)) == 1
        decoder = AnswerDecoder()
        decoder.feed(data.encode())
        decoder.end()
        assert decoder.done
        assert not decoder.failed
    cut = json.dumps(chunk("Hello")).encode() + b"\n"
    assert "broke off" in str(decoded([cut])[-1].error)
    server.add(Plain(body))
    assert Asked(server.base_url).reply.status == "complete"


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("broken", [None, "reset"])
@pytest.mark.parametrize("framed", [b"", b"data: "])
def test_a_truncated_reply_keeps_its_text_and_is_never_whole(framed, broken, indent):
    said = 'He said "yes\\" 🙂\n' * 3
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
    text = json.dumps({"choices": [choice], "usage": usage(34, 56)}, ensure_ascii=False, indent=indent)
    whole = framed + text.replace("\n", "\n" + framed.decode()).encode()
    for cut in range(whole.index(b"He said") + 3, len(whole)):
        *events, failed = decoded([whole[:cut]], broken)
        kept = "".join(event.text for event in of_kind(TextDelta, events))
        assert said.startswith(kept)
        assert kept
        assert isinstance(failed.error, CutOff)
        assert f"({broken or 'its JSON is incomplete'})" in str(failed.error)
        assert {event.usage.total_tokens for event in of_kind(UsageReport, events)} <= {None, 90}
    assert type(decoded([whole], broken)[-1]) is not type(failed)


def test_reasoning_after_a_finish_reason_refutes_the_end():
    events = event_bytes(chunk("a", finish="stop")) + event_bytes({"choices": [{"delta": {"reasoning": "b"}}]})
    decoder = AnswerDecoder()
    assert of_kind(ReasoningDelta, decoder.feed(events)) == [ReasoningDelta("b")]
    assert not decoder.finished
