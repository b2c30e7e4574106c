"""Sweeps and what-if in the real front-ends: what a reader sees, light and dark, wide and narrow."""

import re

import pytest
from playwright.sync_api import expect

from nbchat.testing import Say
from tests.browser.frontends import SHOTS, new_context
from tests.browser.looks import faint, nameless, tab_order

START = "%load_ext nbchat\nimport nbchat"
FEW = "%%chat -t 0,0.7,1.3 --repeat 2 --max-tokens 60 --seed 3 --score len << few\nWhat is a list comprehension?"
MANY = "%%chat -t 0,0.3,0.6,0.9,1.2 --top-p 0.5,1 --repeat 3 --max-tokens 60 << many\nWhat is a generator?"
EXPLORE = "many.explore()"
REPLY = "%%chat --seed 4 --logprobs --top-logprobs 10 --max-tokens 60 -t 1.2 << reply\nWhat is a generator?"
WHAT_IF = "nbchat.what_if(reply, temperature=1)"
LOOKS = [("light", 1200), ("dark", 700)]
SLOW = """
import time
from ipywidgets.widgets.widget import _instances
for widget in list(_instances.values()):
    if "nbchat-act" in getattr(widget, "_dom_classes", ()):
        widget.observe(lambda change: time.sleep(0.5), "value")
"""
"""Lets the kernel take half a second for an action: meanwhile ipywidgets holds back the next ones."""


@pytest.fixture(scope="module", params=["lab", "notebook"])
def page(request, new_frontend):
    """All of them in one notebook, run."""
    with new_frontend() as frontend:
        frontend.open([START, FEW, MANY, EXPLORE, REPLY, WHAT_IF, ""], app=request.param).run_all()
        if request.param == "lab":  # at 700 px the files beside it would leave it no room
            frontend.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
        yield frontend


def looked_at(page, index, name):
    """A cell's output in both themes, wide and narrow: readable, named, inside the page, and photographed."""
    output = page.output(index)
    for theme, width in LOOKS:
        page.wear(theme, width)
        page.page.set_viewport_size({"width": width, "height": 1800})
        output.evaluate("node => node.scrollIntoView()")
        page.screenshot(f"{name}-{page.app}-{theme}-{width}")
        assert faint(output) == []
        assert nameless(output) == []
        assert output.evaluate("node => node.scrollWidth - node.clientWidth") <= 1


def test_a_few_answers_stand_side_by_side(page):
    """Cards, then a row for each run, one verdict, the plot; nothing is fetched from elsewhere."""
    said = page.output_text(1)
    assert "6 runs: 3 temperatures × 2 repeats" in said
    assert page.output(1).locator("table").last.locator("tbody tr").count() == 6
    page.output(1).locator("img").wait_for()
    looked_at(page, 1, "sweep-few")
    assert page.foreign_requests() == []


def test_many_answers_fold_into_their_rows(page):
    """A row of one line for each run in a frame of its own, its answer in sight at 700 px; a click unfolds it."""
    assert re.search(r"30 runs: 5 temperatures × 2 top_p values × 3 repeats", page.output_text(2))
    rows = page.output(2).locator("table").last.locator("tbody tr")
    assert rows.count() == 30
    looked_at(page, 2, "sweep-many")
    summary = rows.nth(1).locator("summary")
    frame = page.output(2).locator("table").last.locator("..").bounding_box()
    box = summary.bounding_box()
    assert box["x"] + box["width"] <= frame["x"] + frame["width"]
    assert rows.nth(1).bounding_box()["height"] < 40
    summary.click()
    expect(rows.nth(1).locator("details > div")).to_be_visible()


def test_the_explorer_filters_sorts_and_compares(page):
    """Widgets above, the rows that fit below, and what differs between two answers, word by word."""
    explorer = page.output(3)
    rows = explorer.locator("tbody tr")
    assert rows.count() == 30
    explorer.get_by_label("temperature", exact=True).select_option("1.2")
    explorer.get_by_label("top_p", exact=True).select_option("1")
    explorer.get_by_label("compare").select_option(index=1)
    explorer.get_by_label("with", exact=True).select_option(index=30)
    expect(explorer.locator("ins").first).to_be_visible()
    expect(rows).to_have_count(3)
    looked_at(page, 3, "sweep-explore")
    explorer.get_by_label("words", exact=True).fill("no answer has these words")
    expect(explorer).to_contain_text("No run matches.")
    stops = tab_order(page.page, explorer)
    assert [stop["name"] for stop in stops] == [
        "temperature", "top_p", "words", "sort by", "descending", "blind", "compare", "with"
    ]  # fmt: skip
    assert all(stop["ring"] for stop in stops)


def test_answers_are_rated_sorted_and_stay_open(page):
    """Keys rate the row in focus, however slow the kernel is; a header sorts; an answer that was opened stays so; nothing
    scrolls sideways at 700 px.
    """
    page.write(6, SLOW)
    page.run(6)
    explorer = page.output(3)
    explorer.get_by_label("temperature", exact=True).select_option("1.2")
    explorer.get_by_label("top_p", exact=True).select_option("1")
    explorer.get_by_label("words", exact=True).fill("")
    page.page.keyboard.press("Enter")
    rows = explorer.locator("tr[data-nbchat-run]")
    up = rows.locator("[data-nbchat-thumb=up][aria-pressed=true]")
    expect(rows).to_have_count(3)
    rows.nth(1).locator("summary").click()
    run = rows.nth(1).get_attribute("data-nbchat-run")
    rows.first.focus()
    for key in ("+", "ArrowDown", "+", "ArrowDown", "+"):
        page.page.keyboard.press(key)
    expect(up).to_have_count(3)
    expect(explorer).to_contain_text("a rating")
    head = explorer.locator('th[data-nbchat-sort="run"]')
    head.click()
    expect(head).to_have_attribute("aria-sort", "descending")
    head.click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(explorer.locator(f'tr[data-nbchat-run="{run}"] details[open]')).to_be_visible()
    expect(up).to_have_count(3)
    looked_at(page, 3, "sweep-rate")
    frame = explorer.locator(".nbchat-table table").locator("..")
    assert frame.evaluate("node => node.scrollWidth - node.clientWidth") <= 1
    beyond = explorer.locator(".nbchat-explorer").evaluate(
        """node => { node.style.width = '800px';  // as in a panel
        const edges = [...node.querySelectorAll('.nbchat-judge *')].map(part => part.getBoundingClientRect().right);
        const beyond = Math.max(...edges) - node.getBoundingClientRect().right;
        node.style.width = '';
        return beyond; }"""
    )
    assert beyond <= 1


def test_what_if_follows_its_sliders(page):
    """A slider moves, and the same answer's tokens change without a request; the saved notebook has the last state.

    The arrows are the slider's: up and down leave neither it nor the cell.
    """
    output = page.output(5)
    assert "At temperature 1 and top_p 1" in page.output_text(5)
    handle = output.get_by_label("temperature").first
    handle.focus()
    for key in ["ArrowLeft"] * 9 + ["ArrowDown"]:
        page.page.keyboard.press(key)
    expect(output).to_contain_text("At temperature 0.5 and top_p 1")
    expect(handle).to_be_focused()
    output.locator("[data-nbchat-token]").nth(2).click()
    expect(output.locator("th").first).to_have_text("token 2")
    looked_at(page, 5, "what-if")
    assert "At temperature 0.5" in page.save().cells[5].outputs[1]["data"]["text/html"]


def test_they_work_in_voila(browser, voila):
    """The answers, the explorer and the sliders, with no notebook behind them."""
    context = new_context(browser, 1000, 2400)
    page = context.new_page()
    voila.open(page, [START, MANY, EXPLORE, REPLY, WHAT_IF], theme="dark")
    expect(page.get_by_text(re.compile("^At temperature 1 and top_p 1"))).to_be_visible()
    explorer = page.locator(".nbchat-explorer")
    explorer.get_by_label("temperature", exact=True).select_option("1.2")
    expect(explorer.locator("tbody tr")).to_have_count(6)
    page.locator(".noUi-handle").first.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_text(re.compile("^At temperature 0.5 and top_p 1"))).to_be_visible()
    assert faint(page.locator("body")) == []
    page.screenshot(path=SHOTS / "sweep-voila.png")
    context.close()


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
            assert output.locator("script, a, .MathJax_Error, img[src^='x'], img[src^='http']").count() == 0
            assert output.locator("mjx-container").count() == answers  # the formula, not the money
        assert frontend.page.evaluate("window.owned") is None
        assert frontend.foreign_requests() == []
