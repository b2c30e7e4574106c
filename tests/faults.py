"""The ways in which the protocol's rules say that servers fail or differ, as answers of a scripted server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbchat.testing import (
    DONE,
    Answer,
    Cut,
    Flood,
    Pause,
    Plain,
    Raw,
    Received,
    Refuse,
    Say,
    StaleKeepAlive,
    Status,
    Stream,
    chunk,
    completion,
    error,
    tool_call,
    usage,
)

AGAIN = "again"
NO_TURN = "no turn"
EITHER = "either"


@dataclass(frozen=True)
class Fault:
    """An answer, and what becomes of its turn.

    `status` is the reply's; AGAIN: the request is sent again; NO_TURN: nothing came; EITHER: the part that came, if it did.
    `text` None = any.
    """

    answer: Answer
    status: str = "complete"
    text: str | None = "Whole"


class NoStreamOptions:
    """Refuses them as long as they are sent."""

    def steps(self, request: Received) -> Iterable[Any]:
        """A refusal or an answer."""
        refused = "stream_options" in request.json
        return (Status(400, error("Unknown field: stream_options")) if refused else Say("Whole")).steps(request)


STOP = chunk(finish="stop")


def data(text: str, finish: str | None = None, **delta: Any) -> bytes:
    """The JSON of one event."""
    return json.dumps(chunk(text, finish=finish, **delta), ensure_ascii=False).encode()


def whole(before: bytes = b"data: ", after: bytes = b"\n\n") -> bytes:
    """A stream of two pieces and an end, with these bytes around each event."""
    return b"".join(before + one + after for one in (data("Who"), data("le"), data("", "stop")))


def later(seconds: str) -> dict[str, str]:
    """Headers that ask for a retry."""
    return {"retry-after": seconds}


def call(name: str, arguments: str = "{}", **more: Any) -> dict[str, Any]:
    """A tool call in a chunk."""
    return chunk(tool_calls=[{**tool_call(name, arguments), **more}])


FAULTS: dict[str, Fault] = {
    "2.2 refuses a parameter": Fault(Status(400, error("unknown parameter", param="temperature")), NO_TURN),
    "2.3 refuses stream_options": Fault(NoStreamOptions(), text=None),
    "2.5 another model": Fault(Say("Whole", model="another-2")),
    "3.1 line separators in JSON": Fault(
        Raw(b"data: " + data("a\u2028b\u0085c", "stop") + b"\n\n"), text="a\u2028b\u0085c"
    ),
    "3.1 only CR": Fault(Raw(whole(after=b"\r\r"))),
    "3.1 CRLF, byte by byte": Fault(Raw(whole(after=b"\r\n\r\n"), pieces=[1] * 700)),
    "3.1 UTF-8 cut between reads": Fault(Raw(b"data: " + data("é🙂", "stop") + b"\n\n", pieces=[1] * 300), text="é🙂"),
    "3.1 broken UTF-8": Fault(Raw(whole().replace(b"le", b"\xff\xfe")), text=None),
    "3.2 comments": Fault(Stream([": keep-alive\n\n"] * 50 + [chunk("Whole", finish="stop"), DONE])),
    "3.2 no space": Fault(Raw(whole(b"data:"))),
    "3.2 a byte-order mark": Fault(Raw(b"\xef\xbb\xbf" + whole())),
    "3.2 event, id and retry": Fault(Raw(whole(b"event: message\nid: 1\nretry: 3\ndata: "))),
    "3.2 no blank line at the end": Fault(Raw(whole()[:-2])),
    "3.2 data twice": Fault(Raw(whole(b"data: data: "))),
    "3.2 single newlines": Fault(Raw(whole(after=b"\n"))),
    "3.2 objects without data": Fault(Raw(whole(b"", b"\n"), content_type="application/x-ndjson")),
    "3.2 no JSON": Fault(Stream(["data: {not json\n\n", DONE]), NO_TURN),
    "3.3 no [DONE]": Fault(Stream([chunk("Whole"), STOP])),
    "3.3 cut gracefully": Fault(Stream([chunk("Half"), Cut()]), "cut_off", "Half"),
    "3.3 cut by a reset": Fault(Stream([chunk("Half"), Cut(reset=True)]), EITHER, "Half"),
    "3.3 no end": Fault(Stream([chunk("Half")]), "cut_off", "Half"),
    "3.3 a finish on every chunk": Fault(Stream([chunk("Who", finish="stop"), chunk("le", finish="stop"), DONE])),
    "3.3 an early finish, and a cut": Fault(
        Stream([chunk("Ha", finish="stop"), chunk("lf"), Cut()]), "cut_off", "Half"
    ),
    "3.3 nothing after the finish": Fault(Stream([chunk("Whole", finish="stop"), chunk(), {"choices": []}, DONE])),
    "3.4 odd chunks": Fault(
        Stream(
            [
                {"choices": []},
                {"id": "x"},
                {"choices": [{"index": 0}]},
                chunk(role="assistant", content=None),
                {**chunk("Whole", role="assistant", finish="stop"), "obfuscation": "xx", "timings": {}},
                DONE,
            ]
        )
    ),
    "3.5 an error in the first event": Fault(Stream([error("overloaded"), DONE]), NO_TURN),
    "3.5 an error in mid-stream": Fault(Stream([chunk("Half"), error("overloaded"), DONE]), "failed", "Half"),
    "3.5 an error as a string": Fault(Stream([chunk("Half"), {"error": "overloaded"}]), "failed", "Half"),
    "3.5 an error with status 200": Fault(Plain(error("it failed all the same")), NO_TURN),
    "3.5 an empty stream": Fault(Raw(b""), AGAIN),
    "3.5 HTML with status 200": Fault(Raw(b"<!doctype html><p>log in</p>", content_type="text/html"), NO_TURN),
    "3.5 JSON of another kind": Fault(Plain([1, 2, 3]), NO_TURN),
    "3.5 plain JSON": Fault(Plain(completion("Whole"))),
    "3.5 a notice": Fault(Stream([{"message": "queue position 3"}, chunk("Whole", finish="stop"), DONE])),
    "3.6 choices that interleave": Fault(
        Stream([chunk("x", 1), chunk("Who"), chunk("y", 1), chunk("le"), chunk(index=1, finish="stop"), STOP, DONE])
    ),
    "3.7 an unknown tool": Fault(Say("Whole", tool_calls=[tool_call("nothing_like_it", {"a": 1})])),
    "3.7 index 0 for every call": Fault(Stream([chunk("Whole"), call("a"), call("b", id="call_2"), STOP, DONE])),
    "3.7 arguments that are no JSON": Fault(Stream([chunk("Whole"), call("a", "{'x': "), STOP, DONE])),
    "3.8 reasoning": Fault(Say("Whole", reasoning="Let me think.")),
    "3.8 only a closing tag": Fault(Say(["Let me think.", "</think>", "Whole"])),
    "3.8 refusal": Fault(Stream([chunk(refusal="No."), STOP, DONE]), text=None),
    "3.8 the text so far in every chunk": Fault(
        Stream([*(chunk("Whole enough"[:size]) for size in range(1, 13)), STOP, DONE]), text=None
    ),
    "3.9 no usage": Fault(Say("Whole", usage=None)),
    "3.9 usage on every chunk, then zeros": Fault(
        Stream([{**chunk("Whole"), "usage": usage(3, 1)}, {**STOP, "usage": usage(0, 0)}, DONE])
    ),
    "3.10 halves of a surrogate pair": Fault(
        Stream([chunk("\ud83d"), chunk("\ude42", finish="stop"), DONE]), text="🙂"
    ),
    "3.11 finish error": Fault(Stream([chunk("Half"), chunk(finish="error"), DONE]), "failed", "Half"),
    "3.12 a line without end": Fault(Raw(b"data: " + b"x" * 20_000_000), NO_TURN),
    "3.12 what unpacks to a flood": Fault(
        Raw(gzip.compress(b"data: " + b" " * 40_000_000), headers={"content-encoding": "gzip"}), NO_TURN
    ),
    "3.12 a number without end": Fault(Raw(whole().replace(b"{", b'{"n": ' + b"9" * 20_000 + b", ", 1))),
    "3.12 many chunks": Fault(Flood(tokens=50_000), text=None),
    "4.1 400": Fault(Status(400, {"detail": [{"loc": ["body"], "msg": "bad"}]}), NO_TURN),
    "4.1 401": Fault(Status(401, error("no such key")), NO_TURN),
    "4.1 402": Fault(Status(402, error("no credit")), NO_TURN),
    "4.1 404": Fault(Status(404, error("no such model")), NO_TURN),
    "4.1 422 in HTML": Fault(Status(422, "<html><body>oops"), NO_TURN),
    "4.2 408": Fault(Status(408, None, headers=later("0")), AGAIN),
    "4.2 429": Fault(Status(429, error("too fast"), headers=later("0.01")), AGAIN),
    "4.2 429 for good": Fault(Status(429, error("no quota", code="insufficient_quota")), NO_TURN),
    "4.2 500": Fault(Status(500, "<html>oops</html>"), AGAIN),
    "4.2 503": Fault(Status(503, None, headers=later("0")), AGAIN),
    "4.2 529": Fault(Status(529, error("Please try again in 0.01s")), AGAIN),
    "4.2 refused": Fault(Refuse(), AGAIN),
    "4.2 refused by a reset": Fault(Refuse(reset=True), AGAIN),
    "4.3 a stale connection": Fault(StaleKeepAlive(Say("Whole"))),
    "4.3 a stale connection that is reset": Fault(StaleKeepAlive(Say("Whole"), reset=True)),
    "4.5 silent, then there": Fault(Stream([Pause(0.2), chunk("Whole", finish="stop"), DONE])),
    "4.6 nothing left for a moment": Fault(
        Say("Whole", headers={"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "10ms"})
    ),
    "4.6 limits that are none": Fault(Say("Whole", headers={"x-ratelimit-remaining-requests": "-1"})),
    "4.7 a redirect to another host": Fault(Status(307, None, headers={"location": "http://127.0.0.2:9/v1"}), NO_TURN),
}
"""By name, which begins with the number of the rule in `nbchat/api/PROTOCOL.md`."""
