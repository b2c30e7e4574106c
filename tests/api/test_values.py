"""The values of this room can't be changed once they are made: calls, endpoints and limits are shared by threads."""

import importlib
import inspect
from pathlib import Path

import msgspec
import pytest

from nbchat import api

FOLDER = Path(api.__file__).parent
CHANGING = {"Slot", "_Job", "_Function", "_Call"}  # states of a request, and pieces that a decoder makes


def structs():
    for path in sorted(FOLDER.rglob("*.py")):
        name = ".".join(("nbchat", "api", *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")
        for _, kind in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if issubclass(kind, msgspec.Struct) and kind.__module__ == name and kind.__name__ not in CHANGING:
                yield kind


@pytest.mark.parametrize("kind", [*structs()], ids=lambda kind: kind.__name__)
def test_a_value_stays_as_it_was_made(kind):
    assert kind.__struct_config__.frozen
