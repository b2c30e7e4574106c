"""What a panel keeps below itself: every question and all that came of it, each apart from the others."""

import re

import pytest
from markdown_it import MarkdownIt

from nbchat.panel.transcript import Entry, Transcript
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.messages import ToolCall


def page(*entries):
    """The HTML that a reader makes of a transcript with these questions and choices."""
    transcript = Transcript()
    for question, *choices in entries:
        transcript.add(Entry(question, Reply(tuple(choices))))
    (bundle,) = transcript.pages()
    return MarkdownIt("commonmark", {"html": True}).render(bundle["text/markdown"]), bundle["text/plain"]


@pytest.mark.parametrize(
    "text",
    [
        "Here:\n\n```python\nprint(1)",
        "~~~~\nx",
        "$$\nx^2",
        "<!-- open",
        "> ```\n> x",
        "- a\n\n  ```\n  x",
        "`a",
        "```\na\n```",
    ],
)
def test_a_truncated_answer_swallows_nothing_after_it(text):
    html, _ = page(("first", Choice(0, text, "length"), Choice(1, "**twin**")), ("second", Choice(0, "**whole**")))
    without_code = re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL)
    assert "<strong>twin</strong>" in without_code
    assert "<strong>whole</strong>" in without_code
    assert without_code.count("<details>") == without_code.count("</details>") == 2


def test_calls_and_thoughts_are_kept_where_there_is_no_text():
    call = ToolCall("call_1", "weather", '{"city": "Rome"}')
    html, plain = page(("q", Choice(0, "", "tool_calls", tool_calls=(call,))), ("r", Choice(0, reasoning="Hm, *42*.")))
    for shown in (html, plain):
        assert "weather(" in shown
        assert "42" in shown
        assert "only thinking" in shown


def test_an_answer_that_is_json_is_kept_as_code():
    html, plain = page(("q", Choice(0, '{"a_b": "*c*"}', "stop")))
    assert '<pre><code class="language-json">{&quot;a_b&quot;: &quot;*c*&quot;}' in html
    assert '{"a_b": "*c*"}' in plain
