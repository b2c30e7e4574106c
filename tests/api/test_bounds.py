"""Everything that a server can send too much of: one sentence, what had come kept, memory in proportion to the limit.

PROTOCOL 3.12.
"""

import asyncio
import json
import subprocess
import sys
import zlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from nbchat.api.answer.decoder import AnswerDecoder
from nbchat.api.answer.json_text import read_truncated
from nbchat.api.http.unpacking import read_whole
from nbchat.testing import DONE, Cut, Pause, Raw, Say, chunk, completion
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import Failed, Notice, ReasoningDelta, TextDelta
from nbchat.values.answer.reply import Request
from nbchat.values.errors import CutOff, ProtocolError
from nbchat.values.limits import LIMITS, Limit, clipped
from tests import strategies
from tests.api.asking import Asked
from tests.environment import ROOT
from tests.growth import growth
from tests.strategies import event_bytes

MEGABYTE = b"x" * 1_000_000
HELLO = event_bytes(chunk("Hello. "))


class Flood:
    """A response whose body is generated while it is sent: `parts` are pairs of a piece and its number of repetitions."""

    def __init__(self, *parts, content_type="text/event-stream", **headers):
        lines = [f"content-type: {content_type}", *(f"{name.replace('_', '-')}: {headers[name]}" for name in headers)]
        self._head = "\r\n".join(["HTTP/1.1 200 OK", "connection: close", *lines, "", ""]).encode()
        self._parts = parts

    def steps(self, request):
        yield self._head
        for piece, times in self._parts:
            piece = piece() if callable(piece) else piece
            for _ in range(times):
                yield piece
        yield Cut()


def json_flood(*parts, **headers):
    return Flood(*parts, content_type="application/json", **headers)


def packed(wbits, *parts):
    """Compresses the parts: small, however large they are."""

    def made():
        packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
        return b"".join(packer.compress(piece) for piece, times in parts for _ in range(times)) + packer.flush()

    return made


def calls(count):
    made = [{"index": i, "id": f"c{i}", "function": {"name": "f", "arguments": "{}"}} for i in range(count)]
    return b"".join(event_bytes({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}) for call in made)


BEGUN = b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello. '
THOUGHT = event_bytes({"choices": [{"index": 0, "delta": {"reasoning_content": "hm " * 300}}]})
BOMB = (b'{"choices": [{"message": {"content": "', 1), (MEGABYTE, 200)

FLOODS = {
    "a line": (Flood((HELLO, 3), (b"data: ", 1), (MEGABYTE, 200)), "16 MB in one line"),
    "an event": (Flood((HELLO, 3), (b"data: " + MEGABYTE + b"\n", 200)), "16 MB in one event"),
    "an event of small lines": (Flood((HELLO, 3), (b"data:x\n" * 10_000, 3_000)), "16 MB in one event"),
    "a body": (json_flood((BEGUN, 1), (MEGABYTE, 200)), "32 MB in one answer"),
    "a body with its length": (json_flood((BEGUN, 1), (MEGABYTE, 200), content_length=200_000_078), "32 MB in one"),
    "a gzip bomb": (json_flood((packed(31, *BOMB), 1), content_encoding="gzip"), "32 MB in one answer"),
    "a zlib bomb": (json_flood((packed(15, *BOMB), 1), content_encoding="deflate"), "32 MB in one answer"),
    "a bare deflate bomb": (json_flood((packed(-15, *BOMB), 1), content_encoding="deflate"), "32 MB in one answer"),
    "a bomb in a stream": (
        Flood((packed(31, (HELLO, 3), (b"data: ", 1), (MEGABYTE, 200)), 1), content_encoding="gzip"),
        "16 MB in one line",
    ),
    "calls": (Flood((HELLO, 3), (calls(3000), 1), (DONE.encode(), 1)), "128 tool calls"),
    "reasoning": (Flood((HELLO, 3), (THOUGHT * 100, 250)), "8,000,000 characters of reasoning"),
    "text": (Flood((HELLO, 3), (event_bytes(chunk("word " * 20)) * 1000, 200)), "8,000,000 characters of answer"),
}


def run(server, *what):
    command = [sys.executable, "-m", "tests.api.flooded", server.base_url, *what]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_with_one_sentence_and_little_memory(server, name):
    flood, words = FLOODS[name]
    server.add(Say(), flood)
    result = run(server, "answer")
    assert result["status"] == "cut_off"
    assert f" sent more than {words}" in result["error"]
    assert result["error"].count(". ") == 0
    assert result["peak"] < 3 * {"3": LIMITS.body, "8": LIMITS.text}.get(words[0], LIMITS.line).most
    assert result["begins"].startswith("Hello. ") or "bomb" in name


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (json_flood((b'{"data": [{"id": "', 1), (MEGABYTE, 155)), "more than 8 MB when asked for its models"),
        (json_flood((b'{"data": [' + b'{"id": "m"},' * 20_000 + b"{}]}", 1)), "more than 10,000 models"),
        (json_flood((packed(31, *BOMB), 1), content_encoding="gzip"), "more than 8 MB when asked for its models"),
    ],
    ids=["long", "many", "bomb"],
)
def test_a_list_of_models_is_bounded(server, models, words):
    server.models = models
    result = run(server, "models")
    assert words in result["error"]
    assert result["peak"] < 3 * LIMITS.lookup.most


class Drip:
    """Sends a byte now and then, forever: each arrives long before a limit on silence."""

    def steps(self, request):
        yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n["
        while True:
            yield b" "
            yield Pause(0.05)


def test_a_list_of_models_that_arrives_too_slowly_fails(server):
    server.models = Drip()
    result = run(server, "models", "0.5")
    assert "had not answered in full after 0.5 s" in result["error"]


SMALL = replace(
    LIMITS,
    line=Limit(900, "in one line", in_bytes=True),
    event=Limit(2_000, "in one event", in_bytes=True),
    body=Limit(1_500, "in one answer that is not streamed", in_bytes=True),
    stream=Limit(20_000, "in one streamed answer", in_bytes=True),
    text=Limit(300, "characters of answer"),
    reasoning=Limit(200, "characters of reasoning"),
    arguments=Limit(100, "characters of tool-call arguments"),
    calls=Limit(5, "tool calls"),
    choices=Limit(4, "choices"),
    pictures=Limit(500, "of pictures", in_bytes=True),
    logprobs=Limit(10, "log probabilities"),
    carried=Limit(400, "characters of fields to be sent back"),
)


def decoded(*pieces, limits=SMALL):
    decoder = AnswerDecoder(limits=limits)
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.end()
    draft = Draft(Request("http://x", {}))
    draft.add(events)
    return draft.reply(), draft.error, events


def delta(index=0, **said):
    return event_bytes({"choices": [{"index": index, "delta": said}]})


def call(index, arguments="{}", **more):
    return {"index": index, "id": f"c{index}", "function": {"name": "f", "arguments": arguments}, **more}


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (HELLO * 3 + b": ping\n\n" * 10_000, "20 kB in one streamed answer"),
        (HELLO * 3 + b"data: x\n\n" * 10_000, "20 kB in one streamed answer"),
        (HELLO * 3 + b"data:\n" * 10_000, "2 kB in one event"),
        (HELLO * 3 + b"event: " + b"x" * 3000, "0.9 kB in one line"),
        (HELLO * 100, "300 characters of answer"),
        (HELLO * 3 + delta(content="x" * 400) + event_bytes({"model": "m"}), "300 characters of answer"),
        (HELLO * 3 + delta(refusal="No. " * 100), "300 characters of answer"),
        (HELLO * 3 + delta(content="x" * 200, index=1) * 2, "300 characters of answer"),
        (HELLO * 3 + delta(reasoning="hm " * 20) * 4, "200 characters of reasoning"),
        (HELLO * 3 + b"".join(delta(tool_calls=[call(i)]) for i in range(9)), "5 tool calls"),
        (HELLO * 3 + delta(tool_calls=[call(i) for i in range(9)]), "5 tool calls"),
        (HELLO * 3 + b"".join(delta(i, tool_calls=[call(0), call(1)]) for i in range(4)), "5 tool calls"),
        (HELLO * 3 + delta(tool_calls=[call(0, "x" * 60)]) * 2, "100 characters of tool-call arguments"),
        (
            HELLO * 3
            + b"".join(delta(images=[{"image_url": {"url": "data:image/png;base64," + x * 200}}]) for x in "abc"),
            "0.5 kB of pictures",
        ),
        (HELLO * 3 + delta(10**9, content="x"), "4 choices"),
        (HELLO * 3 + event_bytes({"choices": [{"text": "x"}] * 9}), "4 choices"),
        (
            HELLO * 3
            + event_bytes(
                {"choices": [{"delta": {}, "logprobs": {"content": [{"token": "x", "logprob": -1.0}] * 11}}]}
            ),
            "10 log probabilities",
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_each_limit_ends_the_answer_where_it_is_exceeded(stream, words, size):
    reply, error, _ = decoded(*(stream[i : i + size] for i in range(0, len(stream), size)))
    assert isinstance(error, CutOff)
    assert f"sent more than {words}" in str(error)
    assert reply.status == "cut_off"
    assert reply.choices[0].text.startswith("Hello. Hello. Hello. ")
    assert sum(len(choice.text + choice.refusal) for choice in reply.choices) <= 300
    assert sum(len(choice.reasoning) for choice in reply.choices) <= 200
    assert sum(len(choice.tool_calls) for choice in reply.choices) <= 5
    assert sum(len(one.arguments) for choice in reply.choices for one in choice.tool_calls) <= 100


def logprobs(count):
    content = [{"token": "x", "logprob": -1.0}] * count
    return event_bytes({"choices": [{"delta": {"content": "x"}, "logprobs": {"content": content}}]})


@pytest.mark.parametrize(
    ("stream", "most"),
    [
        (lambda size: delta(content="x" * size), 300),
        (lambda size: delta(content="x" * 100) + delta(content="x" * (size - 100)), 300),
        (lambda size: delta(content="x" * 100) + delta(refusal="x" * (size - 100)), 300),
        (lambda size: delta(reasoning="x" * 100) + delta(reasoning="x" * (size - 100)), 200),
        (lambda size: delta(tool_calls=[call(0, "x" * 50)]) + delta(tool_calls=[call(1, "x" * (size - 50))]), 100),
        (lambda size: delta(tool_calls=[{**call(0, "x" * size), "id": "i" * 1000}]), 100),
        (lambda count: delta(tool_calls=[call(number) for number in range(count)]), 5),
        (lambda count: b"".join(delta(number, content="x") for number in range(count)), 4),
        (logprobs, 10),
        (lambda size: delta(images=[{"image_url": {"url": "data:image/png;base64,".ljust(size, "x")}}]), 500),
        (lambda size: delta(content="x", extra_content="x" * (size - len('{"extra_content": ""}'))), 400),
        (lambda size: HELLO + b":" * (size - 1) + b"\n", 20_000 - len(HELLO + DONE.encode())),
        (lambda size: HELLO + b"data:" + b"x" * (size - 64) + b"\n", 2_000),
    ],
    ids=[
        *("text", "texts", "refusal", "reasoning", "arguments", "one call", "calls", "choices", "logprobs", "pictures"),
        *("carried", "stream", "event"),
    ],
)
def test_a_limit_admits_exactly_as_much_as_it_says(stream, most):
    assert decoded(stream(most), DONE.encode())[1] is None
    assert isinstance(decoded(stream(most + 1), DONE.encode())[1], CutOff)


@pytest.mark.parametrize(
    ("pieces", "most"),
    [
        (lambda size: [HELLO, b":" * size, b"\n\n", DONE.encode()], 900),
        (lambda size: [json.dumps(completion("Hello")).encode().ljust(size)], 1_500),
    ],
    ids=["line", "body"],
)
def test_a_limit_of_bytes_admits_exactly_as_much_as_it_says(pieces, most):
    assert decoded(*pieces(most))[1] is None
    reply, error, _ = decoded(*pieces(most + 1))
    assert isinstance(error, CutOff)
    assert reply.text.startswith("Hello")


def test_no_more_notices_are_kept_than_the_limit():
    choices = [{"index": number, "delta": {"content": "a"}, "message": {"content": "b"}} for number in range(30)]
    reply, _, _ = decoded(event_bytes({"choices": choices}), DONE.encode(), limits=LIMITS)
    assert len([note for note in reply.notices if "differs" in note]) == LIMITS.notices


@given(
    st.lists(st.sampled_from([HELLO, delta(reasoning="hm " * 9), delta(tool_calls=[call(1, "x" * 9)])]), max_size=99)
)
def test_what_is_kept_is_the_beginning_of_what_was_sent(pieces):
    bounded, error, events = decoded(*pieces)
    whole, _, _ = decoded(*pieces, limits=LIMITS)
    assert whole.text.startswith(bounded.text)
    assert all(event.text for event in events if isinstance(event, (TextDelta, ReasoningDelta)))
    assert whole.reasoning.startswith(bounded.reasoning)
    assert sum(isinstance(event, Failed) for event in events) <= 1
    exceeded = "sent more than" in str(error)
    assert exceeded == (bounded.choices != whole.choices)


def test_a_list_of_many_parts_is_read_in_linear_time():
    def read(count):
        body = json.dumps(completion([{"type": "text", "text": "word " * 10}] * count)).encode()
        reply, _, _ = decoded(body, limits=LIMITS)
        assert reply.text == "word " * 10 * count

    assert growth(read, 5_000) < 40


def test_a_list_of_a_million_choices_makes_no_million_readers():
    body = json.dumps({"choices": [{"text": "x"}] * 1_000_000}).encode()
    reply, error, _ = decoded(body, limits=LIMITS)
    assert "more than 1,024 choices" in str(error)
    assert len(reply.choices) == 1_024


def test_names_and_notices_are_bounded():
    long = "x" * 10_000
    named = {"model": long, "id": long, "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    called = delta(tool_calls=[{"index": 0, "id": long, "function": {"name": long, "arguments": "{}"}}])
    ended = event_bytes({"choices": [{"index": 0, "delta": {}, "finish_reason": long}]})
    reply, error, _ = decoded(event_bytes(named), called, ended, limits=LIMITS)
    assert error is None
    choice = reply.choices[0]
    words = [reply.model, reply.id, choice.finish_reason, choice.tool_calls[0].id, choice.tool_calls[0].name]
    assert [len(word) for word in words] == [LIMITS.word] * 5


def test_events_that_can_not_be_read_are_counted_not_kept():
    _, _, events = decoded(HELLO, b"data: {oops\n\n" * 1000, limits=LIMITS)
    assert [event.text[:14] for event in events if isinstance(event, Notice)] == ["1,000 events c"]


@pytest.mark.parametrize(
    ("encoding", "told"), [("br", "br"), ("gzip, zstd", "gzip, zstd"), ("sk-key-7", "something else")]
)
def test_an_unrequested_encoding_is_named_unless_it_may_be_an_echo(server, encoding, told):
    server.add(Raw(b"\x1b\x03", headers={"content-encoding": encoding}))
    asked = Asked(server.base_url, key="sk-key-7")
    assert isinstance(asked.error, ProtocolError)
    assert f"compressed as {told!r}" in str(asked.error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("wbits", [31, 15, -15], ids=["gzip", "zlib", "bare deflate"])
@pytest.mark.parametrize("size", [2, 100, 10**6])
def test_compressed_answers_are_read(server, wbits, size):
    body = json.dumps(completion("Hello " * 50_000)).encode()
    data = packed(wbits, (body, 1))()
    name = "gzip" if wbits == 31 else "deflate"
    server.add(Raw(data, headers={"content-encoding": name}, pieces=[size] * (len(data) // size)))
    assert Asked(server.base_url).reply.text == "Hello " * 50_000


class Portions(httpx.AsyncByteStream):
    """A body in exactly these portions."""

    def __init__(self, portions):
        self._portions = portions

    async def __aiter__(self):
        for portion in self._portions:
            yield portion


@given(st.sampled_from([31, 15, -15]), strategies.texts.map(str.encode), st.data())
def test_a_compressed_body_may_be_cut_anywhere(wbits, body, data):
    packing = zlib.compressobj(wbits=wbits)
    portions = data.draw(strategies.cut(packing.compress(body) + packing.flush()))
    for split in (portions, [bytes([one]) for portion in portions for one in portion]):
        response = httpx.Response(200, headers={"content-encoding": "deflate"}, stream=Portions(split))
        assert asyncio.run(read_whole(response, LIMITS.body)) == body


def test_members_of_gzip_follow_one_another_and_padding_is_no_matter(server):
    body = json.dumps(completion("Hello")).encode()
    data = packed(31, (body[:40], 1))() + packed(31, (body[40:], 1))() + b"\0" * 100
    server.add(Raw(data, headers={"content-encoding": "gzip"}))
    assert Asked(server.base_url).reply.text == "Hello"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('ab"\\{}[],:é🙂\n'), max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\,', max_size=3), inner, max_size=4),
    max_leaves=12,
)


def begins(part, whole):
    """Whether a value is the beginning of another."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and begins(part[name], whole[name]) for name in part)
    if isinstance(part, list):
        return isinstance(whole, list) and all(map(begins, part, whole)) and len(part) <= len(whole)
    if isinstance(part, str):
        return isinstance(whole, str) and whole.startswith(part.rstrip("\ud83d"))  # half of 🙂
    return part == whole


@given(st.dictionaries(st.text("ab", max_size=3), values, min_size=1, max_size=4), st.booleans(), st.data())
def test_what_is_read_of_json_without_its_end_is_the_beginning_of_it(value, escaped, data):
    text = json.dumps(value, ensure_ascii=escaped)
    cut = data.draw(st.integers(0, len(text)))
    read = read_truncated(text[:cut])
    assert read is None or begins(read, value)
    assert cut < len(text) or read == value
    assert cut == 0 or read is not None


def test_a_text_that_is_cut_is_kept_to_its_last_character():
    said = 'He said "yes\\" 🙂'
    text = json.dumps({"choices": [{"message": {"content": said}}]})
    for cut in range(text.index("He"), len(text)):
        kept = read_truncated(text[:cut])["choices"][0]["message"]["content"]
        assert said.startswith(kept.rstrip("\ud83d"))
        assert len(json.dumps(kept)) >= min(cut, text.index('"}')) - text.index("He") - 10


def test_a_limit_describes_itself():
    assert str(Limit(16_000_000, "in one line", in_bytes=True)) == "more than 16 MB in one line"
    assert str(Limit(128, "tool calls")) == "more than 128 tool calls"
    assert clipped("abcdef", 4) == "abc…"
    assert clipped("abcd", 4) == "abcd"
