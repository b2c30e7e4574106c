"""Word-by-word differences between two answers."""

from hypothesis import given
from hypothesis import strategies as st

from nbchat.tuning.diff import Diff


def test_words_that_differ_are_marked():
    diff = Diff.of("the red car", "the blue car")
    assert str(diff) == "the [-red-]{+blue+} car"
    assert diff.html == "the <del>red</del><ins>blue</ins> car"
    assert not diff.same


def test_a_stretch_of_changed_words_is_one_change():
    assert str(Diff.of("a x y b", "a p q b")) == "a [-x y-]{+p q+} b"


def test_html_in_an_answer_is_shown_and_never_live():
    html = Diff.of("<b>", "<script>alert(1)</script><b>").html
    assert "<script" not in html
    assert "&lt;" in html


def test_the_same_text_has_no_difference():
    assert Diff.of("same", "same").same
    assert Diff.of("", "").same


@given(st.text("ab \n.<", max_size=40), st.text("ab \n.<", max_size=40))
def test_each_answer_can_be_put_together_again(before, after):
    pieces = Diff.of(before, after).pieces
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after
