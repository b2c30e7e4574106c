"""A stop sequence is never shown, not even in part, however the text is split into tokens."""

from hypothesis import given
from hypothesis import strategies as st

from nbchat.builtin.model.stopping import StopGate

LETTERS = st.text(alphabet="abc", max_size=30)
STOPS = st.lists(st.text(alphabet="abc", min_size=1, max_size=4), max_size=4)


def expected(text, stops):
    """What may be shown, found by looking at one more character at a time."""
    for end in range(len(text) + 1):
        ended = [stop for stop in stops if text[:end].endswith(stop)]
        if ended:
            return text[: end - max(map(len, ended))], True
    return text, False


@given(st.lists(LETTERS), STOPS)
def test_shown_is_the_text_before_the_stop_that_was_complete_first(pieces, stops):
    gate = StopGate(stops)
    shown = "".join(gate.feed(piece) for piece in pieces) + gate.flush()
    assert (shown, gate.stopped) == expected("".join(pieces), stops)


@given(st.lists(LETTERS), STOPS)
def test_what_was_shown_is_never_taken_back(pieces, stops):
    """At every moment the text shown so far is a beginning of what is shown in the end."""
    gate, whole, so_far = StopGate(stops), "".join(pieces), ""
    final, _ = expected(whole, stops)
    for piece in pieces:
        so_far += gate.feed(piece)
        assert final.startswith(so_far)


def test_text_that_can_start_no_stop_is_shown_at_once():
    gate = StopGate(["\n\n"])
    assert gate.feed("all of this") == "all of this"
    assert gate.feed("\n") == ""
    assert gate.feed("more") == "\nmore"


@given(LETTERS, LETTERS)
def test_nothing_comes_after_a_stop(before, after):
    gate = StopGate(["x"])
    assert gate.feed(before + "x" + after) == before
    assert gate.feed(after) == ""
    assert gate.flush() == ""
