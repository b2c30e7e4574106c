"""Formulas over several lines are one, and code that looks like them stays as it was written."""

import pytest

from nbchat.markdown.parsing import parse

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


def test_a_formula_that_is_never_closed_ends_with_its_paragraph():
    assert parsed(f"$$\nwords\n\n{DISPLAY}\n") == ([], [["a", "+", "b"]])
