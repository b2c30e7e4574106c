"""Server-sent events from bytes: the same events however the bytes are cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.answer.sse import SSEDecoder
from tests import strategies

soups = st.lists(
    st.sampled_from(
        (
            *(
                b"data: ",
                b"data:",
                b"event: ",
                b"event:",
                b"id: 1",
                b": ping",
                b"retry: 5",
                b"\n",
                b"\r\n",
                b"\r",
                b"\n\n",
            ),
            *(
                b"{}",
                b'{"a":1}',
                b"[DONE]",
                b"data: data: ",
                b": [DONE]",
                b"\xef\xbb\xbf",
                "\u2028\u0085🙂".encode(),
                b"\xe2",
                b" ",
                b"x",
            ),
        )
    ),
    max_size=24,
).map(b"".join)


def decoded(pieces):
    """Return each line's data with the type of its event; None at the end of an event."""
    decoder, seen = SSEDecoder(), []
    for line in [line for piece in pieces for line in decoder.feed(piece)] + [*(decoder.flush() or [b""]), b""]:
        data = decoder.data(line)
        seen += [None] if not line else [] if data is None else [(data, decoder.type)]
    return until_done(seen)


def until_done(lines):
    """Return the lines up to the end of the stream."""
    for place, line in enumerate(lines):
        if line is not None and line[0].strip().startswith(b"[DONE]"):
            return [*lines[:place], b"[DONE]"]
    return lines


def reference(data):
    """A simple implementation of the same rules: all bytes at once, line by line."""
    lines, kind = [], b""
    for line in [*re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf")), b""]:
        if not line:
            lines.append(None)
            kind = b""
        elif line.startswith(b"data:"):
            said = re.sub(rb"^data: ?(data: *)*", b"", line)
            lines += [] if said.startswith(b":") else [(said, kind)]
        elif line.startswith(b"event:"):
            kind = line[6:].strip()
        elif line.startswith(b"{"):
            lines.append((line, kind))
    return until_done(lines)


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
    assert decoded([b"data: " + line + end + end])[0] == (line, b"")


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b": ping\n\n: OPENROUTER PROCESSING\n\n", []),
        (b"data:x\n\n", [b"x"]),
        (b"data: x\ndata: y\n\n", [b"x", b"y"]),
        (b"id: 7\nretry: 10\nevent: message\ndata: x\n\n", [b"x"]),
        (b"\xef\xbb\xbfdata: x\n\n", [b"x"]),
        (b"data: x", [b"x"]),
        (b"data: x\n", [b"x"]),
        (b"data:  x\n\n", [b" x"]),
        (b"data: x\r\n\r\ndata: y\r\n\r\n", [b"x", b"y"]),
        (b'{"a":1}\n\n', [b'{"a":1}']),
        (b"data: data: x\n\n", [b"x"]),
        (b"data: : OPENROUTER PROCESSING\n\ndata: x\n\n", [b"x"]),
    ],
)
def test_lines_as_servers_write_them(data, lines):
    """PROTOCOL 3.2"""
    assert [line[0] for line in decoded([data]) if line is not None] == lines


@pytest.mark.parametrize("line", [b"data: [DONE]", b"data:[DONE]", b"data:  [DONE]"])
def test_the_end_counts_before_its_line_has_ended(line):
    """PROTOCOL 3.3: the connection may stay open without more data"""
    for pieces in ([line], [line[:3], line[3:]], [line[i : i + 1] for i in range(len(line))]):
        decoder = SSEDecoder()
        lines = [one for piece in [b"data: x\n", *pieces] for one in decoder.feed(piece)]
        assert [decoder.data(one) for one in lines] == [b"x", b"[DONE]"]


def test_an_event_keeps_its_type_and_the_next_has_none():
    """PROTOCOL 3.2"""
    assert [line for line in decoded([b"event: error\ndata: x\n\ndata: y\n\n"]) if line is not None] == [
        (b"x", b"error"),
        (b"y", b""),
    ]
