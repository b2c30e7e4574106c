"""A growing answer in pieces: the same however it comes, whole, few, and shown as the whole would be."""

import itertools
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nbchat.markdown.references import with_definitions
from nbchat.markdown.segments import Segment, Segments, _schedule

_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.md"))
BLOCKS = [
    "A paragraph of some words, which goes on for a while.\n\n",
    "# Heading\n\n",
    "- one\n- two\n\n  more of two\n\n- three\n\n",
    "1. one\n\n   ```py\n   x = 1\n\n   y = 2\n   ```\n\n2. two\n\n",
    "```py\na = 1\n\n\nb = 2\n```\n\n",
    "> quoted\n>\n> more\n\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n",
    "$$\na + b\n$$\n\n",
    "    indented\n\n    code\n\n",
    "Heading\n=======\n\n",
    "---\n\n",
    "~~~\nan open fence\n\n",
]


def grown(text, limit=40, step=None):
    segments = Segments(limit)
    for start in range(0, len(text), step or max(1, len(text))):
        segments.append(text[start : start + (step or len(text))])
    return [*segments.closed, segments.tail]


def html(text):
    return re.sub(r"\s+", " ", _PARSER.render(text)).strip()


documents = st.lists(st.sampled_from(BLOCKS[:-1]), min_size=30, max_size=160).map("".join)
lines = st.lists(
    st.sampled_from(
        [
            *BLOCKS,
            "ab `~$|-#<\n1.>*",
            "word " * 60,
            "x" * 900,
            "\n",
            "```\n",
            "- a\n",
            "| r | s |\n",
            "$$\n",
            "\r\n",
            "\r",
        ]
    ),
    max_size=60,
)


@given(lines.map("".join), st.lists(st.integers(0, 40_000), max_size=12))
def test_how_the_text_is_cut_into_deltas_makes_no_difference(text, cuts):
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    segments = Segments()
    for start, end in itertools.pairwise(edges):
        segments.append(text[start:end])
    assert [*segments.closed, segments.tail] == grown(text)


@given(lines.map(lambda drawn: "".join(drawn) * 12))
def test_a_delta_may_begin_with_a_line_end(text):
    segments = Segments()
    for delta in re.split(r"(?=\n)", text):
        segments.append(delta)
    assert [*segments.closed, segments.tail] == grown(text)


@given(lines.map(lambda drawn: "".join(drawn) * 6), st.integers(2, 40), st.none() | st.integers(1, 20_000))
def test_the_pieces_together_are_the_text_and_no_more_than_allowed(text, limit, longest):
    """Also if the text is longer than was said."""
    segments = Segments(limit, longest=longest)
    segments.append(text)
    assert len(segments.pieces) <= limit
    pieces = [*segments.closed, segments.tail]
    assert "".join(piece.source for piece in pieces) == text.replace("\r\n", "\n").replace("\r", "\n")
    assert len(pieces) <= limit


LINKED = ["See [one], [the *second*][two] and ![pic][three].\n\n", "[one]: http://a.b/1\n\n", "[ONE]: http://a.b/other\n\n", "> [two]: <http://a.b/2> 'T'\n\n",
          "[three]:\nhttp://a.b/3.png\n\n", "[^1]: note\n\n", "A note[^1] and x[0].\n\n", "```\n[one]: http://no.no\n```\n\n", "words " * 200 + "\n\n"]  # fmt: skip


@given(st.lists(st.sampled_from(LINKED), min_size=10, max_size=60).map("".join))
def test_links_find_their_definitions_in_any_piece(text):
    assert " ".join(filter(None, (html(piece.text) for piece in with_definitions(grown(text))))) == html(text)


def test_the_definitions_that_a_piece_is_given_are_bounded():
    def linked(target, count):
        labels = [f"label {number}" for number in range(count)]
        pieces = "".join(map("[{}] ".format, labels)), "".join(f"[{label}]: {target}\n" for label in labels)
        first, second = with_definitions([Segment(text, text) for text in pieces])
        assert second.text == pieces[1]
        return len(first.text) - len(pieces[0])

    one = len("[label 0]: ")
    assert linked("c" * (1000 - one), 1) == 1000 + 2  # with a line's end, and a blank line
    assert linked("c" * (1001 - one), 1) == 0
    assert linked("c" * (800 - one), 9) == 5 * 801 + 1
    assert linked("c" * (801 - one), 9) == 4 * 802 + 1


def test_only_what_links_to_another_piece_is_changed():
    texts = [
        "See [a] and [b].\n",
        "[a]: http://x.y\n[A]: http://z\n",
        "No [c] here, [b] there.\n",
        "> - [b]:\n>   <http://b>\n>   'T'\n",
    ]
    shown = [piece.text for piece in with_definitions([Segment(text, text) for text in texts])]
    assert shown == [
        "[a]: http://x.y\n[b]: <http://b> 'T'\n\n" + texts[0], texts[1], "[b]: <http://b> 'T'\n\n" + texts[2], texts[3],
    ]  # fmt: skip


@given(documents)
def test_the_pieces_look_as_the_whole_does(text):
    pieces = grown(text)
    assert " ".join(filter(None, (html(piece.text) for piece in pieces))) == html(text)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_an_ordinary_answer_looks_the_same_in_pieces(path):
    text = re.sub(r"(?m)^-----8<-----\n", "", path.read_text())
    pieces = with_definitions(grown(text))
    assert " ".join(filter(None, (html(piece.text) for piece in pieces))) == html(text)


@pytest.mark.parametrize(
    "unit", ["```py\n" + "x = 1\n" * 9**6, "word " * 9**6, "x" * 9**6, "- item\n" * 9**5, "| a |\n|---|\n" + "| 1 |\n" * 9**5,
             "some words\n" * 9**5, "> quoted\n" * 9**5, "1. a\n\n   ```\n" + "   code\n" * 9**5, "A paragraph.\n\n" * 9**5, "\n" * 9**5]
)  # fmt: skip
@pytest.mark.parametrize("size", [8_000, 40_000, 200_000])
def test_an_answer_of_any_shape_has_few_pieces_and_a_short_tail(unit, size):
    pieces = grown(unit[:size], step=1000)
    assert len(pieces) <= 40
    assert max(len(piece.text) for piece in pieces) <= 10_100 + size / 5


def test_two_megabytes_fit():
    for unit in ("A paragraph of words.\n\n", "```\n" + "code\n" * 400_000, "word "):
        assert len(grown((unit * (2_000_000 // len(unit) + 1))[:2_000_000], step=50_000)) <= 40


def test_a_cut_fence_is_closed_and_opened_again_with_its_info():
    pieces = grown("```py\n" + "x = 1\n" * 5000)
    assert all(piece.text.startswith("```py\nx") for piece in pieces)
    assert all(piece.text.endswith("x = 1\n```\n") for piece in pieces[:-1])


@pytest.mark.parametrize(
    ("opening", "unit", "closer"),
    [
        ("```py\n", "x = 1\n", "```"),
        ("~~~~\n", "x = 1\n", "~~~~"),
        ("> ```\n", "> x = 1\n", "> ```"),
        ("", "some words\n", "==="),
        ("", "some words\n", "---"),
        ("", "some | words\n", "|---|---|"),
    ],
)
def test_no_piece_begins_with_the_end_of_what_came_before(opening, unit, closer):
    """Wherever a cut is: otherwise that line would open a fence, or be a rule."""
    fill = 2875 - len(opening)  # about where the first of few pieces is cut
    for count in range(fill // len(unit) - 3, fill // len(unit) + 4):
        pieces = grown(f"{opening}{unit * count}{closer}\n\nafter\n\n{unit * count}", 4)
        assert len(pieces) > 1
        assert not any(piece.source.startswith(closer) for piece in pieces[1:])
        tokens = [token for piece in pieces for token in _PARSER.parse(piece.text) if token.type == "fence"]
        assert all(token.content.strip() for token in tokens)


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_lines_may_end_in_carriage_returns(end):
    text = "```py\n" + "code\n" * 8000 + "```\n"
    assert grown(text.replace("\n", end), step=7) == grown(text)


def test_nothing_may_come_between_the_two_ends_of_a_line():
    segments = Segments()
    for part in ("a\r", "", "\nb"):
        segments.append(part)
    assert "".join(piece.text for piece in [*segments.closed, segments.tail]) == "a\nb"


def test_what_is_not_cut_stays_as_it_is():
    text = "- a\n\n\tb\n \t c\td\n"
    assert grown(text) == [Segment(text, text)]


def test_a_cut_table_has_its_head_again():
    pieces = grown("| a | b |\n|---|--:|\n" + "| 1 | 2 |\n" * 3000)
    assert all(piece.text.startswith("| a | b |\n|---|--:|\n| 1 |") for piece in pieces)


def test_code_in_a_list_is_code_in_every_piece():
    text = "1. a\n\n   - b\n\n     ```py\n" + "     x = 1\n" * 3000 + "     ```\n\n     after\n\n2. c\n"
    pieces = grown(text)
    tokens = [
        [token for token in _PARSER.parse(piece.text) if token.type in ("fence", "code_block")] for piece in pieces
    ]
    assert len(pieces) > 2
    assert {token.type for piece in tokens for token in piece} == {"fence"}
    assert {line for piece in tokens for token in piece for line in token.content.splitlines()} == {"x = 1"}
    assert "".join(piece.text for piece in pieces).endswith("after\n\n2. c\n")


def test_a_word_is_not_cut_when_a_space_is_near():
    assert all(piece.source.startswith("word") for piece in grown("word " * 10_000))


def test_closed_pieces_are_not_touched_again():
    segments = Segments()
    seen = []
    for _ in range(400):
        segments.append("A paragraph of words that goes on.\n\n" * 3)
        assert segments.closed[: len(seen)] == seen
        seen = segments.closed[:]
    with pytest.raises(AttributeError):
        seen[0].text = "other"


@pytest.mark.parametrize(
    "unit", ["A paragraph of words.\n\n", "word ", "- item\n", "x = 1\n", "> quoted\n", "| a | b |\n", "x", "\n"]
)
@pytest.mark.parametrize("size", [20_000, 370_000])
def test_behind_a_long_answer_what_grows_is_short(unit, size):
    """What is painted again with each update: the last piece, and occasionally merged ones."""
    segments = Segments()
    segments.append("```py\n" * (unit == "x = 1\n") + (unit * (size // len(unit) + 1))[:size])
    for _ in range(300):
        segments.append((unit * 40)[:40])
        pieces = segments.pieces
        assert len(pieces) <= 40
        assert len(pieces[-1].text) < 5_000
        assert pieces[: len(segments.closed)] == segments.closed


@given(documents)
def test_what_is_shown_looks_as_the_whole_does(text):
    segments = Segments()
    for start in range(0, len(text), 700):
        segments.append(text[start : start + 700])
        segments.pieces  # noqa: B018 - looking must not change what comes
    shown = segments.pieces
    assert " ".join(filter(None, (html(piece.text) for piece in shown))) == html(text)
    once = Segments()
    once.append(text)
    assert once.pieces == shown


def calls(work):
    """Return the number of Python calls of some work: a measure that other load does not disturb."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_definitions_are_looked_for_only_where_there_may_be_some():
    words = "A paragraph of some words.\n\n" * 500
    pieces = [Segment(words, words), Segment("[d]: http://a.b\n", "[d]: http://a.b\n")]
    assert calls(lambda: with_definitions(pieces)) < 2_000


def test_paragraphs_are_told_apart_without_the_parser():
    assert calls(lambda: grown("A paragraph of some words, which goes on for a while.\n\n" * 700, step=1000)) < 30_000


def test_tokens_cost_the_same_however_long_the_answer():
    text = "".join(BLOCKS[:-1]) * 400
    assert calls(lambda: grown(text, step=4)) < 2.2 * calls(lambda: grown(text[: len(text) // 2], step=4))


def lengths(text, limit=4, **longest):
    """The lengths of the closed pieces' sources."""
    segments = Segments(limit, **longest)
    segments.append(text)
    return [len(piece.source) for piece in segments.closed]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a" * 1498 + "\n\nb\n", 1500),  # between blocks, from the shortest length on
        ("a" * 1497 + "\n\nb\n" + "c\n" * 9, None),
        ("a" * 1497 + "\n\n\nb\n", 1500),
        ("a" * 1498 + "\n \nb\n", 1501),
        ("a" * 1499 + "\nb\n", None),
        ("a" * 1498 + "\n\n b\n", None),
        ("a" * 1498 + "\n\n\tb\n", None),
        ("- item\n\n" * 200 + "word\n\n" * 99, 1810),  # tried in a list at 1504, and not again before 1.2 times that
        ("```\n" + "a\n\n" * 600 + "```\n\n" + "word\n\n" * 99, 2151),
        ("aaaa\n" * 1000, 2875),  # between lines, from 1.25 times that and 1000 on
        ("aaaa\n" * 575 + "====\n" + "b\n" * 99, 2880),
        ("x" * 9000, 3775),  # within a line, from 900 more on
        ("x" * 3774, None),
        ("é" * 9000, 943),  # signs that are costly count as four
        ("x" * 3324 + " " + "y" * 9000, 3325),  # before a word that begins in the last 450
        ("x" * 3323 + " " + "y" * 9000, 3775),
        ("x" * 3773 + " " + "y" * 9000, 3774),
    ],
)
def test_the_first_of_few_pieces_ends_exactly_here(text, first):
    assert lengths(text)[:1] == ([] if first is None else [first])


def test_pieces_grow_with_the_answer():
    """The second is 8 % of what is before it, or as long as the first; with many pieces, the first may be four times it."""
    assert lengths("aaaa\n" * 2000)[:2] == [2875, 3025]
    assert lengths("a" * 98 + "\n\n" + ("b" * 98 + "\n\n") * 70, 40) == [6000]
    assert lengths("word\n\n" * 6000, 18)[:3] == [6000, 8556, 16224]
    assert lengths("word\n\n" * 6000, 11) == [1500, 1500, 1500, 2916, 6198, 13950]


@pytest.mark.parametrize("limit", range(2, 60))
def test_the_pieces_suffice_for_the_longest_answer(limit):
    least = _schedule(limit)
    assert len(least) == limit - 1
    assert least == sorted(least)
    assert limit < 7 or 1_049_950 <= sum(least) <= 1_059_400
    assert limit != 4 or least == [1500, 1620, 6489]
    assert least[0] == (6000 if limit >= 12 else 1500)


def test_pieces_share_a_length_that_is_known():
    text = "aaaaaaaa\n\n" * 10_000
    assert lengths(text, 5, longest=50_000) == [10_000] * 4
    assert lengths(text, 5, longest=7_000) == [1_500] * 4
    assert lengths(text, 15, longest=50_000) == [5_000] * 9  # five are for the last one's inner pieces


@pytest.mark.parametrize("limit", [11, 12])
def test_the_last_piece_is_split_further_if_there_are_enough(limit):
    segments = Segments(limit)
    segments.append("a word\n\n" * 700)
    assert (len(segments.pieces) > len(segments.closed) + 1) == (limit == 12)
    assert "".join(piece.text for piece in segments.pieces) == "a word\n\n" * 700
    segments.append("a word\n\n" * 200)  # the last one closes, and what was within it is merged
    assert segments.pieces[: len(segments.closed)] == segments.closed
    assert "".join(piece.text for piece in segments.pieces) == "a word\n\n" * 900


@pytest.mark.parametrize("opening", ["```py\n", "> ~~~\n> ", "- ```\n  "])
def test_a_long_line_of_code_is_code_in_every_piece(opening):
    pieces = grown(opening + "x" * 30_000, 12)
    assert len(pieces) > 2
    for piece in pieces:
        [fence] = [token for token in _PARSER.parse(piece.text) if token.type in ("fence", "code_block")]
        assert set(fence.content.strip("\n")) == {"x"}
        assert "x" not in piece.text.replace(fence.content.strip("\n"), "")


def test_a_text_longer_than_said_has_no_more_pieces():
    segments = Segments(12, longest=1)
    segments.append("a word\n\n" * 3_000)
    assert [len(piece.source) for piece in segments.closed] == [1504] * 7
    assert len(segments.pieces) <= 12
    assert "".join(piece.text for piece in segments.pieces) == "a word\n\n" * 3_000
