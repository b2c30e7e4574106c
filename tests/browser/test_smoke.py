"""The ground the other browser tests stand on: both front-ends run cells, show them, save them and keep them."""

import pytest
from playwright.sync_api import expect

from tests.browser.frontends import SHOTS

LISTENER = "http://127.0.0.1:9/"
CELLS = [
    "print(1 + 1)",
    "from IPython.display import Markdown\nMarkdown('**bold** and $x^2$')",
    "x = 20",
    "import time\nprint('on')\ntime.sleep(600)",
    f"Markdown('![x]({LISTENER}x.png)')",
]


@pytest.fixture(scope="module", params=["lab", "notebook"])
def page(request, new_frontend):
    """Each front-end with one notebook for all that follows."""
    with new_frontend() as frontend:
        yield frontend.open(CELLS, app=request.param)


def test_output_shows_in_both_themes(page):
    page.run(0).run(1)
    for theme in ("light", "dark"):
        page.wear(theme)
        assert page.output_text(0).strip() == "2"
        expect(page.output(1).locator("strong")).to_have_text("bold")
        expect(page.output(1).locator("mjx-container")).to_be_visible()
        assert page.page.evaluate("document.body.dataset.jpThemeLight") == str(theme == "light").lower()
    assert page.screenshot("smoke").parent == SHOTS
    assert page.foreign_requests() == []
    assert page.errors == []


def test_a_typed_cell_is_run_saved_and_there_after_a_reload(page):
    page.type_into(2, " + 1\nprint(2 * x)")
    saved = page.run(2).save()
    assert saved.cells[2].source == page.source(2) == "x = 20 + 1\nprint(2 * x)"
    assert saved.cells[2].outputs[0].text == "42\n"
    assert page.reload().output_text(2).strip() == "42"
    assert page.run(2).output_text(2).strip() == "42"


def test_an_interrupt_stops_the_cell(page):
    page.run(3, wait=False)
    expect(page.output(3)).to_contain_text("on")
    page.interrupt()
    page.wait_idle()
    assert "KeyboardInterrupt" in page.output_text(3)


def test_a_request_that_leaves_the_page_is_noticed(page):
    page.run(4)
    assert page.requests_to(LISTENER) == page.foreign_requests() == [f"{LISTENER}x.png"]
    assert page.errors != []
