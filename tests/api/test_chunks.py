"""The bytes below HTTP: chunks are merged without changing what h11 makes of a response."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.http.chunks import ChunkMerger
from tests import strategies

HEADS = [
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx: y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
]


def as_chunks(bodies, upper, extension, trailer):
    def size(body):
        text = b"%x" % len(body)
        return text.upper() if upper else text

    chunks = b"".join(size(body) + extension + b"\r\n" + body + b"\r\n" for body in bodies if body)
    return chunks + b"0\r\n" + trailer + b"\r\n"


chunked = st.builds(
    lambda head, bodies, *rest: head + as_chunks(bodies, *rest),
    st.sampled_from(HEADS),
    st.lists(st.one_of(st.binary(max_size=20), st.just(b"\r\n0\r\n\r\n"), st.just(b"x" * 300)), max_size=8),
    st.booleans(),
    st.sampled_from([b"", b"", b"", b";ext=1", b" "]),
    st.sampled_from([b"", b"", b"a: b\r\n"]),
)
lengthy = st.binary(max_size=60).map(lambda body: b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
closing = st.binary(max_size=60).map(lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body)
responses = st.one_of(chunked, lengthy, closing)


def understood(pieces, merger=None):
    """Return h11's events for a response, with bodies joined; "error" if it refuses it."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    seen, body = [], b""
    try:
        for piece in [*filter(None, pieces), b""]:
            if piece and merger is not None and not (piece := merger.feed(piece)):
                continue
            connection.receive_data(piece)
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.ConnectionClosed):
                    return seen, body
                if isinstance(event, h11.Data):
                    body += event.data
                else:
                    seen.append(event)
                if isinstance(event, h11.EndOfMessage):
                    return seen, body
    except h11.RemoteProtocolError:
        return "error", body
    return seen, body


@given(strategies.portions(responses))
def test_a_merged_response_is_the_same_response(pair):
    whole, pieces = pair
    assert understood(pieces, ChunkMerger()) == understood([whole])


@given(strategies.portions(responses), st.data())
def test_a_damaged_response_is_refused_or_read_as_h11_reads_it(pair, data):
    whole, _ = pair
    place = data.draw(st.integers(0, len(whole)))
    damaged = whole[:place] + data.draw(st.sampled_from([b"", b"\r", b"\n", b"5", b"x"])) + whole[place + 1 :]
    events, body = understood(data.draw(strategies.cut(damaged)), ChunkMerger())
    expected, expected_body = understood([damaged])
    assert events == expected
    assert body == expected_body or expected == "error"


def test_many_small_chunks_become_one():
    merger = ChunkMerger()
    out = merger.feed(HEADS[0] + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n")
    assert out == HEADS[0] + b"3e8\r\n" + b"a" * 1000 + b"\r\n0\r\n\r\n"


def test_any_number_of_interim_responses_may_come_before_it():
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" * 2000
    chunks, merged = b"1\r\na\r\n1\r\nb\r\n", b"2\r\nab\r\n"
    assert ChunkMerger().feed(hints + HEADS[0] + chunks) == hints + HEADS[0] + merged
    merger = ChunkMerger()
    assert merger.feed(hints[:-5]) + merger.feed(hints[-5:] + HEADS[0] + chunks) == hints + HEADS[0] + merged


def test_the_next_response_of_a_connection_is_merged_as_well():
    merger = ChunkMerger()
    for _ in range(2):
        merger.reset()
        assert merger.feed(HEADS[0] + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n") == HEADS[0] + b"2\r\nab\r\n0\r\n\r\n"


@pytest.mark.parametrize("data", [b"HTTP/2 200", b"garbage\r\n\r\n", b"SSH-2.0\r\n", b"HTTP/1.1 200 OK\r\n\r\nrest"])
def test_malformed_bytes_pass_unchanged(data):
    assert ChunkMerger().feed(data) == data
