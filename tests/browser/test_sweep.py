"""Sweeps in the real front-ends: what a reader sees, light and dark, wide and narrow."""

import re

import pytest

from nbchat.testing import Say

START = "%load_ext nbchat\nimport nbchat"


@pytest.mark.parametrize("width", [1200, 700], ids=["wide", "narrow"])
def test_a_few_answers_stand_side_by_side(frontend, theme, width):
    """Cards, then a row for each run, one verdict, the plot; nothing is fetched from elsewhere."""
    frontend.open(
        [
            START,
            "%%chat -t 0,0.7,1.3 --repeat 2 --max-tokens 60 --seed 3 --score len << s\nWhat is a list comprehension?",
        ],
        theme=theme,
        width=width,
    )
    frontend.run_all()
    said = frontend.output_text(1)
    assert "6 runs: 3 temperature × 2 repeats" in said
    assert frontend.output(1).locator("table").last.locator("tbody tr").count() == 6
    frontend.output(1).locator("img").wait_for()
    frontend.page.set_viewport_size({"width": width, "height": 1800})
    frontend.screenshot(f"sweep-few-{theme}-{width}")
    assert frontend.foreign_requests() == []


def test_many_answers_fold_into_their_rows(frontend, theme):
    """A row for each run in a frame of its own; a click on one unfolds its answer."""
    frontend.open(
        [START, "%%chat -t 0,0.3,0.6,0.9,1.2 --top-p 0.5,1 --repeat 3 --max-tokens 60 << s\nWhat is a generator?"],
        theme=theme,
    )
    frontend.run_all()
    rows = frontend.output(1).locator("table").last.locator("tbody tr")
    assert rows.count() == 30
    rows.nth(1).locator("summary").click()
    frontend.page.set_viewport_size({"width": 1200, "height": 1800})
    frontend.screenshot(f"sweep-many-{theme}")
    assert re.search(r"30 runs: 5 temperature × 2 top_p × 3 repeats", frontend.output_text(1))


def test_the_explorer_filters_sorts_and_compares(frontend, theme):
    """Widgets above, the rows that fit below, and what differs between two answers, word by word."""
    frontend.open(
        [
            START,
            "sweep = nbchat.Session(max_tokens=40, seed=5).sweep('What is a class?', temperature=[0, 1, 1.5], repeat=3)",
            "sweep.explore()",
        ],
        theme=theme,
    )
    frontend.run_all()
    explorer = frontend.output(2)
    rows = explorer.locator("tbody tr")
    rows.first.wait_for()
    assert rows.count() == 9
    explorer.get_by_label("temperature").select_option("1.5")
    explorer.get_by_label("compare").select_option(index=1)
    explorer.get_by_label("with", exact=True).select_option(index=9)
    explorer.locator("ins").first.wait_for()
    assert rows.count() == 3
    frontend.page.set_viewport_size({"width": 1200, "height": 1800})
    explorer.scroll_into_view_if_needed()
    frontend.screenshot(f"sweep-explore-{theme}")


def test_what_if_follows_its_sliders(frontend, theme):
    """A slider moves, and the same answer's tokens change without a request; the saved notebook has the last state."""
    frontend.open(
        [
            START,
            "%%chat --seed 4 --logprobs --top-logprobs 10 --max-tokens 60 -t 1.2 << reply\nWhat is a generator?",
            "nbchat.what_if(reply, temperature=1)",
        ],
        theme=theme,
    )
    frontend.run_all()
    output = frontend.output(2)
    assert "At temperature 1 and top_p 1" in frontend.output_text(2)
    handle = output.locator(".noUi-handle").first
    handle.wait_for()
    handle.focus()
    for _ in range(10):
        frontend.page.keyboard.press("ArrowLeft")
    output.get_by_text(re.compile("^At temperature 0.5 and top_p 1")).wait_for()
    frontend.page.set_viewport_size({"width": 1200, "height": 1400})
    output.scroll_into_view_if_needed()
    frontend.screenshot(f"what-if-{theme}")
    saved = frontend.save().cells[2].outputs
    assert "At temperature 0.5" in saved[1]["data"]["text/html"]


HOSTILE = (
    "Between $5 and $10, or <script>window.owned=1</script><img src=x onerror='window.owned=1'> "
    "![a](http://elsewhere.test/a.png) </div></td></table> [b](javascript:window.owned=1) \\(x^2\\)"
)


def test_nothing_of_an_answer_is_live_now_or_in_the_saved_notebook(frontend, server):
    """Money is money, markup is text, nothing runs or is fetched; reopened without trust it reads the same."""
    server.default = Say(HOSTILE)
    connect = f"import os; os.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL='m')"
    frontend.open([f"{START}\n{connect}", "%%chat --repeat 2\nHi", "%%chat --repeat 8\nHi"])
    frontend.run_all()
    for reopened in (False, True):
        if reopened:
            saved = frontend.save()
            for cell in saved.cells:
                cell.metadata.pop("trusted", None)
            frontend.open(saved)
        for index, answers in ((1, 2), (2, 8)):
            output = frontend.output(index)
            for summary in output.locator("summary").all():
                summary.click()
            assert frontend.output_text(index).count("Between $5 and $10, or <script>") >= answers
            assert output.locator("script, a, mjx-container, .MathJax, img[src^='x'], img[src^='http']").count() == 0
        assert frontend.page.evaluate("window.owned") is None
        assert frontend.foreign_requests() == []
