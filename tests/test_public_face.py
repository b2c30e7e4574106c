"""The public face: what README and docstrings hand out can be imported from `nbchat` itself."""

import ast
import subprocess
import sys

import pytest

import nbchat
from nbchat.values import errors, events
from tests.environment import ROOT

FACE = ast.parse((ROOT / "nbchat" / "__init__.py").read_text())
MADE_HERE = {"load_ipython_extension", "session", "unload_ipython_extension"}


NAMED_OTHERWISE = """
import nbchat
for name in nbchat.__all__:
    found = getattr(nbchat, name)
    if name not in dir(nbchat) or (name != "Event" and found.__name__.rpartition(".")[2] != name):
        print(name)
"""


def test_every_public_name_is_what_its_room_calls_so():
    """In a process of its own, since fetching `Session` joins the rooms. `Event`, a union, has no name to compare."""
    done = subprocess.run([sys.executable, "-c", NAMED_OTHERWISE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_checkers_see_the_names_that_are_fetched():
    """What is imported for type checkers is what `__all__` promises, from where it is fetched."""
    imported = {
        alias.name: node.module for node in ast.walk(FACE) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    fetched = nbchat._HOMES
    assert set(fetched) | MADE_HERE == set(nbchat.__all__)
    assert {name: imported[name] for name in fetched} == fetched


def test_errors_and_events_are_all_there():
    assert {*errors.__all__, *events.__all__} <= {*nbchat.__all__}


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = nbchat.Nothing
