"""The panel in the real front-ends: typed, clicked, stopped, photographed, saved."""

import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from nbchat.testing import Say
from tests.browser.frontends import KERNELSPEC, SHOTS
from tests.environment import ROOT, clean_environment

START = "%load_ext nbchat"
SHOW = "%chat panel"
LONG = "A sentence of *some* words. " * 2000


class PanelPage:
    """The panel on a page, as a reader sees and uses it."""

    def __init__(self, page):
        self.page = page
        self.root = page.locator(".nbchat-panel")
        self.reply = self.root.locator(".nbchat-reply")
        self.message = self.root.get_by_label("Message", exact=True)
        self.cell = self.root.get_by_label("Cell", exact=True)
        expect(self.root).to_be_visible()

    def row(self, name):
        """The row of a parameter."""
        label = self.page.locator(".widget-label", has_text=name).filter(visible=True)
        return self.root.locator(".nbchat-control").filter(has=label).first

    def box(self, name):
        """The box that a parameter is typed into."""
        return self.row(name).locator("input[type=text]").first

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


def test_a_message_is_answered_in_the_panel_and_kept_below_it(frontend, app, theme):
    """Typed, sent from the keyboard, read; saved, the transcript is ordinary output and no widget's."""
    panel = open_panel(frontend, app=app, theme=theme)
    panel.photograph(f"panel-fresh-{app}-{theme}")
    expect(panel.cell).to_have_value("%%chat -m nbchat-demo")
    panel.type("temperature", "0.7")
    panel.type("seed", "1")
    expect(panel.cell).to_have_value("%%chat -m nbchat-demo -t 0.7 --seed 1")
    panel.send("What is a list comprehension?")
    expect(panel.reply).to_contain_text("tokens/s")
    expect(panel.message).to_have_value("")
    expect(panel.root.get_by_label("History").locator("option")).to_have_count(1)
    frontend.wait_idle()
    panel.photograph(f"panel-{app}-{theme}")
    outputs = frontend.save().cells[1].outputs
    kept = "".join(output.data.get("text/markdown", "") for output in outputs)
    assert "What is a list comprehension?" in kept
    assert "nbchat-demo" in kept
    assert "widget" not in kept
    assert frontend.foreign_requests() == []
    assert frontend.errors == []


def test_it_fits_a_narrow_window(frontend):
    """At 700 px nothing stands outside the panel, and nothing of it outside the page."""
    panel = open_panel(frontend, width=700)
    frontend.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    panel.button("▸ More parameters").click()
    expect(panel.row("logprobs")).to_be_visible()
    panel.photograph("panel-700")
    width = panel.root.bounding_box()["width"]
    assert panel.root.evaluate("node => node.scrollWidth") <= width + 1
    outside = panel.root.evaluate(
        """node => { const edge = node.getBoundingClientRect().right + 1;
        return [...node.querySelectorAll('input, select, textarea, button')]
          .filter(part => part.offsetParent && part.getBoundingClientRect().right > edge).length; }"""
    )
    assert outside == 0


RESET = """import nbchat
session = nbchat.session("default")
session.clear()
session.params, session.system = nbchat.Params(), None
%chat switch default"""


@pytest.fixture(scope="module")
def page(new_frontend):
    """One page for the tests that need no more."""
    with new_frontend() as frontend:
        frontend.open([START, RESET, SHOW, "%chat set temperature=0.25", "session.params", "%chat"]).run(0)
        yield frontend


@pytest.fixture
def panel(page):
    """A fresh panel on the shared page."""
    page.run(1).run(2)
    return PanelPage(page.page)


def test_unset_is_seen_and_one_click_brings_it_back(panel, page):
    expect(panel.box("temperature")).to_have_value("")
    expect(panel.box("temperature")).to_have_attribute("placeholder", "not sent")
    unset = panel.row("temperature").get_by_role("button", name="×")
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
    assert handle.get_attribute("aria-label") == "temperature"


def test_a_bad_value_is_said_beside_it(panel):
    panel.type("temperature", "9")
    expect(panel.row("temperature")).to_contain_text("temperature must be a number from 0 to 2; got '9'.")
    panel.send("hello")
    expect(panel.root).to_contain_text("Nothing was sent.")
    panel.photograph("panel-bad")
    panel.type("temperature", "0.9")
    expect(panel.row("temperature")).not_to_contain_text("must be")


def test_the_kernel_is_free_and_stop_stops_while_a_cell_runs(frontend, app, server):
    """Other cells run while an answer comes; with one of them blocking the kernel, Stop acts all the same."""
    panel = open_panel(frontend, "print(6 * 7)", "import time; time.sleep(20)", before=(endless(server),), app=app)
    panel.send("Tell me about classes.")
    expect(panel.reply.locator(".jp-RenderedMarkdown").first).to_be_visible()
    frontend.run(3)
    assert frontend.output_text(3).strip() == "42"
    expect(panel.button("Stop")).to_be_enabled()
    frontend.run(4, wait=False)
    expect(frontend.cell(4)).to_contain_text("[*]")
    panel.button("Stop").click()
    expect(panel.reply).to_contain_text("stopped: this answer is not whole", timeout=5000)
    expect(frontend.cell(4)).to_contain_text("[*]")  # the cell still holds the kernel
    frontend.interrupt()
    frontend.wait_idle()


def test_nothing_jumps_while_an_answer_comes(frontend, server):
    """What stands above the answer stays where it is, to the pixel, and the answer never shrinks."""
    panel = open_panel(frontend, before=(endless(server),))
    panel.message.fill("Tell me about classes.")
    panel.root.evaluate(
        """node => {
        const message = node.querySelector('.nbchat-message'), reply = node.querySelector('.nbchat-reply');
        window.seen = {tops: new Set(), shrunk: 0, last: 0};
        const look = () => {
          seen.tops.add(Math.round(message.getBoundingClientRect().top - node.getBoundingClientRect().top));
          const height = reply.getBoundingClientRect().height;
          if (height < seen.last - 1) seen.shrunk += 1;
          seen.last = height;
          window.looking = requestAnimationFrame(look);
        };
        look(); }"""
    )
    panel.message.press("Control+Enter")
    frontend.page.wait_for_function("() => seen.last > 500", timeout=30_000)
    seen = frontend.page.evaluate("() => ({tops: [...seen.tops], shrunk: seen.shrunk})")
    panel.button("Stop").click()
    assert len(seen["tops"]) == 1
    assert seen["shrunk"] <= 1


def test_the_line_is_copied_and_a_cell_is_loaded(panel):
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.type("top_p", "0.4")
    expect(panel.cell).to_have_value("%%chat -m nbchat-demo --top-p 0.4")
    panel.button("Copy").click()
    assert panel.page.evaluate("navigator.clipboard.readText()") == "%%chat -m nbchat-demo --top-p 0.4"
    panel.cell.fill("%%chat -t 0.3 --stop '\\n'\nWhy?")
    panel.cell.blur()
    expect(panel.box("temperature")).to_have_value("0.3")
    expect(panel.box("top_p")).to_have_value("")
    expect(panel.box("stop")).to_have_value("\\n")
    expect(panel.message).to_have_value("Why?")


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
    assert "default-2, 1 turns" in page.run(5).output_text(5)


def test_after_a_reload_the_panel_is_there_with_its_values(frontend):
    panel = open_panel(frontend)
    panel.type("temperature", "0.7")
    panel.send("What is a loop?")
    expect(panel.reply).to_contain_text("tokens/s")
    frontend.save()
    frontend.reload()
    panel = PanelPage(frontend.page)
    expect(panel.box("temperature")).to_have_value("0.7")
    expect(panel.reply).to_contain_text("You: What is a loop?")
    panel.send("And a class?")
    expect(panel.reply).to_contain_text("You: And a class?")


CONTRAST = """root => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * (top[3] ?? 1) + below[i] * (1 - (top[3] ?? 1)));
  const behind = node => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = colour => colour.map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (text, ground) => {
    const [a, b] = [light(over(text, ground)), light(ground)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const faint = [];
  for (const node of root.querySelectorAll('label, button, input, textarea, select, .widget-html-content, p, div')) {
    if (!node.offsetParent || node.disabled) continue;
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    const ground = behind(node);
    if (own || node.value) faint.push([node.textContent || node.value, ratio(parse(getComputedStyle(node).color), ground)]);
    if (node.placeholder && !node.value) {
      faint.push([node.placeholder, ratio(parse(getComputedStyle(node, '::placeholder').color), ground)]);
    }
  }
  return faint.filter(([, value]) => value < 4.5);
}"""


def test_every_word_has_contrast_enough(frontend, theme):
    """AA in both themes: labels, values, placeholders, buttons, what is wrong."""
    panel = open_panel(frontend, theme=theme)
    panel.button("▸ More parameters").click()
    panel.type("temperature", "9")
    expect(panel.row("temperature")).to_contain_text("must be")
    frontend.page.mouse.move(0, 0)
    assert panel.root.evaluate(CONTRAST) == []


@contextmanager
def voila(home):
    """A Voila server of one notebook; its address."""
    notebook = new_notebook(cells=[new_code_cell(START), new_code_cell(SHOW)], metadata={"kernelspec": KERNELSPEC})
    path = home / "panel.ipynb"
    nbformat.write(notebook, path)
    log = (home / "voila.log").open("w")
    command = [
        sys.executable,
        "-m",
        "voila",
        str(path),
        "--no-browser",
        f"--port={_free_port()}",
        "--Voila.ip=127.0.0.1",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(home), stdout=log, stderr=log)
    try:
        yield _address(process, home / "voila.log")
    finally:
        process.terminate()
        process.wait(15)
        log.close()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _address(process, log, seconds=60):
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        found = re.search(r"http://[\w.]+:\d+/", log.read_text())
        if found:
            return found[0]
        time.sleep(0.05)
    raise RuntimeError(f"Voila did not start:\n{log.read_text()[-3000:]}")


def test_it_works_in_voila(browser, server, tmp_path):
    """A dashboard without a notebook: asked, answered, stopped."""
    pytest.importorskip("voila")
    with voila(tmp_path) as address:
        context = browser.new_context(viewport={"width": 1000, "height": 900})
        page = context.new_page()
        page.goto(address, timeout=90_000)
        page.locator(".nbchat-panel").wait_for(timeout=60_000)
        panel = PanelPage(page)
        panel.send("What is a list comprehension?")
        expect(panel.reply).to_contain_text("tokens/s", timeout=20_000)
        panel.photograph("panel-voila")
        endless(server)
        panel.root.get_by_label("Endpoint").fill(server.base_url)
        panel.root.get_by_label("Endpoint").press("Enter")
        panel.type("Model", "gpt-test")
        panel.send("Tell me about classes.")
        expect(panel.reply).to_contain_text("A sentence", timeout=20_000)
        expect(panel.button("Stop")).to_be_enabled()
        panel.button("Stop").click()
        expect(panel.root).to_contain_text("Stopped.", timeout=20_000)
        context.close()
