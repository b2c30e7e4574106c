"""Answers over real sockets, in every framing and with every accident; connections that are kept, and closed."""

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from nbchat.api.client import Timeouts
from nbchat.conversation.session import Session
from nbchat.testing import (
    DONE,
    Cut,
    Flood,
    Hang,
    Pause,
    Plain,
    Raw,
    Say,
    ScriptedServer,
    Silent,
    Status,
    Stream,
    Until,
    chunk,
    completion,
    error,
    usage,
)
from nbchat.values.answer.events import Ended, FirstToken, Responded, TextDelta, ToolCallDelta
from nbchat.values.errors import ConnectionFailed, CutOff, NbchatError, ProtocolError, ServerError, ServerSilent
from nbchat.values.limits import LIMITS, Limit
from tests.api.asking import LONG, QUICK, Asked, call_to
from tests.strategies import event_bytes

ODD = "\u2028\u2029\u0085 \x0b\x1c é 🙂 \\u0041"
FINISH = chunk(finish="stop")


def written(*events, end=b"\n"):
    return b"".join(event_bytes(event, end) for event in events) + b"data: [DONE]" + end + end


WHOLE = written(chunk("Hello"), chunk(ODD), chunk("!"), FINISH, {"choices": [], "usage": usage(3, 4)})


@pytest.mark.parametrize(
    "answer",
    [
        Raw(WHOLE),
        Raw(WHOLE, pieces=[1] * len(WHOLE)),
        Raw(WHOLE, framing="length"),
        Raw(WHOLE, framing="close"),
        Raw(WHOLE, content_type="application/octet-stream"),
        Raw(WHOLE, headers={"content-type": ""}),
        Raw(gzip.compress(WHOLE, mtime=0), headers={"content-encoding": "gzip"}),
        Raw(gzip.compress(WHOLE, mtime=0), headers={"content-encoding": "gzip"}, pieces=[1] * 500),
        Raw(WHOLE.replace(b"\n", b"\r\n"), pieces=[7] * 500),
        Raw(WHOLE.replace(b"\n", b"\r"), pieces=[7] * 500),
        Raw(b"\xef\xbb\xbf" + WHOLE),
        Raw(WHOLE.replace(b"data: ", b"data:")),
        Raw(WHOLE.removesuffix(b"\n\n")),
        Raw(b": ping\n\n" + WHOLE.replace(b"\n\n", b"\n\n: OPENROUTER PROCESSING\n\n")),
        Raw(WHOLE.replace(b"data: ", b"event: message\nid: 7\nretry: 5\ndata: ")),
        Plain({**completion("Hello" + ODD + "!"), "usage": usage(3, 4)}),
        Raw(json.dumps({**completion("Hello" + ODD + "!"), "usage": usage(3, 4)}).encode(), pieces=[1] * 200),
    ],
    ids=lambda answer: repr(answer)[:60].encode("ascii", "replace").decode(),
)
def test_a_whole_answer_is_read_however_it_is_framed(server, answer):
    """PROTOCOL 3.1, 3.2, 3.5"""
    server.add(answer)
    asked = Asked(server.base_url)
    assert asked.error is None
    assert (asked.reply.text, asked.reply.status) == ("Hello" + ODD + "!", "complete")
    assert (asked.reply.usage.prompt_tokens, asked.reply.usage.completion_tokens) == (3, 4)


def test_an_http_1_0_answer_is_read_to_its_close(server):
    class Old:
        def steps(self, request):
            return [b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", WHOLE, Cut()]

    server.add(Old())
    assert Asked(server.base_url).reply.text == "Hello" + ODD + "!"


def test_a_line_of_five_megabytes_is_one_event(server):
    text = "x" * 5_000_000
    server.add(Raw(written(chunk(text), FINISH), pieces=[65_536] * 80))
    assert Asked(server.base_url).reply.text == text


def test_ten_thousand_chunks_in_one_write(server):
    server.add(Flood(10_000, 4), Raw(written(*(chunk(f"{n} ") for n in range(10_000)), FINISH)))
    assert Asked(server.base_url).reply.text == "xxx " * 10_000
    assert Asked(server.base_url).reply.text == "".join(f"{n} " for n in range(10_000))


def test_what_was_sent_is_what_was_asked_and_nothing_else(server):
    """PROTOCOL 2.1, 2.4"""
    Asked(server.base_url, key="sk-test-1")
    [request] = server.requests
    assert request.json.keys() == {"model", "messages", "stream", "stream_options"}
    wanted = {"authorization": "Bearer sk-test-1", "content-type": "application/json", "accept": "text/event-stream"}
    assert request.headers.items() >= wanted.items()
    Asked(server.base_url, stream=False, stream_options=None)
    assert server.requests[1].headers["accept"] == "application/json"
    assert "authorization" not in server.requests[1].headers


def test_a_user_and_password_in_the_address_are_used_where_there_is_no_key(server):
    Asked(server.base_url.replace("http://", "http://me:pass@"))
    assert server.requests[0].headers["authorization"].startswith("Basic ")


def test_the_first_token_is_the_first_piece_of_an_answer_and_not_the_head(server):
    go = threading.Event()
    server.add(Stream([chunk("", role="assistant"), Until(go), chunk("Hi"), Pause(0.02), chunk("!"), FINISH, DONE]))
    channel_events = []

    def collect():
        channel_events.extend(Asked(server.base_url).events)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(collect)
        server.wait_for_request(LONG)
        go.set()
        waiting.result()
    kinds = [type(event) for event in channel_events]
    assert kinds.index(Responded) < kinds.index(FirstToken) == kinds.index(TextDelta) - 1
    assert kinds[-1] is Ended
    assert kinds.count(FirstToken) == kinds.count(Ended) == 1


def test_a_call_of_a_tool_counts_as_a_first_token(server):
    server.add(Stream([chunk(tool_calls=[{"index": 0, "id": "i", "function": {"name": "f"}}]), FINISH, DONE]))
    kinds = [type(event) for event in Asked(server.base_url).events]
    assert kinds.index(FirstToken) + 1 == kinds.index(ToolCallDelta)


# Failures


@pytest.mark.parametrize(
    ("answer", "kind", "text", "status"),
    [
        (Stream([chunk("half"), Cut()]), CutOff, "half", "cut_off"),
        (Stream([chunk("half"), Cut(reset=True)]), CutOff, "half", "cut_off"),
        (Stream([chunk("half")]), CutOff, "half", "cut_off"),
        (Raw(event_bytes(chunk("half")), framing="close"), CutOff, "half", "cut_off"),
        (Stream([chunk("half"), FINISH, Cut()]), None, "half", "complete"),
        (Stream([chunk("half"), FINISH]), None, "half", "complete"),
        (Stream([chunk("half"), error("gone"), DONE]), ServerError, "half", "failed"),
        (Stream([error("gone"), DONE]), ServerError, "", "failed"),
        (Stream([chunk("half"), chunk(finish="error"), DONE]), ServerError, "half", "failed"),
        (
            Status(200, "<html><title>Welcome</title></html>", {"content-type": "text/html"}),
            ProtocolError,
            "",
            "failed",
        ),
        (Status(200), ProtocolError, "", "failed"),
        (Stream([": ping\n\n"]), ProtocolError, "", "failed"),
        (Plain(error("gone")), ServerError, "", "failed"),
        (Plain({"error": "gone"}), ServerError, "", "failed"),
        (Raw(b"not gzip", headers={"content-encoding": "gzip"}), ConnectionFailed, "", "failed"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_transport_failure_is_one_sentence_and_keeps_the_partial_answer(server, answer, kind, text, status):
    """PROTOCOL 3.3, 3.5"""
    server.default = lambda request: answer
    asked = Asked(server.base_url)
    assert (asked.reply.text, asked.reply.status) == (text, status)
    assert type(asked.error) is (kind or type(None))
    assert asked.error is None or "\n" not in str(asked.error)


def test_silence_before_the_first_token_ends_at_the_limit(server):
    """PROTOCOL 4.5"""
    server.add(Silent())
    asked = Asked(server.base_url, timeouts=Timeouts(read=0.05))
    assert isinstance(asked.error, ServerSilent)
    assert str(asked.error).endswith("sent nothing for 0.05 s. Ask again, or allow more with timeout=.")
    assert server.wait_for_request(LONG).closed.wait(LONG)
    assert len(server.requests) == 1


def test_silence_in_the_middle_cuts_the_answer_off(server):
    """PROTOCOL 4.5"""
    server.add(Stream([chunk("half"), Hang()]))
    asked = Asked(server.base_url, timeouts=Timeouts(read=0.5))
    assert (asked.reply.text, asked.reply.status) == ("half", "cut_off")
    assert server.requests[0].closed.wait(LONG)


def test_a_comment_is_a_sign_of_life(server):
    """PROTOCOL 3.2, 4.5: the limit counts from the last byte, so a stream that lasts longer is whole"""
    beats = [step for _ in range(20) for step in (": ping\n\n", Pause(0.06))]
    server.add(Stream([*beats, chunk("late"), FINISH, DONE]))
    asked = Asked(server.base_url, timeouts=Timeouts(read=1.0))
    assert asked.reply.text == "late"
    assert asked.reply.timing.total > 1.0


def test_silence_after_every_finish_is_the_end(server):
    """PROTOCOL 3.3"""
    server.add(Stream([chunk("all"), FINISH, Hang()]))
    asked = Asked(server.base_url, timeouts=Timeouts(read=0.5))
    assert (asked.reply.text, asked.reply.status, asked.error) == ("all", "complete", None)


def test_a_server_that_stays_silent_after_the_usage_count_delays_nobody(server, monkeypatch):
    """PROTOCOL 3.3: comments keep the connection alive, but `[DONE]` is not waited for"""
    monkeypatch.setattr("nbchat.api.attempt.DONE_SECONDS", 0.05)
    beats = [step for _ in range(60) for step in (": ping\n\n", Pause(0.05))]
    server.add(Stream([chunk("all"), {**chunk(finish="stop"), "usage": usage(3, 1)}, *beats, DONE]))
    asked = Asked(server.base_url)
    assert (asked.reply.text, asked.reply.status, asked.reply.usage.total_tokens) == ("all", "complete", 4)
    assert server.requests[0].closed.wait(LONG)
    assert not server.requests[0].finished.is_set()


@pytest.mark.parametrize(
    ("begun", "said"), [([], "sent more than 0.5 seconds"), ([chunk("half")], "(it took more than 0.5 seconds")]
)
def test_an_answer_that_takes_too_long_is_cut_off(server, own, monkeypatch, begun, said):
    """PROTOCOL 3.12"""
    monkeypatch.setattr("nbchat.api.attempt.LIMITS", replace(LIMITS, seconds=Limit(0.5, "seconds of answer")))
    server.add(Stream([*begun, Hang()]) if begun else Silent())
    asked = Asked(server.base_url, using=own)
    assert said in str(asked.error)
    assert (asked.reply.text, len(server.requests)) == ("half" if begun else "", 1)
    assert server.requests[0].closed.wait(LONG)


def test_who_reads_does_not_wait_for_the_end_of_the_response(server, own, monkeypatch):
    monkeypatch.setattr("nbchat.api.attempt.DRAIN_SECONDS", LONG)
    server.add(Stream([chunk("all"), FINISH, DONE, Hang()]))
    assert Asked(server.base_url, using=own).reply.status == "complete"
    assert not server.requests[0].closed.is_set()
    own.stop()
    assert server.requests[0].closed.wait(LONG)


def test_an_unreachable_server_is_one_sentence(server):
    with ScriptedServer() as gone:
        url = gone.base_url
    asked = Asked(url)
    error = asked.error
    assert isinstance(error, ConnectionFailed)
    assert len(asked.waits) == QUICK.tries - 1  # it may be starting
    assert str(error).startswith(f"{url} can't be reached (Connection refused).")
    assert "Is the server running, and the address right?" in str(error)


def test_an_unknown_host_name_is_one_sentence():
    error = Asked("http://nowhere.invalid/v1").error
    assert isinstance(error, ConnectionFailed)
    assert "http://nowhere.invalid/v1 can't be reached (" in str(error)
    assert "Errno" not in str(error)


@pytest.mark.parametrize("head", [b"HTTP/2 200 OK", b"RTSP/1.0 200 OK", b"HTTP/1.1 200 OK\r\nbad header"])
def test_an_answer_that_is_not_http_1_1_is_one_sentence_and_asked_for_once(server, head):
    class Foreign:
        def steps(self, request):
            return [head + b"\r\ncontent-type: text/event-stream\r\n\r\n", Cut()]

    server.default = lambda request: Foreign()
    error = Asked(server.base_url).error
    assert "does not answer in HTTP/1.1" in str(error)
    assert "bytearray" not in str(error)
    assert len(server.requests) == 1


def test_a_refused_redirect_names_the_whole_address(server):
    server.add(Status(301, "", {"location": "/api/v2/chat/completions?key=secret"}))
    error = Asked(server.base_url).error
    assert f"moved to {server.base_url.removesuffix('/v1')}/api/v2." in str(error)
    assert "secret" not in str(error)


def test_an_error_whose_body_never_ends_is_reported(server, monkeypatch):
    monkeypatch.setattr("nbchat.api.refusal.LIMITS", replace(LIMITS, error_seconds=0.2))

    class Endless:
        def steps(self, request):
            return [b"HTTP/1.1 401 No\r\ncontent-length: 999\r\n\r\nWrong key.", Hang()]

    server.add(Endless())
    assert "Wrong key." in str(Asked(server.base_url).error)
    assert server.requests[0].closed.wait(LONG)


def test_an_invalid_request_fails_before_anything_is_sent(server):
    assert "can't be written as JSON" in str(Asked(server.base_url, odd={1, 2}).error)
    assert "holds a line break" in str(Asked(server.base_url, key="sk-1\nsk-2").error)
    assert server.requests == []


# Connections


def test_one_connection_serves_many_answers(server, own):
    """PROTOCOL 3.3: it goes back to the pool in good order"""
    server.add(Say("a"), Stream([chunk("a"), FINISH, DONE]), Raw(WHOLE, framing="length"), Plain(completion("a")))
    for _ in range(6):
        Asked(server.base_url, using=own)
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer", [Flood(10**7), Stream([chunk("x"), Hang()]), Silent()], ids=["fast", "slow", "silent"]
)
def test_closing_a_channel_closes_the_connection(server, own, answer):
    """PROTOCOL 4.4"""
    server.add(answer)
    channel = own.open(call_to(server.base_url))
    request = server.wait_for_request(LONG)
    channel.close()
    assert request.closed.wait(LONG)
    list(iter(channel.take, None))
    assert channel.take() is channel.take() is None  # over, and stays over


def test_an_error_in_the_stream_closes_the_connection(server, own):
    server.add(Stream([chunk("x"), error("gone"), Hang()]), Say("fine"))
    Asked(server.base_url, using=own)
    assert server.requests[0].closed.wait(LONG)
    assert Asked(server.base_url, using=own).reply.text == "fine"


def test_a_stream_that_is_left_early_is_closed_and_kept(server):
    """PROTOCOL 4.4"""
    server.add(Stream([chunk("some"), Hang()]))
    chat = Session(base_url=server.base_url, model="m")
    with chat.stream("Hello") as events:
        assert next(event.text for event in events if isinstance(event, TextDelta)) == "some"
    assert server.requests[0].closed.wait(LONG)
    assert (chat.turns[0].reply.text, chat.turns[0].reply.status) == ("some", "interrupted")


def test_an_exception_in_the_middle_of_a_stream_closes_it(server):
    """PROTOCOL 4.4"""
    server.add(Flood(10**7))
    chat = Session(base_url=server.base_url, model="m")
    with pytest.raises(ZeroDivisionError), chat.stream("Hello") as events:
        _ = [1 / 0 for event in events if isinstance(event, TextDelta)]
    assert server.requests[0].closed.wait(LONG)


def test_many_calls_at_once_each_get_their_own_answer(server):
    server.default = lambda request: Say(request.json["user"], delay=0.001)
    with ThreadPoolExecutor(16) as pool:
        asked = list(pool.map(lambda n: Asked(server.base_url, user=f"user {n}"), range(48)))
    assert [one.reply.text for one in asked] == [f"user {n}" for n in range(48)]
    assert {one.reply.status for one in asked} == {"complete"}


# The list of models


@pytest.mark.parametrize(
    ("answer", "models"),
    [
        (["a", "b"], ["a", "b"]),
        (Plain(["a", {"id": "b"}, {"name": "c"}, 5, None]), ["a", "b", "c"]),
        (Plain({"models": [{"name": "a"}]}), ["a"]),
        (Plain({"data": []}), []),
    ],
)
def test_models_are_listed_in_the_forms_that_servers_use(server, own, answer, models):
    server.models = answer
    assert own.run(own.client.models(call_to(server.base_url).endpoint)) == models


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Status(401, error("Wrong key sk-test-1.")), "answered HTTP 401: Wrong key [key]"),
        (Status(200, "<html><title>Welcome</title>"), "did not list its models (Welcome). Name one with -m."),
        (Plain({"data": 5}), "did not list its models"),
        (Status(404, error("Not Found")), "did not list its models (Not Found). Name one with -m."),
        (Plain(5), "did not list its models (5)"),
        (Raw(b"not gzip", headers={"content-encoding": "gzip"}), "failed before its answer began"),
    ],
)
def test_an_invalid_list_of_models_is_one_sentence(server, own, answer, words):
    server.models = answer
    with pytest.raises(NbchatError) as caught:
        own.run(own.client.models(call_to(server.base_url, key="sk-test-1").endpoint))
    assert words in str(caught.value)
