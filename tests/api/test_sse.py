"""Server-sent events from bytes: the same events however the bytes are cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.sse import ServerSentEvent, SSEDecoder
from tests import strategies

soups = st.lists(
    st.sampled_from(
        (
            *(b"data: ", b"data:", b"event: ", b"id: 1", b": ping", b"retry: 5", b"\n", b"\r\n", b"\r", b"\n\n"),
            *(b"{}", b'{"a":1}', b"[DONE]", b"\xef\xbb\xbf", "\u2028\u0085🙂".encode(), b"\xe2", b" ", b"x"),
        )
    ),
    max_size=24,
).map(b"".join)


def decoded(pieces):
    decoder = SSEDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.flush()


def reference(data):
    """The rules again, in the plainest form: whole bytes, one line after the other."""
    events, lines, kind = [], [], b""
    for line in [*re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf")), b""]:
        if not line:
            events += [ServerSentEvent(lines, kind)] if lines else []
            lines, kind = [], b""
        elif line.startswith(b"data:"):
            lines.append(re.sub(rb"^data: ?", b"", line))
        elif line.startswith(b"event:"):
            kind = line[6:].strip()
        elif line.startswith(b"{"):
            lines.append(line)
    return events


@given(strategies.portions(soups))
def test_any_split_of_the_bytes_gives_the_same_events(pair):
    """PROTOCOL 3.1"""
    whole, pieces = pair
    assert decoded(pieces) == decoded([whole]) == decoded([whole[i : i + 1] for i in range(len(whole))])


@given(soups)
def test_events_are_those_of_the_plain_rules(data):
    """PROTOCOL 3.2"""
    assert decoded([data]) == reference(data)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=repr)
@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"], ids=ascii)
def test_only_line_feeds_and_carriage_returns_end_lines(end, odd):
    """PROTOCOL 3.1"""
    line = f'{{"a":"{odd}"}}'.encode()
    assert decoded([b"data: " + line + end + end]) == [ServerSentEvent([line])]


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b": ping\n\n: OPENROUTER PROCESSING\n\n", []),
        (b"data:x\n\n", [[b"x"]]),
        (b"data: x\ndata: y\n\n", [[b"x", b"y"]]),
        (b"id: 7\nretry: 10\nevent: message\ndata: x\n\n", [[b"x"]]),
        (b"\xef\xbb\xbfdata: x\n\n", [[b"x"]]),
        (b"data: x", [[b"x"]]),
        (b"data: x\n", [[b"x"]]),
        (b"data:  x\n\n", [[b" x"]]),
        (b"data: x\r\n\r\ndata: y\r\n\r\n", [[b"x"], [b"y"]]),
        (b'{"a":1}\n\n', [[b'{"a":1}']]),
    ],
)
def test_lines_as_servers_write_them(data, events):
    """PROTOCOL 3.2"""
    assert [event.lines for event in decoded([data])] == events


def test_an_event_keeps_its_type_and_the_next_has_none():
    """PROTOCOL 3.2"""
    assert decoded([b"event: error\ndata: x\n\ndata: y\n\n"]) == [
        ServerSentEvent([b"x"], b"error"),
        ServerSentEvent([b"y"], b""),
    ]
