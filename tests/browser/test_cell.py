"""A stranger's first cells, in the real front-ends."""

import re

from nbchat.testing import Hang, Stream, chunk
from tests.browser.looks import faint

START = "%load_ext nbchat"


def test_answer_streams_into_the_cell_with_its_tokens_under_it(frontend, app):
    """The first cell: Markdown above, one quiet line of facts below, nothing fetched from elsewhere."""
    frontend.open(
        [START, "%%chat --seed 1\nWhat is a list comprehension?", "%%chat --n 2 --max-tokens 40\nAnd a loop?", "%chat"],
        app=app,
    )
    frontend.run_all()
    facts = frontend.output_text(1)
    assert re.search(r"nbchat-demo · (?:-.* · )?\d+ → \d+ tokens · free · [\d.]+ s to first token", facts)
    assert "Choice 1 of 2" in frontend.output_text(2)
    assert "Choice 2 of 2" in frontend.output_text(2)
    assert "The built-in model" in frontend.output_text(3)
    for theme in ("light", "dark"):
        frontend.wear(theme)
        frontend.screenshot(f"cell-{app}-{theme}")
        assert [text for index in (1, 2, 3) for text in faint(frontend.output(index))] == []
    assert frontend.foreign_requests() == []


def test_a_bad_option_fails_the_cell_in_one_line(frontend):
    """Run All stops at it, and the line names the option, what was expected and what came."""
    frontend.open([START, "%%chat --temprature 1\nhello", "print('not reached')"])
    frontend.run_all()
    assert frontend.output_text(1).strip() == "UsageError: There is no option --temprature. Did you mean --temperature?"
    assert frontend.output_text(2).strip() == ""


def test_interrupt_keeps_the_partial_answer(frontend, server):
    """The stop button ends the stream, the text stays and says that it is not whole, and the next cell works."""
    server.add(Stream([chunk("Once upon a time"), Hang()]))
    start = f"{START}\n%chat connect {server.base_url} --model gpt-test"
    frontend.open([start, "%%chat\nTell me about classes.", "print('free')"])
    frontend.run(0)
    frontend.run(1, wait=False)
    frontend.output(1).locator(".jp-RenderedMarkdown").first.wait_for()
    frontend.interrupt()
    frontend.wait_idle()
    frontend.screenshot("cell-interrupted")
    assert "stopped: this answer is incomplete" in frontend.output_text(1)
    assert "Interrupted: Stopped. The partial answer was kept; %chat continue resumes it." in frontend.output_text(1)
    frontend.run(2)
    assert frontend.output_text(2).strip() == "free"
