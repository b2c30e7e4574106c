"""Real and hostile Markdown as it streams: what one frame shows, the next one shows too.

Compared are the letters that a reader sees. The last line may still turn into something else: half a link shows its
address, half a tag its name.
"""

import functools
import html
import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.values.answer.events import TextDelta
from tests.display.test_frames import Screen
from tests.markdown.readers import lab_html

CORPUS = sorted((Path(__file__).parent.parent / "markdown" / "corpus").glob("*.md"))
LINES = [
    "", "", "word " * 60, "some **bold words", "and** more", "# Heading", "===", "---", "***", "- item", "  - inner", "* other", "1. one",
    "   more", "> quoted", "> - both", "```", "```py", "~~~", "    indented", "\tx = 1", "| a | b |", "|---|---|", "| r | `s | t` |", "$$",
    "a $x$ b", "$5 and $6", r"\(a+b\)", r"\[", r"\]", "`code", "``", "`<b>", "<div>", "</pre>", "<!-- c", "* * *", "word", "\\", "中文",
]  # fmt: skip


@functools.cache
def text_of(markdown):
    return html.unescape(re.sub(r"<[^>]*>", "", lab_html(markdown))).rstrip()


def letters(frame, *, settled=False):
    """The letters on a screen; `settled`: without the last line."""
    texts = list(map(text_of, frame))
    if settled and texts:
        texts[-1] = texts[-1].rpartition("\n")[0]
    return re.sub("[^A-Za-z]", "", "".join(texts))


def vanishing(text, step):
    """Pairs of frames of which the second lacks what the first showed."""
    screen = Screen()
    frames = [screen.after(0.3, TextDelta(text[at : at + step])) for at in range(0, len(text), step)]
    frames.append(screen.end())
    return [
        (old, new) for old, new in itertools.pairwise(frames) if not letters(new).startswith(letters(old, settled=True))
    ]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_document_only_grows(path):
    assert vanishing(re.sub(r"(?m)^\[\w+\]: .*\n", "", path.read_text()), 61) == []


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=40).map("\n".join), st.integers(5, 90))
def test_no_text_vanishes_whatever_comes_behind_it(text, step):
    assert vanishing(text, step) == []
