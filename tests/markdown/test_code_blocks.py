"""The finder of code blocks: where each stands, what is in it, and whether it has ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.code_blocks import code_blocks
from nbchat.markdown.parsing import block_tokens


def found(text):
    return [(block.content, block.info, block.closed) for block in code_blocks(text)]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("", []),
        ("words `code` words", []),
        ("```py\nx\n```", [("x\n", "py", True)]),
        ("```py\nx\n```\n", [("x\n", "py", True)]),
        ("```py\r\nx\r\n```\r\n", [("x\n", "py", True)]),
        ("```py\nx", [("x", "py", False)]),
        ("```", [("", "", False)]),
        ("```\n", [("", "", False)]),
        ("```\n```", [("", "", True)]),
        ("````\n```\n````", [("```\n", "", True)]),
        ("````\n```", [("```", "", False)]),
        ("```\nx\n`````", [("x\n", "", True)]),
        ("~~~\n```\n~~~", [("```\n", "", True)]),
        ("~~~\n```", [("```", "", False)]),
        ("```\nx\n``` y", [("x\n``` y", "", False)]),
        ("```\nx\n``", [("x\n``", "", False)]),
        ("- a\n\n  ```\n  x\n  ```\n- b", [("x\n", "", True)]),
        ("- a\n\n  ```\n  x\n- b", [("x\n", "", False)]),
        ("> ```\n> x\n> ```\n", [("x\n", "", True)]),
        ("> ```\n> x\n\nwords", [("x\n", "", False)]),
        ("<div>\n```\nx\n```\n</div>", [("x\n", "", True)]),
        ("    x\n\nwords\n\n```\ny\n```", [("x\n", None, False), ("y\n", "", True)]),
    ],
)
def test_each_block_is_found_with_its_text(text, blocks):
    assert found(text) == blocks


def test_a_block_knows_its_place():
    text = "words\n\n```py\nx = 1\n```\n\nmore\r\n\r\n    y\r\n"
    first, second = code_blocks(text)
    assert text[first.start : first.end] == "```py\nx = 1\n```\n"
    assert text[second.start : second.end] == "    y\r\n"
    old = "words\r```\rx\r```\rmore"
    [block] = code_blocks(old)
    assert old[block.start : block.end] == "```\rx\r```\r"


def test_the_words_between_blocks_are_not_parsed():
    """It would take most of the time."""
    assert not any(token.children for token in block_tokens("*a* [b](c) `d`"))


lines = st.lists(
    st.sampled_from(["```", "````", "~~~", "``` py", "x", "", "  ```", "    ```", "> ```", "> x", "- ```", "  x", "``` `", "``"]),
    max_size=10,
).map("\n".join)  # fmt: skip


@given(lines)
def test_what_follows_a_block_is_in_it_unless_it_is_closed(text):
    """The parser is the judge: a line more, as abrupt as an answer that is still coming."""
    probe = "PROBE"
    blocks = code_blocks(text)
    grown = code_blocks(f"{text}\n{probe}")
    fence = blocks[-1] if blocks and blocks[-1].info is not None and blocks[-1].end == len(text) else None
    line = text.rsplit("\n", 1)[-1]
    if fence is not None and line[:1] not in (">", "-") and text[fence.start :][:1] in "`~":
        assert fence.closed != any(probe in block.content for block in grown)
    assert all(word in text[block.start : block.end] for block in blocks for word in block.content.split())
