"""The public face: what README and docstrings hand out can be imported from `nbchat` itself."""

import subprocess
import sys

import pytest

import nbchat
from nbchat.values import errors
from nbchat.values.answer import events
from tests.environment import ROOT


def run(code):
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_what_its_module_calls_so():
    """`Event`, a union, has no name to compare."""
    for name in nbchat.__all__:
        found = getattr(nbchat, name)
        assert name in dir(nbchat)
        assert name == "Event" or found.__name__.rpartition(".")[2] == name


def test_a_name_is_imported_when_it_is_used_and_only_then():
    said = run(
        "import sys, nbchat\n"
        "before = {name for name in sys.modules if name.startswith('nbchat')}\n"
        "nbchat.Params\n"
        "print(before, 'nbchat.values.params' in sys.modules, 'nbchat.conversation.session' in sys.modules)"
    )
    assert said == "{'nbchat'} True False\n"


def test_a_star_brings_them_all():
    assert run("from nbchat import *\nprint(Session.__name__, session.__name__, what_if.__name__)").split() == [
        "Session",
        "session",
        "what_if",
    ]


def test_errors_and_events_are_all_there():
    assert {*errors.__all__, *events.__all__} <= {*nbchat.__all__}


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = nbchat.Nothing
    assert not hasattr(nbchat, "_private")
