"""The renderer's work is linear in the text's length for any text; measured in calls, independently of machine load."""

import pytest

from nbchat.markdown.render import render
from tests.markdown.test_segments import calls

UNITS = ["[", "]", "![", "[a](", "[a](b", "[a](b(c)", "[![", "*", "<", "<a", "$", "$ ", "$$ ", "$ { ", "`", "` ``", "``` ", "~~~\n", "```a\n",
         "\\", "\\\\(", "\\begin{a}", "> ", "> a\nb\n", "- ", "1. ", "|", "|a|b|\n|-|-|\n", "(", "&", "http://", "a@", "@@0@@", "[a]: b\n", "[a\n",
         "![a](data:image/png;base64,", "    <b>\n\n", "$5 to ", "`a\n$b`\n", "- ```\n  $a\n  ```\n- ", "- [ ] ", "[a](b \""]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_is_twice_the_work(unit):
    small, large = (unit * (size // len(unit)) for size in (9_000, 18_000))
    assert calls(lambda: render(large)) < 2.6 * calls(lambda: render(small)) + 500
    assert len(render(large)) < 60 * len(large)
