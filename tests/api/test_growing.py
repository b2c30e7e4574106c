"""A text of which some pieces say again what was said before."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.answer.growing import GrowingText

WORDS = ["The", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog.", "Then", "it", "sleeps."]
SENTENCE = " ".join(WORDS)


def grown(pieces, whole=None):
    """Return the joined new parts; the last piece is marked as the last."""
    text = GrowingText()
    parts = [text.feed(piece, last=place == len(pieces) - 1) for place, piece in enumerate(pieces)]
    if whole is not None:
        parts.append(text.whole(whole) or "")
    return "".join(parts) + text.flush()


def pieces_of(text, size):
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 3, 7, 20, 40])
def test_a_last_piece_that_repeats_everything_adds_nothing(size):
    pieces = pieces_of(SENTENCE, size)
    assert grown([*pieces, SENTENCE]) == SENTENCE
    assert grown([*pieces, ""], SENTENCE) == SENTENCE
    assert grown(pieces, SENTENCE + " The end.") == SENTENCE + " The end."
    assert grown([*pieces, SENTENCE + " The end."]) == SENTENCE + " The end."


@pytest.mark.parametrize("step", [1, 2, 5])
def test_pieces_that_repeat_the_text_so_far_add_only_what_is_new(step):
    pieces = [" ".join(WORDS[:end]) for end in range(1, len(WORDS) + 1, step)]
    assert grown(pieces) == pieces[-1]
    assert grown([*pieces, pieces[-1]]) == pieces[-1]
    assert grown([*pieces, pieces[-1] + "!"], pieces[-1] + "!") == pieces[-1] + "!"


@pytest.mark.parametrize(
    "pieces",
    [
        ["ha"] * 5,
        ["ha", "ha", "haha"],
        ["1", "1"],
        ["1", "10"],
        ["-", "--", "-"],
        ["x "] * 100,
        ["\n", "\n\n", "a"],
        ["哈", "哈哈", "哈哈哈"],
        ["-", "----", "------+\n"],
        ["ha", "haha", "haha!"],
        ["Happy birthday to you,\n", "Happy birthday to you,\n", "Happy birthday, dear reader.\n"],
        ["no", "no", "no", " way"],
        ["The", "Theory"],
        ["very ", "very ", "very long"],
        [SENTENCE, " ", SENTENCE],
        ["print", "('hello'", ")\n", "print('hello')\n", "print('hello')\n"],
        ["Never ", "gonna ", "give ", "you up. ", "Never gonna give you up. Never gonna ", "let you down"],
    ],
)
def test_an_answer_that_repeats_itself_is_left_as_it_is(pieces):
    assert grown(pieces) == "".join(pieces)


@given(st.lists(st.text("ab ", max_size=5), max_size=12))
def test_short_equal_pieces_are_never_taken_for_a_repetition(pieces):
    text = GrowingText()
    assert "".join(map(text.feed, pieces)) + text.flush() == "".join(pieces) or _grows(pieces)


def _grows(pieces):
    """Whether three pieces each begin with all previous ones: practically only repeated texts do."""
    said = [piece for piece in pieces if piece]
    return any(
        b.startswith("".join(said[:at]) or " ") and c.startswith(b) and len(c) > len(b) > len("".join(said[:at]))
        for at, (b, c) in enumerate(pairwise(said[1:]), 1)
    )


def test_a_whole_text_that_differs_is_reported():
    text = GrowingText()
    text.feed("one thing")
    assert text.whole("another thing") is None
    assert text.whole("one") == ""
    assert text.whole("") == ""


@pytest.mark.parametrize("pieces", [["The ", "quick ", "brown ", "fox."], ["The ", "quick brown fox."]])
def test_pieces_taken_as_one_run_count_each(pieces):
    """Two pieces may be said again by chance, more than two hardly."""
    first, *rest = pieces
    text = GrowingText()
    so_far = text.feed(first) + text.more(rest)
    assert so_far == "The quick brown fox."
    again = text.feed(so_far) + text.flush()
    assert again == ("" if len(pieces) > 2 else so_far)


def test_a_long_answer_is_no_longer_compared():
    text = GrowingText()
    long = "word " * 200_001
    assert text.feed(long) == long
    assert text.room > len(long)
    assert text.more(["a", "b"]) == "ab"
    assert text.feed(long) == long


def test_a_complete_text_decides_on_a_piece_that_is_held_back():
    text = GrowingText()
    parts = [text.feed(piece) for piece in ("The ", "quick ", "brown ", "The quick brown fox")]
    assert "".join(parts) == "The quick brown "
    assert text.holds
    assert text.whole("The quick brown fox.") == "fox."


def test_pieces_that_are_known_to_repeat_the_text_are_told_at_once():
    text = GrowingText()
    parts = [text.feed(" ".join(WORDS[:end])) for end in range(1, 7)]
    assert parts == ["The", "", " quick brown", " fox", " jumps", " over"]
    assert (text.holds, text.text) == (False, " ".join(WORDS[:6]))


TWELVE = "word by word"


@pytest.mark.parametrize(("text", "more"), [(TWELVE, ""), (TWELVE[:-1], TWELVE[:-1]), ("abab ba abab", "abab ba abab")])
def test_a_repetition_that_may_be_chance_is_kept(text, more):
    """Eleven characters, or three distinct ones, may well be said twice."""
    again = GrowingText()
    parts = [again.feed(piece) for piece in (text[:4], text[4:8], text[8:], text)]
    assert "".join(parts) + again.flush() == text + more


@pytest.mark.parametrize(
    ("pieces", "text"), [(["ab", "c", "abc"], "abc"), (["ab", "a", "aba"], "abaaba"), (["a"] * 2, "aa")]
)
def test_a_last_piece_that_may_say_all_again_does_if_it_is_varied(pieces, text):
    assert grown(pieces) == text


@pytest.mark.parametrize("size", [1_000_000, 1_000_001])
def test_a_text_is_compared_up_to_a_million_characters(size):
    text, long = GrowingText(), ("word " * 200_001)[:size]
    assert text.feed(long) == long
    assert text.feed(long, last=True) == ("" if size == 1_000_000 else long)
    assert (text.whole(long), text.text == long) == ("", size == 1_000_000)
