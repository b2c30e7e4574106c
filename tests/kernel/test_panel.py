"""`%chat panel` in a real kernel: its widgets moved by the messages that a front-end sends."""

import re
import threading

import pytest

from nbchat.testing import Hang, Say, Stream, Until, chunk, tool_call
from tests.environment import PATIENCE
from tests.kernel.widgets import Widgets

SECRET = "sk-test-4f9a8b7c6d5e4f3a2b1c"


@pytest.fixture(params=["shell", "subshell"])
def subshell(request, kernel):
    """Where the front-end sends widgets' messages: to the main shell (ipykernel 6), or beside it (7 and later)."""
    if request.param == "shell":
        return None
    if "kernel subshells" not in kernel.info().get("supported_features", ()):
        pytest.skip("this kernel has no subshells")
    return kernel.open_subshell()


class PanelCell:
    """A cell that shows the panel, and its widgets."""

    def __init__(self, kernel, subshell):
        self.run = kernel.start("%chat panel")
        (view,) = self.run.wait().mime("application/vnd.jupyter.widget-view+json")
        self.widgets = Widgets(kernel, view["model_id"], subshell)

    def send(self, text):
        """Write a message and click Send, as a front-end does: the box reports what is in it when it loses the focus."""
        self.widgets.type("Message", text)
        self.widgets.click("Send")

    def until(self, reached):
        """Receive messages until this is so."""
        self.run.until(lambda _run: reached(self.widgets.fold()))

    def until_shows(self, text):
        """Receive messages until the reply area shows a text."""
        self.until(lambda widgets: text in self.reply)

    def until_rest(self):
        """Receive messages until Send can be clicked again, and Stop can't."""
        self.until(lambda widgets: [widgets.state(name)["disabled"] for name in ("Send", "Stop")] == [False, True])

    @property
    def reply(self):
        """What stands in the panel's reply area."""
        return "\n".join(self.widgets.texts("nbchat-reply"))

    @property
    def kept(self):
        """What a saved notebook keeps of the cell."""
        return "\n".join(output["data"].get("text/markdown", "") for output in self.run.page.outputs)


@pytest.fixture
def panel(load, kernel, subshell):
    """A panel that talks to the server, in a session of its own."""
    load(key=SECRET)
    return PanelCell(kernel, subshell)


def posts(server):
    return [request for request in server.requests if request.method == "POST"]


def test_send_answers_in_the_panel_and_the_cell_keeps_it(panel, server):
    """The transcript is ordinary output of the panel's own cell; no message of a widget holds the key."""
    server.add(Say("The *answer*.", usage=(7, 3)))
    panel.widgets.type("top_p", 0.25)
    panel.send("What is it?")
    panel.until_shows("7 → 3 tokens")
    panel.until(lambda _widgets: "What is it?" in panel.kept)
    panel.until_rest()
    assert "The *answer*." in panel.reply
    assert "The *answer*." in panel.kept
    assert panel.widgets.state("Message")["value"] == ""
    assert panel.widgets.state("Cell")["value"] == "%%chat -m scripted-1 --top-p 0.25"
    (request,) = posts(server)
    assert request.json["top_p"] == 0.25
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in str([panel.run._kernel.comms, panel.run._kernel.stray, panel.run.messages])


def test_other_cells_run_while_an_answer_comes_and_none_of_it_is_in_them(panel, server, kernel):
    gate = threading.Event()
    server.add(Stream([chunk("Half an"), Until(gate), chunk(" answer"), chunk(finish_reason="stop")]))
    panel.send("Go")
    panel.until_shows("Half an")
    other = kernel.run("print(6 * 7)")
    assert (other.status, other.stdout) == ("ok", "42\n")
    assert [kind for kind, _ in other.messages if kind.endswith("display_data")] == []
    gate.set()
    panel.until_shows("Half an answer")
    panel.until(lambda _widgets: "Half an answer" in panel.kept)
    panel.until_rest()
    assert "Half an answer" not in str(kernel.run("'nothing here'").outputs)


def test_stop_closes_the_connection_and_keeps_the_partial_answer(panel, server, kernel):
    """Three times: Stop is there while an answer comes; the next message goes out as ever."""
    for count in ("once", "twice", "thrice"):
        server.add(Stream([chunk(f"Told {count}"), Hang()]))
        panel.send("Tell me")
        panel.until_shows(f"Told {count}")
        assert not panel.widgets.state("Stop")["disabled"]
        panel.widgets.click("Stop")
        assert posts(server)[-1].closed.wait(PATIENCE)
        panel.until_rest()
    assert kernel.run("print({turn.reply.status for turn in registry.current.turns})").stdout == "{'interrupted'}\n"
    server.add(Say("A new one."))
    panel.send("Again")
    panel.until_shows("A new one.")
    panel.until_rest()


def test_stop_works_while_another_cell_holds_the_kernel(panel, server, kernel, subshell):
    """Where widgets' messages have a shell of their own; else they wait for the cell, whatever a widget does."""
    if subshell is None:
        pytest.skip("the kernel reads no widget's message while a cell runs")
    server.add(Stream([chunk("Once upon"), Hang()]))
    panel.send("Tell me")
    panel.until_shows("Once upon")
    holding = kernel.start("print('holding')\nwhile not registry.current.turns: __import__('time').sleep(0.01)")
    holding.until(lambda run: run.page.outputs)
    panel.widgets.click("Stop")
    assert holding.wait().status == "ok"
    assert posts(server)[-1].closed.wait(PATIENCE)
    panel.until_rest()


def test_a_tool_asks_in_the_panel_and_no_cell_has_to_run(panel, server, kernel):
    kernel.run("@registry.current.tool\ndef drop(table: str) -> str:\n    return 'dropped ' + table\n")
    server.add(Say("", tool_calls=[tool_call("drop", {"table": "users"})]), Say("Done."))
    panel.send("Drop it")
    panel.until(lambda widgets: "nbchat-none" not in widgets.states[widgets.classed("nbchat-approval")]["_dom_classes"])
    panel.widgets.click("Allow")
    panel.until_shows("Done.")
    panel.until_rest()
    assert posts(server)[-1].json["messages"][-1]["content"] == "dropped users"


def test_a_panel_shown_anew_brings_its_transcript_along(panel, server, kernel):
    """As when its cell is run again: all that was asked stands there as ordinary output."""
    server.add(Say("The first."))
    panel.send("One")
    panel.until(lambda _widgets: "The first." in panel.kept)
    panel.until_rest()
    again = PanelCell(kernel, None)
    assert "The first." in again.kept


def test_settings_of_cells_and_panel_are_one_thing(panel, server, kernel):
    kernel.run("%chat set temperature=0.5")
    panel.until(lambda widgets: "-t 0.5" in widgets.state("Cell")["value"])
    panel.widgets.type("temperature", 1.5)
    panel.until(lambda widgets: "-t 1.5" in widgets.state("Cell")["value"])
    assert kernel.run("print(registry.current.params.temperature)").stdout == "1.5\n"


def test_five_panels_of_one_cell_leave_one_without_cell_ids(kernel):
    """Each later panel takes the place of the one before it, with all its widgets."""
    kernel.run("%load_ext nbchat\n%chat panel")
    kernel.comms.clear()
    for _ in range(5):
        assert kernel.run("%chat panel").status == "ok"
    kinds = [kind for kind, _ in kernel.comms]
    assert 0 < kinds.count("comm_open") == kinds.count("comm_close")


def test_the_result_of_a_sweep_is_at_hand_under_the_name_that_the_panel_gives_it(panel, server, kernel):
    server.default = lambda request: Say("A word.")
    panel.widgets.type("Cell", "%%chat -t 0,1")
    panel.until(lambda widgets: widgets.state("Cell")["value"] == "%%chat -m scripted-1 -t 0,1")
    panel.send("Which?")
    panel.until(lambda _widgets: "to_frame()" in str(panel.run.page.outputs))
    name = re.search(r"Out\[\d+\]\.result", str(panel.run.page.outputs))[0]
    seen = kernel.run(f"print(len({name}))")
    assert seen.stdout == "2\n", seen.error
