"""Several values in the panel make Send a sweep, with the result of the cell's."""

import json

import pytest

from nbchat.conversation.session import Session
from nbchat.testing import Hang, Say, Stream, chunk
from tests.panel.panels import posts, until


@pytest.fixture
def session(server):
    return Session(base_url=server.base_url, model="m")


def test_several_values_in_a_row_are_asked_side_by_side(hand, session, server):
    """The line says so, each value is sent once, the result has a row for each, and the history is as it was."""
    here = hand(session)
    here.type("temperature", "0, 0.5,1")
    assert here.box("temperature").value == "0, 0.5, 1"
    assert "-t 0,0.5,1" in here.labelled("Cell").value
    here.send("Hello")
    here.wait()
    assert sorted(json.loads(request.body)["temperature"] for request in posts(server)) == [0, 0.5, 1]
    assert [run.setting["temperature"] for run in here.panel.result] == [0, 0.5, 1]
    assert "3 runs: 3 temperatures" in here.replied()
    assert session.turns == ()
    assert session.params.temperature is None


def test_models_are_tried_as_well_and_one_value_is_one_again(hand, session, server):
    here = hand(session)
    here.type("model", "a, b")
    assert "-m a,b" in here.labelled("Cell").value
    here.send("Hello")
    here.wait()
    assert sorted(json.loads(request.body)["model"] for request in posts(server)) == ["a", "b"]
    here.type("model", "c")
    here.send("Again")
    here.wait()
    assert [turn.params.model for turn in session.turns] == ["c"]


def test_unsetting_removes_all_values_and_a_wrong_one_is_reported(hand, session):
    here = hand(session)
    here.type("temperature", "0, 7")
    assert "temperature" in here.notes("temperature")[0]
    here.type("temperature", "0, 1")
    here.unset("temperature")
    assert not here.panel.tried
    assert here.box("temperature").value == ""
    session.set(temperature=0.3)
    here.type("temperature", "0, 1")
    session.set(temperature=0.4)
    assert not here.panel.tried


LINE = "%%chat -t 0,1 -s=Short. -s=Long. --repeat 2 --score len --variants\none\n---\ntwo"


def test_a_sweeps_cell_can_be_pasted(hand, session, server):
    """All of it: axes, system texts, repeats, the score, the messages. The box then shows the same line."""
    here = hand(session)
    here.labelled("Cell").value = LINE
    line = here.labelled("Cell").value
    assert "-t 0,1 --system=Short. --system=Long. --repeat 2 --score len --variants" in line.replace("'", "")
    assert here.labelled("Message").value == "one\n---\ntwo"
    here.click("Send")
    here.wait()
    assert len(here.panel.result) == 16
    assert all(run.score == len(run.text) for run in here.panel.result)
    here.labelled("Cell").value = "%%chat -t 0.5"
    assert not here.panel.tried


def test_stop_keeps_what_is_done(hand, session, server):
    server.add(Say("Whole"), Stream([chunk("Half"), Hang()]))
    here = hand(session)
    here.type("temperature", "0, 1")
    here.labelled("Message").value = "Hello"
    here.click("Send")
    until(lambda: "1 of 2" in here.replied())
    here.click("Stop")
    here.wait()
    assert sorted(run.status for run in here.panel.result) == ["complete", "interrupted"]
    assert "Stopped" in here.said()
    assert "1 stopped" in here.replied()


def test_settings_that_differ_are_plotted_below_the_answers(hand, session, server):
    here = hand(session)
    here.labelled("Cell").value = "%%chat -t 0,1 --repeat 2 --score len\nHello"
    here.click("Send")
    here.wait()
    assert "[plot: 2 temperatures × 2 repeats]" in here.replied()
    shown = [output["data"] for widget in here.panel.conversation.area.widget.children for output in widget.outputs]
    assert 'src="data:image/png;base64,' in shown[-1]["text/html"]
    here.type("temperature", "0")
    here.send("Hello")
    here.wait()
    assert "[plot" not in here.replied()
