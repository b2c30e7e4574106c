"""Formulas over several lines are one, and code that looks like them stays as it was written."""

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


@pytest.mark.parametrize(
    "unit",
    ["[", "]", "![", "*", "_", "~", "$", "\\", "&", "!", "<", "`", "@", "- ", "1. ", "# ", "\n", "[a](", "[a](b c) "],
)
def test_long_texts_of_signs_are_not_parsed(unit):
    """Each takes the parser seconds."""
    assert parse(unit * (200_000 // len(unit))) is None
    assert parse(unit * 200) is not None


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
