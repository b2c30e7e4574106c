"""Model text in a terminal, and as a display's plain text."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.terminal_text import TerminalText, plain_text, terminal_text

controls = st.sampled_from(
    [
        "\x1b",
        "\x1b[",
        "\x1b]",
        "\x1b\\",
        "\x07",
        "\x9b",
        "\x9d",
        "\x9c",
        "\x18",
        "\x90",
        "\x1bP",
        "\x1b(",
        "[31m",
        "0;t",
        "8;;http://x",
    ]
)
streams = st.lists(
    st.one_of(
        controls,
        st.sampled_from(["a", "é", "🙂", "\r", "\n", "\r\n", "\t", "\ud83d", "\ude42", "\x00", "\x7f", ";", "m"]),
    ),
    max_size=30,
).map("".join)


def fed(chunks):
    stream = TerminalText()
    return "".join([*map(stream.feed, chunks), stream.flush()])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext é 🙂", "plain\n\ttext é 🙂"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred\x9bm", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;Y2xpcA==\x1b\\text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9dtitle\x9ctext", "text"),
        ("\x1bPq#0\x1b\\text", "text"),
        ("\x1b(Btext\x1b7\x1b8", "text"),
        ("\x1b[2J\x1b[H\x1b[?1049htext", "text"),
        ("a\x08\x08b\x07\x00\x7f", "ab"),
        ("one\r\ntwo\rthree\r", "one\ntwo\nthree\n"),
        ("\x1b]0;never ended\nnext line", "\nnext line"),
        ("\x1b]0;can\x18celled", "celled"),
        ("\x1b[31\x1b[32mx", "x"),
        ("\x1b[3é", "é"),
        ("a\x1b[3~b", "ab"),
        ("\x1b", ""),
        ("\x1b[", ""),
        ("\ud83d\ude42 \ud83d", "🙂 \ufffd"),
    ],
)
def test_control_sequences_are_dropped_and_the_text_is_kept(text, shown):
    assert terminal_text(text) == shown


@given(streams)
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = terminal_text(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    shown.encode()


@given(streams, st.lists(st.integers(0, 60)))
def test_where_the_stream_is_cut_makes_no_difference(text, cuts):
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert fed([text[start:end] for start, end in itertools.pairwise(edges)]) == fed([text])


@given(streams)
def test_character_by_character_nothing_slips_through(text):
    assert fed(text) == terminal_text(text)


def test_a_string_without_end_does_not_swallow_the_answer():
    assert terminal_text("\x1b]0;" + "x" * 4_094 + "end") == "end"
    assert fed(["\x1b]0;" + "x" * 2_000, "x" * 2_094 + "end"]) == "end"
    assert terminal_text(("\x1b]" + "x" * 4_095 + "\x07") * 2 + "end") == "end"
    assert terminal_text("\x1b]" + "x" * 4_095 + "\x1b\\end") == "end"


@given(streams, streams)
def test_a_stream_can_be_used_again_after_its_end(first, second):
    stream = TerminalText()
    for text in (first, second):
        assert stream.feed(text) + stream.flush() == terminal_text(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a.b and HTTP://a.b", "https://a.b and HTTP://a.b"),
        ("javascript://x", "javascript:\u2060//x"),
        ("1javascript://x", "1javascript:\u2060//x"),
        ("xhttps://a.b", "xhttps:\u2060//a.b"),
        ("data:text/html,x", "data:\u2060text/html,x"),
        ("metadata:abc", "metadata:\u2060abc"),
        ("data: three rows", "data: three rows"),
        ("file:///etc/passwd", "file:\u2060///etc/passwd"),
        ("a: b, 12:30, x://", "a: b, 12:30, x:\u2060//"),
        ("\x1b[31mred", "red"),
    ],
)
def test_plain_text_has_no_live_address_but_of_the_web(text, shown):
    assert plain_text(text) == shown


@given(
    st.lists(st.sampled_from(["http", "https", "s", "data", ":", "//", "a", "1", ".", " ", "x", "www.", "java"])).map(
        "".join
    )
)
def test_jupyterlab_would_link_only_to_the_web(text):
    """Its own rule for addresses in plain text (`webLinkRegex` in `renderers.ts`)."""
    link = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]{2,40}://|data:|www\.)[^\s\x00-\x20\x7f-\x9f\"]{2,}")
    for address in link.findall(plain_text(text)):
        assert re.match(r"https?://|www\.|[a-zA-Z0-9+.-]*:\u2060", address, re.IGNORECASE)


@pytest.mark.parametrize("letter", ["\U00010000", "\U0010ffff", "🙂"])
def test_halves_of_a_character_are_joined_and_nothing_else_waits(letter):
    high, low = (
        letter.encode("utf-16-be", "surrogatepass")[at : at + 2].decode("utf-16-be", "surrogatepass") for at in (0, 2)
    )
    stream = TerminalText()
    assert stream.feed(high) == ""
    assert stream.feed(low) == letter
    for other in ("\ud7ff", "\ue000", "a"):
        assert stream.feed(other) == other
    assert stream.feed(low) == "\ufffd"
    assert stream.flush() == ""
