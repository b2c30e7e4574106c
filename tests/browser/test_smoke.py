"""The ground the other browser tests stand on: both front-ends run cells, show them, save them and keep them."""

from playwright.sync_api import expect

MARKDOWN = "from IPython.display import Markdown\nMarkdown('**bold** and $x^2$')"


def test_output_shows_in_both_front_ends_and_themes(frontend, app, theme):
    frontend.open(["print(1 + 1)", MARKDOWN], app=app, theme=theme).run_all()
    assert frontend.output_text(0).strip() == "2"
    expect(frontend.output(1).locator("strong")).to_have_text("bold")
    expect(frontend.output(1).locator("mjx-container")).to_be_visible()
    assert frontend.page.evaluate("document.body.dataset.jpThemeLight") == str(theme == "light").lower()
    assert frontend.screenshot(f"smoke-{app}-{theme}").stat().st_size > 0
    assert frontend.foreign_requests() == []
    assert frontend.errors == []


def test_what_is_typed_is_run_saved_and_there_after_a_reload(frontend, app):
    frontend.open(["x = 20"], app=app)
    frontend.type_into(0, " + 1\nprint(2 * x)")
    saved = frontend.run(0).save()
    assert saved.cells[0].source == frontend.source(0) == "x = 20 + 1\nprint(2 * x)"
    assert saved.cells[0].outputs[0].text == "42\n"
    assert frontend.reload().output_text(0).strip() == "42"
    assert frontend.run(0).output_text(0).strip() == "42"


def test_an_interrupt_stops_the_cell(frontend, app):
    frontend.open(["import time\nprint('on')\ntime.sleep(600)"], app=app).run(0, wait=False)
    expect(frontend.output(0)).to_contain_text("on")
    frontend.interrupt()
    frontend.wait_idle()
    assert "KeyboardInterrupt" in frontend.output_text(0)


def test_a_request_that_leaves_the_page_is_noticed(frontend, app):
    listener = "http://127.0.0.1:9/"
    frontend.open([f"from IPython.display import Markdown\nMarkdown('![x]({listener}x.png)')"], app=app).run(0)
    assert frontend.requests_to(listener) == frontend.foreign_requests() == [f"{listener}x.png"]
    assert frontend.errors != []
