"""The renderer's work is linear in the text's length for any text; measured in calls, independently of machine load."""

import signal

import pytest

from nbchat.markdown.render import render
from tests.markdown.test_segments import calls

UNITS = ["[", "]", "![", "[a](", "[a](b", "[a](b(c)", "[![", "*", "<", "<a", "$", "$ ", "$$ ", "$ { ", "`", "` ``", "``` ", "~~~\n", "```a\n",
         "\\", "\\\\(", "\\begin{a}", "> ", "> a\nb\n", "- ", "1. ", "|", "|a|b|\n|-|-|\n", "(", "&", "http://", "a@", "@@0@@", "[a]: b\n", "[a\n",
         "![a](data:image/png;base64,", "    <b>\n\n", "$5 to ", "`a\n$b`\n", "- ```\n  $a\n  ```\n- ", "- [ ] ", "[a](b \"",
         "![<|---|---|> &#36;", "[[a](b)![", "![ [[x](y)", "\n\n- - - - - - a*<!--", "**a*", "|---|---|\n"]  # fmt: skip
RUNAWAYS = ["- - - - - - - - \t\u2028{# ", "|$|***\\begin{align}", "|$|&#10;", "\n\n- - - - - - - - a*<!--", "[]:", "[ ",
            "a@b.c\\)\\begin{align}"]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_is_twice_the_work(unit):
    small, large = (unit * (size // len(unit)) for size in (9_000, 18_000))
    assert calls(lambda: render(large)) < 2.6 * calls(lambda: render(small)) + 500
    assert len(render(large)) < 60 * len(large)


@pytest.mark.parametrize("unit", RUNAWAYS)
def test_no_search_within_a_long_line_runs_away(unit):
    """Calls don't show how long an expression searches; these once took seconds to minutes."""
    before = signal.signal(signal.SIGVTALRM, lambda *_: pytest.fail("20 seconds of CPU time"))
    signal.setitimer(signal.ITIMER_VIRTUAL, 20)
    try:
        assert render(unit * (120_000 // len(unit)))
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
