"""Bytes on a socket: good streams in every framing, bad ones, and heads that are hardly HTTP; and calls of tools."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any, Literal

from hypothesis import strategies as st

from nbchat.display.painter import Painter
from nbchat.testing import DONE, Cut, Raw, Say, Status, chunk, error, tool_call
from tests import strategies
from tests.display.test_painter import Sheet
from tests.fuzz.cells import Broken
from tests.fuzz.world import KEY, World, allowed, mutations, one_of, same, sendable, texts

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "x-gzip": gzip.compress,
}
framings = one_of("chunked·length·close")


@st.composite
def streams(draw: Any) -> tuple[str, Raw]:
    """A text, and a stream of it as some server might write it."""
    text = draw(sendable.filter(lambda text: not any(word in text.lower() for word in ("think", "thought", "reason"))))
    before, end = draw(one_of("data: ·data:·event: x\ndata: ·: ping\n\ndata: ")), draw(one_of("\n\n·\r\n\r\n·\r\r"))
    escaped, packing = draw(st.booleans()), draw(st.sampled_from(sorted(PACKINGS)))
    events = [*(chunk(piece) for piece in draw(strategies.cut(text))), chunk(finish="stop")]
    body = "".join(before + json.dumps(event, ensure_ascii=escaped) + end for event in events)
    packed = PACKINGS[packing]((body + draw(one_of(f"·{DONE}·: bye\n\n"))).encode())
    sizes = [len(piece) for piece in draw(strategies.cut(packed))]
    headers = {} if packing == "identity" else {"content-encoding": packing}
    return text, Raw(packed, pieces=sizes, framing=draw(framings), headers=headers)


def a_stream(world: World, case: tuple[str, Raw]) -> None:
    """The text of a good stream is the reply's, the exports' and the journal's."""
    text, answer = case
    world.play(answer)
    chat, sheet = world.session(), Sheet()
    reply = chat.ask("Hello", display=Painter(sheet))
    same((reply.text, reply.status), (text, "complete"), "the reply")
    world.check_everywhere(chat, sheet)


payloads = st.one_of(
    texts.map(chunk),
    strategies.json_values,
    strategies.error_bodies,
    st.just(chunk(finish="stop")),
    st.tuples(one_of("choices·usage·error·model·id·object"), strategies.json_values).map(
        lambda pair: {**chunk("x"), pair[0]: pair[1]}
    ),
    st.dictionaries(
        one_of(
            "content·role·tool_calls·reasoning_content·refusal·images·annotations·function_call·reasoning_details·audio"
        ),
        strategies.json_values,
        max_size=2,
    ).map(lambda delta: chunk(**delta)),
)
headers_of_answers = st.dictionaries(
    one_of(
        "retry-after·x-ratelimit-remaining-requests·x-ratelimit-reset-tokens·x-request-id·location·content-length"
        "·set-cookie·x-should-retry"
    ),
    one_of(
        f"·0·-1·nan·1e999·0.01·Thu, 01 Jan 1970 00:00:00 GMT·{KEY}·{'x' * 5000}·http://127.0.0.1:1/·true·{'9' * 400}"
    ),
    max_size=2,
)
kinds = one_of("text/event-stream·application/json·text/html·application/x-ndjson··\xff·text/plain; charset=utf-16")


@st.composite
def bad_streams(draw: Any) -> Raw:
    """A response that is wrong in its bytes, its packing, its status or its head."""
    write = draw(st.sampled_from([strategies.event_bytes, lambda payload: json.dumps(payload).encode()]))
    body = b"".join(map(write, draw(st.lists(payloads, max_size=6))))
    if draw(st.booleans()):
        body = draw(mutations(body))
    packing = draw(st.sampled_from([*PACKINGS, "br", "zstd", "gzip, deflate", "\0"]))
    body = PACKINGS.get(packing, bytes)(body)
    if draw(st.integers(0, 3)) == 0:
        body = draw(mutations(body))
    headers = ({} if packing == "identity" else {"content-encoding": packing}) | draw(headers_of_answers)
    status = draw(
        st.sampled_from([200, 200, 200, 200, 201, 204, 206, 301, 307, 400, 401, 404, 413, 422, 429, 500, 599])
    )
    return Raw(body, status=status, content_type=draw(kinds), headers=headers, framing=draw(framings))


class Bytes:
    """An answer of exactly these bytes, and the end of the connection."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"Bytes({self.data!r})"

    def steps(self, _request: Any) -> list[Any]:
        """The bytes and the cut."""
        return [self.data, Cut()]


first_lines = one_of(
    "HTTP/1.1 200 OK·HTTP/1.1 200·HTTP/1.0 200 OK·HTTP/2 200·HTTP/1.1 999 x·HTTP/1.1 -1·ICY 200 OK··\xff·HTTP/1.1 200 \xe9\0"
    "·HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK·HTTP/1.1 101 Switching"
)
heads = one_of(
    "content-length: 5·content-length: -1·content-length: 99999999999999999999·content-length: x·transfer-encoding: chunked"
    "·transfer-encoding: gzip, chunked·transfer-encoding: identity·content-type: text/event-stream·content-type: text/html"
    f"·{'a' * 200}: b·: x·x: \xff\0·x:{'y' * 200_000}· folded·connection: upgrade·set-cookie: a=b"
)
bodies = one_of(
    "·5\r\nhello\r\n0\r\n\r\n·-5\r\nhello·ffffffffffffffff\r\nx·5;x=y\r\nhello\r\n0\r\ntrailer: x\r\n\r\n·zz\r\n·5\r\nhel"
    '·{"choices":[{"message":{"content":"x"}}]}'
)


@st.composite
def bad_heads(draw: Any) -> Bytes:
    """A response whose head is odd or wrong."""
    parts = [draw(first_lines), *draw(st.lists(heads, max_size=4)), "", draw(bodies)]
    return Bytes(draw(one_of("\r\n·\n·\r")).join(parts).encode("latin-1"))


def a_bad_answer(world: World, answer: Any) -> None:
    """Whatever comes, there is an answer or a sentence; what is held is the same everywhere."""
    world.play(answer, Status(400, error(f"bad {KEY}")))
    chat, sheet = world.session(timeout=20), Sheet()
    with allowed():
        chat.ask("Hello", display=Painter(sheet))
    world.check_everywhere(chat, sheet)


# Tools

ALMOST = (
    '·{}{}·null·[]·{\'limit\': 1}·{"limit": 1,}·{"limit": NaN}·"{\\"limit\\": 1}"·```json\n{"limit": 1}\n```·{"limit": 1'
    f'·limit=1·{{"limit": 1}} // done·{{"limit": True}}·{"{" * 3000}·{{"arguments": {{"limit": 1}}}}·{{"limit": 1}}{{"limit": 2}}'
)
good_arguments = st.dictionaries(one_of("limit·name·items·mode·more··self"), strategies.json_values | texts, max_size=4)
bad_arguments = (
    one_of(ALMOST)
    | texts
    | good_arguments.flatmap(lambda good: mutations(json.dumps(good).encode())).map(
        lambda data: data.decode("utf-8", "replace")
    )
)
calls = st.lists(
    st.tuples(one_of("rows_over·anything·nothing"), good_arguments.map(json.dumps) | bad_arguments),
    min_size=1,
    max_size=4,
)


def some_calls(world: World, case: list[tuple[str, str]]) -> None:
    """Calls run with what was meant, or are refused; each has one result, and the answer comes."""
    chat = world.session()
    ran: list[tuple[Any, ...]] = []

    @chat.tool(safe=True)
    def rows_over(limit: float, name: str = "x", items: list[int] | None = None, mode: Literal["a", "b"] = "a") -> Any:
        ran.append((limit, name, items, mode))
        return [limit, name, items]

    @chat.tool(safe=True)
    def anything(more: dict[str, Any] | None = None) -> Any:
        return Broken() if more else more

    made = [tool_call(name, text, id=f"call_{number}", index=number) for number, (name, text) in enumerate(case)]
    world.play(Say("", tool_calls=made), Say("done"))
    with allowed():
        reply = chat.ask("Hello", display=Painter(Sheet()))
        messages = world.server.requests[-1].json["messages"]
        asked = [call for message in messages for call in message.get("tool_calls", ())]
        results = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
        same(results, [call["id"] for call in asked], "the results")
        same(len(results), len(made), "the number of results")
        for call in asked:
            json.loads(call["function"]["arguments"])
        same(reply.text, "done", "the answer")
    for limit, name, items, mode in ran:
        whole = items is None or all(type(item) is int for item in items)
        typed = isinstance(limit, float) and isinstance(name, str) and whole and mode in ("a", "b")
        same(typed, True, f"the types of {(limit, name, items, mode)!r:.300}")
    world.check_everywhere(chat, Sheet())
