"""The panel as a `%%chat` line and back."""

import pytest
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from nbchat.api.endpoints import Endpoint
from nbchat.cells.options import parse
from nbchat.conversation.session import Session
from nbchat.panel.settings.cellline import cell_line, load_cell
from nbchat.values.errors import ConfigError
from nbchat.values.params import PARAMETERS, Params
from tests.panel.panels import walk
from tests.strategies import scaled, set_parameters, texts

BUILTIN = Endpoint("", None, "built-in", "nbchat-demo")
many = st.lists(set_parameters, max_size=5).map(dict)


@given(many, st.none() | texts)
def test_a_line_expresses_the_settings_exactly_or_fails(params, system):
    """Whatever the settings: the line is read back as they are, or there is none."""
    wanted = Params(**params)
    try:
        line = cell_line(wanted, system, BUILTIN)
    except ConfigError as error:
        assert "one line" in str(error)
        return
    assert len(line.splitlines()) == 1
    options = parse(line.removeprefix("%%chat"))
    assert Params(**options.params) == wanted
    assert (options.get("system") or None) == (system or None)


@example({"tool_choice": {"": "\x85"}, "response_format": {"type": "\u2028"}}, None)
@example({"model": "a,b", "user": "none", "stop": ("none", "x")}, "s")
@example({"user": "a\nb"}, "s")
@given(many, texts)
def test_common_settings_fit_on_a_line(params, system):
    """Numbers, stop texts, biases, JSON, system texts of several lines, and names that look like something else."""
    cell_line(Params(**params), system, BUILTIN)


@given(many, texts.filter(str.strip))
@scaled(0.4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_line_in_a_fresh_kernel_sends_the_same_body(params, system):
    """Model included, although the panel leaves it to the server."""
    server = "http://127.0.0.1:9/v1"  # nothing is sent there
    panels = Session(system=system, base_url=server, **{"model": "m", **params})
    try:
        line = cell_line(panels.params.replace(model=panels.model), panels.system, panels.endpoint)
    except ConfigError:
        assume(False)
    options = parse(line.removeprefix("%%chat"))
    fresh = Session(base_url=server).request("hello", system=options.get("system"), **options.params)
    assert fresh.body == panels.request("hello").body
    assert " -m " in line or "model=" in line


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (BUILTIN, []),
        (Endpoint("https://api.groq.com/openai/v1", None, "groq"), ["--base-url", "groq"]),
        (Endpoint("https://u:p@models.example/v1?key=sk-1", None), ["--base-url", "https://models.example/v1"]),
    ],
)
def test_the_line_names_a_server_that_a_fresh_kernel_would_not_take(endpoint, words):
    assert cell_line(Params(model="m"), None, endpoint).split()[3:] == words


def test_the_line_follows_every_change(hand):
    session = Session()
    here = hand(session)
    cell = here.labelled("Cell")
    assert cell.value == "%%chat -m nbchat-demo"
    here.type("temperature", "0.2")
    session.set(stop=["\n", "END"])
    session.system = "Two\nlines"
    assert cell.value == r"%%chat -m nbchat-demo -t 0.2 --stop \n --stop END --system=Two\nlines"
    session.set(model="a,b")
    assert cell.value.startswith("""%%chat --param 'model="a,b"' -t 0.2""")


def test_the_line_names_the_variable_that_holds_the_key(hand, monkeypatch):
    """Where a fresh kernel would not look there by itself; loaded, it stays."""
    monkeypatch.setenv("MY_KEY", "sk-not-shown-anywhere")
    here = hand(Session(base_url="https://models.example/v1", key_env="MY_KEY", model="m"))
    line = "%%chat -m m --base-url https://models.example/v1 --key-env MY_KEY"
    assert here.labelled("Cell").value == line
    other = hand(Session(model="m"))
    other.labelled("Cell").value = line
    assert other.labelled("Cell").value == line


def test_omitted_parts_of_an_address_are_reported(hand):
    here = hand(Session(base_url="https://models.example/v1?api-version=7", model="m"))
    assert here.labelled("Cell").value.endswith("--base-url https://models.example/v1")
    assert any("NBCHAT_BASE_URL can hold it" in w.value for w in walk(here.panel) if "nbchat-note" in w._dom_classes)


def test_a_pasted_cell_is_loaded(hand):
    """Its options, its system text and its message; what a panel does not hold is named."""
    session = Session(temperature=1, top_p=0.5)
    here = hand(session)
    here.labelled("Cell").value = "%%chat -t 0.3 --stop '\\n' -s 'Be brief.' --once << answer\nWhat is it?\nReally?\n"
    assert session.params == Params(temperature=0.3, stop=("\n",))
    assert session.system == "Be brief."
    assert here.labelled("Message").value == "What is it?\nReally?"
    assert here.labelled("Cell").value == r"%%chat -m nbchat-demo -t 0.3 --stop \n --system='Be brief.'"


@pytest.mark.parametrize("text", ["print(1)", "%%chat --temprature 1", "%%chat -t 9", "%%chatter -t 1", "%%chat 'open"])
def test_a_bad_line_changes_nothing_and_says_why(hand, text):
    session = Session(temperature=1)
    here = hand(session)
    here.labelled("Cell").value = text
    assert session.params == Params(temperature=1)
    assert here.labelled("Cell").value == text  # to be mended
    with pytest.raises(UsageError):
        load_cell(text)


@given(st.text(max_size=80))
def test_any_text_is_loaded_or_refused_in_one_sentence(text):
    try:
        loaded = load_cell(text)
    except UsageError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(loaded.params, Params)


def test_every_parameter_can_stand_on_the_line():
    values = {"model": "m", "temperature": 1, "stop": ("a",), "logit_bias": {"1": 2}, "stream": False}
    line = cell_line(Params(**values), None, BUILTIN)
    assert all(
        PARAMETERS[name].flag in line or f"-{PARAMETERS[name].short} " in line or name == "stream" for name in values
    )
    assert "--no-stream" in line
