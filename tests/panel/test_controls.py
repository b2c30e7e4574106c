"""The panel's rows: one for each parameter, unset until touched, the same value seen from three sides."""

import threading

import ipywidgets
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nbchat.cells.options import axis_values
from nbchat.frontend import Session, registry
from nbchat.values.params import PARAMETERS, Params
from tests.panel.panels import Hand, Panel, posts, tip, walk
from tests.strategies import parameter_values, scaled, set_parameters

LABELS = {name: "Model" if name == "model" else name for name in [*PARAMETERS, "extra"]}


@pytest.fixture(scope="module")
def shared():
    """One panel for many examples."""
    panel = Panel(registry(), Session())
    yield Hand(panel)
    panel.close()


@pytest.mark.parametrize("name", LABELS)
def test_every_parameter_has_a_control_that_says_what_it_is(shared, name):
    """Its label is the wire name; its tooltip has meaning, range and what it means to leave it unset."""
    widget = shared.labelled(LABELS[name])
    told = tip(widget)
    assert "Unset = " in told
    if name in PARAMETERS:
        assert PARAMETERS[name].meaning in told
        if name != "model" and PARAMETERS[name].kind != "flag":
            assert PARAMETERS[name].expected in told


def test_a_new_panel_sends_no_parameter_and_says_so(hand):
    session = Session()
    here = hand(session)
    assert session.params == Params()
    for row in here.panel.controls.values():
        assert "nbchat-unset" in row.row._dom_classes
        texts = [w.placeholder for w in row.row.children if hasattr(w, "placeholder")]
        texts += [w.options[0][0] for w in row.row.children if hasattr(w, "options") and not hasattr(w, "placeholder")]
        assert any("not sent" in text for text in texts) or row.parameter.name == "model"


@given(set_parameters)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_value_set_elsewhere_is_shown_and_one_click_unsets_it(shared, setting):
    """`%chat set` and `session.params` move the controls; × takes the parameter out of the request."""
    name, value = setting
    session = shared.panel.session
    session.params = Params(**{name: value})
    row = shared.panel.controls[name].row
    assert "nbchat-unset" not in row._dom_classes
    assert session.params == Params(**{name: value})  # showing it did not move it
    shared.unset(name)
    assert session.params == Params()
    assert "nbchat-unset" in row._dom_classes


TYPED = [name for name, row in PARAMETERS.items() if row.kind in ("number", "integer", "text", "json", "biases")]


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_typed_values_are_parsed_by_the_table(shared, data):
    """A value written as an option is written the same way into its box."""
    name = data.draw(st.sampled_from(TYPED))
    value = data.draw(parameter_values(PARAMETERS[name]))
    shared.panel.session.params = Params()
    shared.unset(name)
    text = ", ".join(PARAMETERS[name].written(value))
    text = text.strip() if name == "model" else text  # no name has blanks around it, but what is pasted may
    assume(len(axis_values(PARAMETERS[name], text)) == 1)  # else each of them is tried
    shared.type(name, text)
    if text.strip().lower() == "none":
        assert shared.panel.session.params == Params()
    else:
        assert shared.panel.session.params == Params(**{name: PARAMETERS[name].parse(text)})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("temperature", "9"),
        ("temperature", "nan"),
        ("temperature", "warm"),
        ("top_p", "-0.1"),
        ("n", "1.5"),
        ("n", "0"),
        ("max_tokens", "many"),
        ("max_tokens", "9" * 5000),
        ("seed", "1e400"),
        ("logit_bias", "42=1000"),
        ("logit_bias", "42"),
        ("logit_bias", "=3"),
        ("response_format", "{"),
        ("tool_choice", "maybe"),
        ("extra", "[1]"),
        ("extra", '{"temperature": 1}'),
    ],
)
def test_a_bad_value_is_reported_beside_it_and_nothing_is_sent(hand, session, server, name, text):
    here = hand(session)
    before = session.params
    here.type(name, text)
    assert session.params == before
    (note,) = here.notes(name)
    assert len(note) > 20
    here.send("hello")
    here.wait()
    assert posts(server) == []
    assert "Nothing was sent" in here.said()
    here.unset(name)
    assert here.notes(name) == []
    here.send("hello")
    here.wait()
    assert len(posts(server)) == 1


def test_an_error_stays_while_other_rows_change(hand):
    """The error is kept, and the old value is not sent silently."""
    here = hand(Session())
    here.type("temperature", "hot")
    here.type("top_p", "0.5")
    assert here.notes("temperature") != []
    assert here.box("temperature").value == "hot"


def test_a_slider_moves_its_box_and_the_request(hand):
    session = Session()
    here = hand(session)
    here.labelled("temperature").value = 0.1 + 0.2
    assert session.params == Params(temperature=0.3)
    assert here.box("temperature").value == "0.3"
    here.type("temperature", "1.25")
    assert here.labelled("temperature").value == 1.25


def test_a_value_between_the_slider_s_steps_stays_exact(hand):
    session = Session(temperature=0.123456)
    here = hand(session)
    assert session.params.temperature == 0.123456
    assert here.box("temperature").value == "0.123456"


@given(st.floats(0, 2))
@scaled(0.5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_front_end_s_slider_may_stand_on_its_next_step(shared, value):
    """It reports the step it stands on for a value between two; that is no move of the user's. A further one is."""
    session = shared.panel.session
    session.params = Params(temperature=value)
    kept = session.params.temperature
    nearest = round(round(kept * 10) / 10, 1)
    if abs(abs(kept - nearest) - 0.05) > 1e-6:  # on a tie either side may be meant
        shared.labelled("temperature").value = nearest
        assert session.params.temperature == kept
    further = 0.0 if kept > 1 else 2.0
    shared.labelled("temperature").value = further
    assert session.params.temperature == further


def test_line_breaks_in_stop_texts_are_seen(hand):
    """Up to four boxes; a line break is shown, and typed, as backslash and n."""
    session = Session(stop=("\n\n", "END\t", " "))
    here = hand(session)
    boxes = [w for w in here.panel.controls["stop"].row.children if hasattr(w, "placeholder")]
    assert [box.value for box in boxes] == [r"\n\n", r"END\t", " ", ""]
    boxes[3].value = r"\\n"
    assert session.params.stop == ("\n\n", "END\t", " ", r"\n")
    for _ in range(4):
        boxes[0].value = ""  # the others move up
    assert session.params.stop is None


def test_a_choice_may_be_the_word_none(hand):
    """`reasoning_effort` none is a value; the list's first entry is the unset one."""
    session = Session()
    here = hand(session)
    here.labelled("reasoning_effort").value = "none"
    assert session.params == Params(reasoning_effort="none")
    here.labelled("logprobs").value = "false"
    assert session.params == Params(reasoning_effort="none", logprobs=False)
    here.labelled("reasoning_effort").value = ""
    assert session.params == Params(logprobs=False)


def test_extra_parameters_are_replaced_as_a_whole(hand):
    session = Session(extra={"top_k": 40, "min_p": 0.1})
    here = hand(session)
    here.type("extra", '{"top_k": 20}')
    assert dict(session.params.extra) == {"top_k": 20}
    here.unset("extra")
    assert session.params == Params()


def test_two_panels_of_a_session_show_the_same(hand):
    session = Session()
    one, other = hand(session), hand(session)
    one.type("temperature", "0.4")
    one.labelled("System").value = "Be brief."
    assert other.box("temperature").value == "0.4"
    assert other.labelled("System").value == "Be brief."
    assert session.system == "Be brief."


def test_settings_may_change_in_any_thread(hand):
    """Many threads move the session and the panel at once: in the end both show the same."""
    session = Session()
    here = hand(session)

    def move(number):
        for step in range(20):
            session.set(temperature=(number + step) % 3 / 2)
            here.labelled("top_p").value = (number + step) % 5 / 4

    threads = [threading.Thread(target=move, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    session.set(temperature=2)
    session.set(temperature=1.5, top_p=0.5)
    assert here.box("temperature").value == "1.5"
    assert here.box("top_p").value == "0.5"


def test_a_closed_panel_detaches_from_the_session(hand):
    session = Session()
    here = hand(session)
    here.panel.close()
    session.set(temperature=1)
    assert here.box("temperature").value == ""


def alive():
    """The ids of all widgets that ipywidgets keeps, which version 7 does in another place."""
    kept = getattr(ipywidgets.widgets.widget, "_instances", None)
    return set(ipywidgets.Widget.widgets if kept is None else kept)


def test_a_closed_panel_leaves_no_widget_behind():
    """Its cell may be run a hundred times. Closing twice is no matter."""
    before = alive()
    panel = Panel(registry(), Session())
    assert len(alive()) - len(before) <= 80  # each is a message to the front end
    panel.unfold()
    panel.controls["temperature"]._reject("a note")
    panel.conversation.area.fresh().show({"text/plain": "an answer"})
    assert len(alive()) > len(before) + 100
    panel.close()
    panel.close()
    panel.conversation.area.fresh().show({"text/plain": "one that still comes"})
    panel.conversation.area.fresh().show({"text/plain": "and another"})
    assert alive() <= before


def test_no_key_is_in_any_widget(hand, monkeypatch):
    """Not from the session, not from the environment, not from an address that holds one."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    session = Session(
        base_url="https://user:sk-in-the-address@api.example.com/v1?key=sk-too", api_key="sk-of-the-session"
    )
    here = hand(session)
    here.labelled("Endpoint").value = "openai"
    for widget in walk(here.panel):
        assert "sk-" not in repr(widget.get_state())
