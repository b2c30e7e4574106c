"""The panel in the real front-ends: typed, clicked, stopped, photographed, saved."""

import itertools
import re
import threading
from dataclasses import dataclass
from typing import Any

import nbconvert
import pytest
from playwright.sync_api import expect

from nbchat.testing import Plain, Say, Status, Stream, Until, chunk, error
from tests.browser.frontends import HEIGHT, SHOTS, new_context
from tests.browser.looks import faint, moves, nameless, shrinks, tab_order, watch, watch_growth

START = "%load_ext nbchat"
SHOW = "%chat panel"
LONG = "A sentence of *some* words. " * 2000


@dataclass
class Late:
    """An answer that is sent when a test says so; names mean a list of models."""

    event: threading.Event
    answer: Any

    def steps(self, request):
        answer = self.answer
        if isinstance(answer, list):
            answer = Plain({"object": "list", "data": [{"id": name} for name in answer]})
        return [Until(self.event), *answer.steps(request)]


class PanelPage:
    """The panel on a page, as a user sees and operates it."""

    def __init__(self, page):
        self.page = page
        self.root = page.locator(".nbchat-panel")
        self.reply = self.root.locator(".nbchat-reply")
        self.message = self.root.get_by_label("Message", exact=True)
        self.cell = self.root.get_by_label("Cell", exact=True)
        expect(self.root).to_be_visible()
        expect(self.root).to_have_attribute("data-nbchat-panel", "yes")  # a moment later its own keys work

    def row(self, name):
        """The row of a parameter."""
        label = self.page.locator(".widget-label", has_text=name).filter(visible=True)
        return self.root.locator(".nbchat-control").filter(has=label).first

    def box(self, name):
        """The box that a parameter is typed into."""
        return self.row(name).locator("input[type=text]").first

    def unfold(self):
        """Show all settings."""
        if self.button("▾ All settings").is_visible():
            return self
        if self.button("▸ Settings").is_visible():
            self.button("▸ Settings").click()
        self.button("▸ All settings").click()
        expect(self.button("▾ All settings")).to_be_visible()
        return self

    def type(self, name, text):
        """Type a value, and Enter."""
        self.box(name).fill(text)
        self.box(name).press("Enter")

    def button(self, name):
        """A button by its text."""
        return self.root.get_by_role("button", name=name, exact=True)

    def send(self, text):
        """Write a message and send it from the keyboard."""
        self.message.fill(text)
        self.message.press("Control+Enter")

    def stop(self):
        """Stop what is being asked, and wait for its end."""
        self.button("Stop").click()
        expect(self.button("Stop")).to_be_disabled()

    def photograph(self, name):
        """Keep a picture of what is in the page, the panel at its top."""
        self.root.evaluate("node => node.scrollIntoView()")
        self.page.mouse.move(0, 0)
        self.page.screenshot(path=SHOTS / f"{name}.png")


def endless(server):
    """A cell that connects to a server whose answers take a minute, at a hundred words a second."""
    server.default = Say(LONG, chunks=6000, delay=0.01)
    return f"%chat connect {server.base_url} --model gpt-test"


def open_panel(frontend, *cells, before=(), **options):
    """A notebook whose second cell shows the panel."""
    frontend.open([START, *before, SHOW, *cells], **options)
    for index in range(len(before) + 2):
        frontend.run(index)
    return PanelPage(frontend.page)


def test_a_message_is_answered_in_the_panel_and_kept_below_it(frontend, app):
    """Typed, sent from the keyboard, read in both themes; saved, the transcript is ordinary output and no widget's."""
    panel = open_panel(frontend, app=app)
    panel.photograph(f"panel-fresh-{app}")
    panel.unfold()
    frontend.wait_idle()
    assert nameless(panel.root) == []
    expect(panel.cell).to_have_value("%%chat -m nbchat-demo")
    panel.type("temperature", "0.7")
    panel.type("seed", "1")
    expect(panel.cell).to_have_value("%%chat -m nbchat-demo -t 0.7 --seed 1")
    panel.send("What is a list comprehension?")
    expect(panel.reply).to_contain_text("tokens/s")
    expect(panel.message).to_have_value("")
    expect(panel.root.get_by_label("History").locator("option")).to_have_count(1)
    panel.unfold()
    panel.type("top_p", "9")
    expect(panel.row("top_p")).to_contain_text("must be")
    for theme in ("light", "dark"):
        frontend.wear(theme)
        panel.photograph(f"panel-{app}-{theme}")
        assert faint(panel.root) == []
    assert nameless(panel.root) == []
    outputs = frontend.save().cells[1].outputs
    kept = "".join(output.data.get("text/markdown", "") for output in outputs)
    assert "What is a list comprehension?" in kept
    assert "nbchat-demo" in kept
    assert "widget" not in kept
    assert frontend.foreign_requests() == []
    assert frontend.errors == []


RESET = """%chat connect off
import nbchat
session = nbchat.session("default")
session.clear()
session.params, session.system = nbchat.Params(), None
%chat switch default"""


SLOW = """
import time
from ipywidgets.widgets.widget import _instances
for widget in list(_instances.values()):
    if {"nbchat-message", "nbchat-number"} & set(getattr(widget, "_dom_classes", ())):
        for field in (widget, *getattr(widget, "children", ())):
            field.observe(lambda change: time.sleep(1), "value")
"""
"""Lets the kernel take a second to read the panel's fields: meanwhile ipywidgets holds back what else is typed."""


@pytest.fixture(scope="module")
def page(new_frontend):
    """One page shared by several tests."""
    with new_frontend() as frontend:
        frontend.open([START, RESET, SHOW, "%chat set temperature=0.25", "session.params", "%chat", SLOW, ""]).run(0)
        yield frontend


@pytest.fixture
def panel(page):
    """A fresh panel on the shared page."""
    page.page.set_viewport_size({"width": 1200, "height": HEIGHT})
    page.run(1).run(2)
    return PanelPage(page.page)


@pytest.fixture
def connected(page, server):
    """A fresh panel on the shared page, connected to the server."""
    page.write(7, f"%chat connect {server.base_url} --model gpt-test")
    page.run(1).run(7).run(2)
    return PanelPage(page.page)


def test_it_fits_a_narrow_window(panel, page):
    """At 700 px nothing overflows the panel or the page, and Tab goes from the top to the bottom."""
    page.wear("light", 700)
    page.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    panel.unfold()
    expect(panel.row("logprobs")).to_be_visible()
    stops = tab_order(panel.page, panel.root)
    assert all(later["top"] > earlier["top"] - 20 for earlier, later in itertools.pairwise(stops))
    assert {"temperature", "Message", "Send"} <= {stop["name"] for stop in stops}
    panel.photograph("panel-700")
    width = panel.root.bounding_box()["width"]
    assert panel.root.evaluate("node => node.scrollWidth") <= width + 1
    outside = panel.root.evaluate(
        """node => { const edge = node.getBoundingClientRect().right + 1;
        return [...node.querySelectorAll('input, select, textarea, button')]
          .filter(part => part.offsetParent && part.getBoundingClientRect().right > edge).length; }"""
    )
    assert outside == 0
    page.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    page.wear("light")


def test_unset_is_seen_and_one_click_brings_it_back(panel, page):
    expect(panel.box("temperature")).to_have_value("")
    expect(panel.box("temperature")).to_have_attribute("placeholder", "not sent")
    unset = panel.row("temperature").get_by_role("button", name="unset temperature", exact=True)
    expect(unset).to_be_hidden()
    page.run(3)
    expect(panel.box("temperature")).to_have_value("0.25")
    unset.click()
    expect(panel.box("temperature")).to_have_value("")
    assert "Params()" in page.run(4).output_text(4)


def test_a_slider_is_moved_by_keys(panel):
    """Tab reaches it, arrows move it, and the cell's line follows."""
    handle = panel.row("temperature").locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    expect(panel.cell).to_have_value("%%chat -m nbchat-demo -t 1.1")
    expect(handle).to_have_attribute("aria-label", "temperature")


def test_a_bad_value_is_reported_beside_it(panel):
    panel.type("temperature", "9")
    expect(panel.row("temperature")).to_contain_text("temperature must be a number from 0 to 2; got '9'.")
    panel.send("hello")
    expect(panel.root).to_contain_text("Nothing was sent.")
    panel.photograph("panel-bad")
    panel.type("temperature", "0.9")
    expect(panel.row("temperature")).not_to_contain_text("must be")


def test_after_a_restart_one_line_says_what_to_do(frontend):
    panel = open_panel(frontend)
    panel.send("What is a list comprehension?")
    expect(panel.reply).to_contain_text("tokens/s")
    frontend.page.evaluate("nbchatPanel().sessionContext.session.kernel.restart()")
    expect(panel.message).to_be_hidden()
    said = "getComputedStyle(node, '::after').content"
    assert "The kernel was restarted. Run this cell again." in panel.root.evaluate(f"node => {said}")
    assert panel.root.bounding_box()["height"] < 60


def test_the_end_of_the_answer_stays_visible_until_the_reader_scrolls(connected, page, server):
    """At 1280 x 800 a panel at the top of the page has its message box and 400 px of a long answer in view."""
    endless(server)
    page.page.set_viewport_size({"width": 1280, "height": 800})
    connected.root.evaluate("node => node.scrollIntoView()")
    connected.send("Tell me about classes.")
    pane = connected.root.locator(".nbchat-scroll")
    page.page.wait_for_function(
        """() => {
          const pane = document.querySelector('.nbchat-scroll');
          return pane.scrollTop > 200 && pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 40;
        }"""
    )
    box, message = pane.bounding_box(), connected.message.bounding_box()
    assert message["y"] > 90  # below the notebook's own bars
    assert box["y"] + 400 <= 775
    pane.hover()
    page.page.mouse.wheel(0, -150)
    page.page.wait_for_function(
        """() => {  // the place stays where it is while 600 px more arrive
          const {scrollTop: top, scrollHeight: height} = document.querySelector('.nbchat-scroll');
          if (window.nbchatHeld?.top !== top) window.nbchatHeld = {top, height};
          return height > window.nbchatHeld.height + 600;
        }"""
    )
    connected.stop()


def test_the_last_answer_of_a_sweep_stays_visible_until_the_reader_scrolls(connected, page, server):
    server.default = Say("word " * 30, chunks=30, delay=0.04)
    connected.cell.fill("%%chat --repeat 60\nHello")
    connected.cell.press("Tab")
    connected.button("Send").click()
    pane = connected.root.locator(".nbchat-scroll")
    page.page.wait_for_function("() => document.querySelector('.nbchat-scroll').scrollTop > 100")
    pane.hover()
    page.page.mouse.wheel(0, -2000)
    page.page.wait_for_function("() => document.querySelector('.nbchat-scroll').scrollTop < 20")
    done = int(re.search(r"(\d+) of 60", connected.reply.inner_text())[1])
    page.page.wait_for_function(
        "done => document.querySelector('.nbchat-reply').textContent.match(/(\\d+) of 60/)[1] > done + 8", arg=done
    )
    assert pane.evaluate("node => node.scrollTop") < 20
    connected.stop()


def test_the_kernel_is_free_and_stop_stops_while_a_cell_runs(frontend, app, server):
    """Other cells run while an answer comes; with one of them blocking the kernel, Stop acts all the same."""
    panel = open_panel(frontend, "print(6 * 7)", "import time; time.sleep(600)", before=(endless(server),), app=app)
    panel.send("Tell me about classes.")
    expect(panel.reply.locator(".jp-RenderedMarkdown").first).to_be_visible()
    frontend.run(3)
    assert frontend.output_text(3).strip() == "42"
    expect(panel.button("Stop")).to_be_enabled()
    frontend.run(4, wait=False)
    expect(frontend.cell(4)).to_contain_text("[*]")
    panel.button("Stop").click()
    expect(panel.reply).to_contain_text("stopped: this answer is incomplete")
    expect(frontend.cell(4)).to_contain_text("[*]")  # the cell still holds the kernel
    frontend.interrupt()
    frontend.wait_idle()


def test_nothing_jumps_while_an_answer_comes(connected, page, server):
    """From Send to the footer no control moves by a pixel, and the answer only grows."""
    for width in (1200, 700):
        page.wear("light", width)
        connected.message.fill(f"Tell me about classes, at {width} px.")
        cleared = threading.Event()
        server.default = Late(cleared, Say("A sentence of *some* words.\n\n" * 80, chunks=200, delay=0.01))
        watch(connected.root, connected.reply)
        connected.message.press("Control+Enter")
        expect(connected.reply).to_contain_text(f"{width} px")  # the answer before this one is gone
        watch_growth(connected.reply)
        cleared.set()
        expect(connected.reply).to_contain_text("tokens/s")
        page.wait_idle()
        assert moves(page.page) == []
        assert shrinks(page.page) <= 1  # where a paragraph goes from one output to the next


def test_the_line_is_copied_and_a_cell_is_loaded(panel):
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.type("top_p", "0.4")
    expect(panel.cell).to_have_value("%%chat -m nbchat-demo --top-p 0.4")
    panel.button("Copy").click()
    panel.page.wait_for_function(
        "line => navigator.clipboard.readText().then(text => text === line)", arg="%%chat -m nbchat-demo --top-p 0.4"
    )
    panel.cell.fill("%%chat -t 0.3 --stop '\\n'\nWhy?")
    panel.cell.blur()
    expect(panel.box("temperature")).to_have_value("0.3")
    expect(panel.box("top_p")).to_have_value("")
    panel.unfold()
    expect(panel.box("stop")).to_have_value("\\n")
    expect(panel.message).to_have_value("Why?")


def test_half_typed_text_stays(panel, server):
    """A list of models or a failure that arrives meanwhile does not replace the text being typed."""
    late = threading.Event()
    server.models = Late(late, ["gpt-one", "gpt-two"])
    panel.unfold()
    panel.root.get_by_label("Endpoint").fill(server.base_url)
    panel.root.get_by_label("Endpoint").press("Enter")
    panel.box("Model").press_sequentially("gpt-o ")
    late.set()
    expect(panel.root.locator("datalist option[value=gpt-one]")).to_have_count(1)
    expect(panel.box("Model")).to_have_value("gpt-o ")
    panel.box("Model").press("Enter")
    expect(panel.cell).to_have_value(re.compile("^%%chat -m gpt-o --base-url"))
    panel.type("Model", "gpt-one")
    failing = threading.Event()
    refused = Late(failing, Status(400, error("This is refused.")))
    server.default = refused
    panel.send("A question that fails.")
    expect(panel.message).to_have_value("")
    panel.message.press_sequentially("Another que")
    failing.set()
    expect(panel.root).to_contain_text("This is refused.")
    expect(panel.message).to_have_value("Another que")
    expect(panel.message).to_be_focused()


def test_undo_and_fork_work_from_the_history(panel, page):
    for text in ("one", "two"):
        panel.send(text)
        expect(panel.reply).to_contain_text(f"You: {text}")
        expect(panel.reply).to_contain_text("tokens/s")
        expect(panel.button("Fork")).to_be_enabled()
    panel.button("Fork").click()
    expect(panel.root.get_by_label("Session")).to_have_value("default-2")
    panel.button("Undo").click()
    expect(panel.root.get_by_label("History").locator("option")).to_have_count(1)
    expect(panel.message).to_have_value("two")
    assert "default-2, 1 turn" in page.run(5).output_text(5)


@pytest.mark.parametrize("way", ["button", "key"])
def test_what_is_sent_is_what_is_seen(panel, page, way):
    """However slow the kernel is, Send does not overtake what was typed before it."""
    page.run(6)
    panel.type("temperature", "0.5")
    panel.type("temperature", "0.75")
    panel.message.fill("half a question")
    panel.message.blur()
    panel.message.fill("the whole question")
    if way == "button":
        panel.button("Send").click()
    else:
        panel.message.press("Control+Enter")
    expect(panel.reply).to_contain_text("You: the whole question")
    expect(panel.reply).to_contain_text("-t 0.75")
    expect(panel.root.get_by_label("History").locator("option")).to_have_count(1)


def test_what_is_sent_during_an_answer_is_asked_next(connected, server):
    """Held keys count once; what is typed on is not sent."""
    rest = [threading.Event() for _ in range(3)]
    answers = iter([Stream([chunk(f"Answer {n}", finish="stop"), Until(gate)]) for n, gate in enumerate(rest)])
    server.default = lambda request: next(answers) if "completions" in request.path else Status(404)
    connected.send("One?")
    expect(connected.reply).to_contain_text("Answer 0")
    connected.message.fill("Two?")
    for _ in range(3):
        connected.page.keyboard.down("Control")
        connected.page.keyboard.down("Enter")  # repeated until it is released
    connected.page.keyboard.up("Enter")
    connected.page.keyboard.up("Control")
    expect(connected.root).to_contain_text("will be sent when the answer is complete")
    rest[0].set()
    expect(connected.reply).to_contain_text("Answer 1")
    expect(connected.message).to_have_value("")
    connected.send("Three?")
    expect(connected.root).to_contain_text("will be sent when the answer is complete")
    connected.message.press_sequentially(" And")
    expect(connected.root.locator(".nbchat-draft textarea")).to_have_value("Three? And")
    rest[1].set()
    expect(connected.root).to_contain_text("edited meanwhile, so it was not sent")
    expect(connected.message).to_have_value("Three? And")


def test_keys_are_the_panels_own(panel, page):
    """Tab goes through it as it is read; letters and arrows do nothing to the notebook; Escape goes back to it."""
    for theme in ("light", "dark"):
        page.wear(theme)
        stops = tab_order(panel.page, panel.root)
        assert all(stop["ring"] for stop in stops)
    names = [stop["name"] for stop in stops]
    assert names[:2] == ["Message", "Send"]
    column = names.index("Model")
    assert names[column : column + 3] == ["Model", "temperature", "temperature"]
    tops = [stop["top"] for stop in stops]
    for part in (tops[:column], tops[column:]):
        assert all(later > earlier - 20 for earlier, later in itertools.pairwise(part))
    cells = "() => [nbchatPanel().content.widgets.length, nbchatPanel().content.activeCellIndex]"
    before = page.page.evaluate(cells)
    for part in (panel.row("temperature").locator(".noUi-handle"), panel.message):
        part.focus()
        for key in ("ArrowDown", "b", "ArrowUp", "Shift+Enter"):
            page.page.keyboard.press(key)
        expect(part).to_be_focused()
        page.page.keyboard.press("Escape")
        expect(part).not_to_be_focused()
    assert page.page.evaluate(cells) == before
    panel.message.fill("hello")
    panel.message.press("Meta+Enter")
    expect(panel.reply).to_contain_text("You: hello")
    expect(panel.reply).to_contain_text("tokens/s")


def kept(frontend, index):
    """Return a cell's outputs in the file for readers without a kernel."""
    outputs = frontend.save().cells[index].outputs
    return "".join(output.data.get("text/markdown", "") for output in outputs)


def loaded_again(frontend, address):
    """The panel in a page that is loaded anew.

    If the page is busy for two seconds meanwhile, ipywidgets may stop waiting for a widget that it has just loaded: then
    once more, as a user would.
    """
    frontend.page.goto(address)
    lost = frontend.page.get_by_text("Error displaying widget: model not found")
    for _ in range(5):
        frontend.wait_idle()
        expect(lost.or_(frontend.page.locator(".nbchat-panel"))).to_be_visible()
        if not lost.count():
            break
        frontend.page.reload()
    return PanelPage(frontend.page)


def test_answers_survive_a_reload_and_a_kernel_restart(frontend, server, app):
    """Reload the page during an answer: everything is there, and after running the cell again in the file too.

    A page with a new kernel and nbconvert then read the file without the panel.
    """
    panel = open_panel(frontend, before=(f"%chat connect {server.base_url} --model gpt-test",), app=app)
    panel.type("temperature", "0.7")
    answers = [Say("The *first* answer.")]
    server.default = lambda _request: answers[-1]
    panel.send("One?")
    expect(panel.reply).to_contain_text("6 tokens")
    rest = threading.Event()
    answers.append(Stream([chunk("Half of the second"), Until(rest), chunk(" answer", finish="stop")]))
    panel.send("Two?")
    expect(panel.reply).to_contain_text("Half of the second")
    assert "The *first* answer." in kept(frontend, 2)
    address = frontend.page.url
    frontend.page.goto("about:blank")
    rest.set()
    panel = loaded_again(frontend, address)
    expect(panel.reply).to_contain_text("Half of the second answer")
    expect(panel.box("temperature")).to_have_value("0.7")
    expect(panel.root).to_contain_text("Run that cell again so that the notebook saves the conversation")
    frontend.run(2)
    saved = frontend.save()
    assert "Half of the second answer" in kept(frontend, 2)
    html, _ = nbconvert.HTMLExporter().from_notebook_node(saved)
    reopened = frontend.open(saved, app=app).output(2)
    for text in ("One?", "The first answer.", "Two?", "Half of the second answer"):
        assert text in re.sub(r"<[^>]*>", "", html)
        expect(reopened).to_contain_text(text)
    reopened.locator("summary").first.click()
    expect(reopened.get_by_text("The first answer.")).to_be_visible()


def test_it_works_in_voila(browser, voila, server):
    """A dashboard without a notebook: asked, answered, stopped."""
    context = new_context(browser, 1000, 900)
    page = context.new_page()
    voila.open(page, [START, SHOW])
    page.locator(".nbchat-panel").wait_for()
    panel = PanelPage(page)
    panel.send("What is a list comprehension?")
    expect(panel.reply).to_contain_text("tokens/s")
    panel.photograph("panel-voila")
    endless(server)
    panel.unfold()
    panel.root.get_by_label("Endpoint").fill(server.base_url)
    panel.root.get_by_label("Endpoint").press("Enter")
    panel.type("Model", "gpt-test")
    panel.send("Tell me about classes.")
    expect(panel.reply).to_contain_text("A sentence")
    expect(panel.button("Stop")).to_be_enabled()
    panel.button("Stop").click()
    expect(panel.root).to_contain_text("Stopped.")
    context.close()
