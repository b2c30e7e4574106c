"""A key that is typed where something else belongs is repeated nowhere: not by any command, option or parameter."""

import traceback

import pytest

from nbchat.cells.options import OWN
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.frontend import registry
from nbchat.magics.commands.command import COMMANDS
from nbchat.magics.extension import load_ipython_extension, unload_ipython_extension
from nbchat.magics.line import chat_line  # noqa: F401  # registers the commands
from nbchat.values.errors import NbchatError
from nbchat.values.params import PARAMETERS

KEYS = ["sk-live-0f1e2d3c4b5a", "sk-proj-Ab_12-Cd34", "gsk_0f1e2d3c4b5a69788796", "0f1e2d3c4b5a69788796a5b4c3d2e1f0aa"]
FREE_TEXT = ("ask", "system")
"""What may hold any text, and shows it."""
NAMING = ("fork", "save-preset")
"""What gives a name, which may be a long number: somebody's id."""


@pytest.fixture
def shell(shell, server, monkeypatch):
    monkeypatch.setenv("NBCHAT_BASE_URL", server.base_url)
    monkeypatch.setenv("NBCHAT_MODEL", "scripted-1")
    process.renew()
    load_ipython_extension(shell)
    yield shell
    unload_ipython_extension(shell)


def repeats(key, run, capsys):
    """Run a command; whether its output or its error holds the key, or its middle."""
    said = ""
    try:
        run()
    except Exception as error:  # whatever it is, it is shown
        said = "".join(traceback.format_exception_only(error))
    out = capsys.readouterr()
    return key[8:16] in said + out.out + out.err


@pytest.mark.parametrize("key", KEYS)
def test_no_command_repeats_a_key(shell, capsys, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (*COMMANDS, key, "set temperature"):
        if name not in FREE_TEXT and not (name in NAMING and key == KEYS[3]):
            for rest in (key, f"{key} x", f"x {key}", f'"{key}"', f"x={key}", f"--x={key}", f"--session {key}"):
                line = f"{name} {rest}"
                assert not repeats(key, lambda line=line: shell.run_line_magic("chat", line), capsys), line


@pytest.mark.parametrize("key", KEYS[:3])
def test_no_option_repeats_a_key(shell, capsys, key):
    flags = [f"--{name.replace('_', '-')}" for name in OWN if name != "system"]
    flags += [row.flag for row in PARAMETERS.values() if row.kind != "texts"]
    for flag in (*flags, "-x", "", "<<", "--param"):
        for option in (f"{flag} {key}", f"{flag}={key}", f"{flag} api_key={key}", f'{flag} "x {key}"'):
            line = f"{option} --dry-run"
            assert not repeats(key, lambda line=line: shell.run_cell_magic("chat", line, "Hi"), capsys), line


@pytest.mark.parametrize("key", KEYS[:3])
@pytest.mark.parametrize("name", ["api_key", "x", "user", "model"])
def test_a_key_is_no_parameter(server, key, name):
    for value in (key, {"inner": [key]}, f"Bearer {key}"):
        if name not in PARAMETERS or isinstance(value, str):
            with pytest.raises(NbchatError, match=f"{name} would hold a secret") as caught:
                Session(base_url=server.base_url).set(
                    **({name: value} if name in PARAMETERS else {"extra": {name: value}})
                )
            assert key not in str(caught.value)


def test_a_field_for_a_key_is_no_parameter_whatever_its_value(server):
    with pytest.raises(NbchatError, match="would hold a secret"):
        Session(base_url=server.base_url).set(extra={"Api_Key": "x"})
    Session(base_url=server.base_url).set(extra={"prompt_cache_key": "weather", "tokens": 5})


def test_a_key_names_no_session_and_no_preset(shell, capsys):
    for line in (f"fork {KEYS[0]}", f"save-preset {KEYS[0]}"):
        assert not repeats(KEYS[0], lambda line=line: shell.run_line_magic("chat", line), capsys)
    assert registry().names() in ([], ["default"])


@pytest.mark.parametrize("name", ["claude-3-7-sonnet-20250219", "pplx-7b-online", "hf-internal-testing/tiny-random-1"])
def test_a_model_s_name_is_repeated(shell, server, name, capsys):
    server.models = ["other"]
    with pytest.raises(NbchatError, match=name):
        raise NbchatError(f"There is no model {name}.")
    shell.run_cell_magic("chat", f"-m {name} --dry-run", "Hi")
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("key", KEYS[:3])
def test_a_server_that_names_another_key_shows_none(key):
    assert key not in str(NbchatError(f"Incorrect API key provided: {key}. Try again."))
    assert "[key]" in str(NbchatError(f"Incorrect API key provided: {key}. Try again."))
