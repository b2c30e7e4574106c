"""Formulas over several lines are one, and code that looks like them stays as it was written."""

import re
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nbchat.markdown import parsing
from nbchat.markdown.parsing import parse, parser
from nbchat.markdown.render import render

DISPLAY = "$$\na\n+ b\n$$"


def parsed(text):
    """The contents of the fences, and those of the formulas."""
    tokens = parse(text).tokens
    inner = [child for token in tokens for child in token.children or ()]
    return [token.content for token in tokens if token.type == "fence"], [
        child.content.split() for child in inner if child.type == "formula"
    ]


@pytest.mark.parametrize(
    "fence",
    [
        f"```\n{DISPLAY}\n```",
        f"~~~ tex\n{DISPLAY}\n~~~",
        f"````\n```\n{DISPLAY}\n````",
        f"```\n``` x\n{DISPLAY}\n```",
        f"```\n{DISPLAY}\n`````",
    ],
)
def test_code_is_not_joined_and_the_formula_behind_it_is(fence):
    inside = fence.split("\n", 1)[1].rsplit("\n", 1)[0] + "\n"
    assert parsed(f"{fence}\n\n{DISPLAY}\n") == ([inside], [["a", "+", "b"]])


def test_a_parser_without_a_buffer_for_words_reads_the_same(monkeypatch):
    text = "Some *words* and `code`, a [link](https://example.org) and \\* 5.\n" * 2
    before = render(text)
    monkeypatch.setattr(parsing, "_append_pending", parsing._add_pending)  # as before markdown-it-py 4.3
    assert render(text) == before


def test_a_formula_that_is_never_closed_ends_with_its_paragraph():
    assert parsed(f"$$\nwords\n\n{DISPLAY}\n") == ([], [["a", "+", "b"]])


@pytest.mark.parametrize("name", ["lists", "maths", "tables"])
def test_long_ordinary_texts_are_parsed(name):
    text = (Path(__file__).parent / "corpus" / f"{name}.md").read_text()
    assert parse(text * (100_000 // len(text))) is not None


MOST = {**dict.fromkeys("*_~$\\&", 50_000), **dict.fromkeys("]!<`@", 83_333), "[": 31_250, "![": 17_857, "[*": 13_888,
        **dict.fromkeys(("- ", "+ ", "1. ", "1) ", "# "), 31_250), "* ": 19_230, "\n": 25_000, ">": 125_000,
        "[a](": 1_682, "[a](b c) ": 11_312}  # fmt: skip
"""How many of these the parser reads, each in up to a quarter of a second; 200 kB would take it seconds."""


@pytest.mark.parametrize(
    ("before", "unit", "most"), [("", unit, most) for unit, most in MOST.items()] + [("a" * 200_000, "*", 85_714)]
)
def test_long_texts_of_signs_are_not_parsed(before, unit, most):
    assert parse(before + unit * most) is not None
    assert parse(before + unit * (most + 1)) is None


def test_the_least_that_is_refused():
    assert parse("]" * 83_333 + "|") is not None
    assert parse("]" * 83_333 + "||") is None


@pytest.mark.parametrize(("opener", "closer"), [("$", "$"), (r"\(", r"\)"), (r"\begin{CD}", r"\end{CD}")])
def test_a_formula_has_a_longest_length(opener, closer):
    most = 10_000 - len(closer)
    assert parsed(f"{opener}x{'1' * (most - 1)}{closer}")[1]
    assert not parsed(f"{opener}x{'1' * most}{closer}")[1]


def test_a_formula_ends_with_its_label_or_mark():
    assert parsed("[a $x](http://b.c/$y$) $z$")[1] == [["z"]]
    assert parsed("<sub>$x</sub>$ $y$")[1] == [["y"]]
    assert parsed("[a $x$ b](c) $z$ [$y$](d)")[1] == [["x"], ["z"], ["y"]]


@given(
    st.lists(st.sampled_from(["$", "$$", "\\$", "\\\\", "\\(", "\\)", "[", "](b)", "x", " ", "\n\n"]), max_size=14).map(
        "".join
    )
)
def test_a_formula_ends_at_the_first_delimiter_that_is_not_escaped(text):
    for token in parse(text).tokens:
        for formula in (child for child in token.children or () if child.type == "formula"):
            closer = (
                re.escape(formula.markup) if f"{formula.markup}{formula.content}{formula.markup}" in text else r"\\\)"
            )
            inside = formula.content.replace("\\\\", "")
            assert not re.search(closer if closer[0] == "\\\\" else rf"(?<!\\){closer}", inside)


def test_openers_without_an_end_are_looked_up_once():
    """Otherwise the work would grow with the square of the text's length."""
    searched = 0

    def profile(frame, event, argument):
        nonlocal searched
        searched += event == "c_call" and argument.__name__ in ("find", "finditer") and argument.__self__ is not None

    text = r"\(x" * 2_000
    parse(text)
    sys.setprofile(profile)
    try:
        parse(text)
    finally:
        sys.setprofile(None)
    assert searched < 200


@pytest.mark.parametrize("code", ["a = $$  b\t$$\n", "$$  1   $$\n", "a\n\\[  b   c \\]\n"])
@pytest.mark.parametrize("margin", ["    ", "- c\n\n      "])
def test_code_with_delimiters_on_one_line_keeps_its_blanks(code, margin):
    indent = margin.rsplit("\n")[-1]
    assert code in [token.content for token in parse(margin + code.replace("\n", f"\n{indent}")).tokens]


BRACKETS = [
    "[",
    "]",
    "![",
    "](",
    "(b)",
    "[a]",
    "[a](b)",
    "![a](b)",
    "\\]",
    "*",
    "a",
    "<http://x.y>",
    "\n",
    " ",
    "[r]",
    "[r][]",
    "](c)",
    '](d "t")',
]


@example("![x [a [b](c)] y](f)")
@example("![[[[](c)](](c)](c)")
@example("![[![](c)[]![[a](b)]](](c)")
@given(st.lists(st.sampled_from(BRACKETS), max_size=30).map("".join))
def test_links_and_images_are_those_that_the_parser_finds_in_its_own_slow_way(text):
    """Both label searches find the same links; ours does it in linear time."""
    slow = MarkdownIt("commonmark", {"html": False, "maxNesting": 40})
    slow.validateLink, slow.normalizeLink, slow.normalizeLinkText = parser().validateLink, str, str
    assert parser().render(f"{text}\n\n[r]: http://u") == slow.render(f"{text}\n\n[r]: http://u")
