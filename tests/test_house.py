"""The house rules that a reader relies on: imports point down, files stay small, types and style are clean."""

import ast
import importlib
import json
import re
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import settings

from tests.environment import ROOT

PACKAGE = ROOT / "nbchat"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the ground up: a room may import those before it. `builtin` may import only `values`, `testing` nothing.
ORDER = [
    "testing",
    "values",
    "builtin",
    "api",
    "store",
    "markdown",
    "data",
    "conversation",
    "tuning",
    "rows",
    "display",
    "cells",
    "views",
    "panel",
    "frontend",
    "magics",
]
BELOW = {room: set(ORDER[1:place]) for place, room in enumerate(ORDER)} | {"builtin": {"values"}}
PUBLIC_FACE = {"__init__", "__main__"}
VAGUE = {"common", "helper", "helpers", "misc", "util", "utils"}
NETWORK = {"anyio", "h11", "httpcore", "httpx"}
HEAVY = NETWORK | {
    "IPython",
    "ipywidgets",
    "markdown_it",
    "narwhals",
    "numpy",
    "pandas",
    "PIL",
    "polars",
    "pyarrow",
    "pydantic",
    "tornado",
    "traitlets",
}
LONGEST = 500


def name(path):
    return str(path.relative_to(ROOT))


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(tree):
    """Every module that a file imports, at its top or anywhere inside, as dotted names."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom():
                yield "nbchat"  # a relative import: its target is not visible
            case ast.Constant(value=str(text)) if text == "nbchat." or _is_module(text):
                yield text  # imported, looked up or patched by its name, or by one that is put together


def _is_module(text):
    if not re.fullmatch(r"nbchat(\.[a-z_]+)+", text):
        return False
    path = ROOT.joinpath(*text.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def upward(source, here):
    """The imports in a file of room `here` that do not point down."""
    ours = (module.split(".") for module in imported(ast.parse(source)) if module.split(".")[0] == "nbchat")
    return [".".join(parts) for parts in ours if len(parts) < 2 or parts[1] not in BELOW[here] | {here}]


def test_every_file_lives_in_a_room():
    assert [name(path) for path in FILES if room(path) not in BELOW.keys() | PUBLIC_FACE] == []


def test_the_architecture_lists_the_rooms_in_their_order():
    """All existing rooms; a planned one has no row yet."""
    listed = re.findall(r"^\| `([a-z]+)` \|", (PACKAGE / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert listed == [one for one in ORDER if one in {room(path) for path in FILES}]


@pytest.mark.parametrize("path", [path for path in FILES if room(path) in BELOW], ids=name)
def test_imports_point_down_only(path):
    assert upward(path.read_text(), room(path)) == []


@pytest.mark.parametrize(
    ("source", "here", "found"),
    [
        ("from nbchat.values.errors import NbchatError", "api", []),
        ("import httpx\nfrom nbchat.api import wire", "api", []),
        ("def f():\n    from nbchat.conversation import turn", "data", ["nbchat.conversation.turn"]),
        ("from nbchat import panel", "conversation", ["nbchat.panel"]),
        ("import nbchat", "values", ["nbchat"]),
        ("from . import panel", "values", ["nbchat"]),
        ("import importlib\nimportlib.import_module('nbchat.tuning.grid')", "conversation", ["nbchat.tuning.grid"]),
        ("import importlib\nimportlib.import_module(f'nbchat.{name}')", "conversation", ["nbchat."]),
        ("import sys\nsys.modules.get('nbchat.panel.panel')", "conversation", ["nbchat.panel.panel"]),
        ("if TYPE_CHECKING:\n    from nbchat.magics import cell", "panel", ["nbchat.magics.cell"]),
        ("from nbchat.panel import panel", "magics", []),
        ("from nbchat.conversation.session import Session", "builtin", ["nbchat.conversation.session.Session"]),
        ("from nbchat.testing import Say", "magics", ["nbchat.testing.Say"]),
    ],
)
def test_an_import_that_points_up_is_found_wherever_it_hides(source, here, found):
    assert upward(source, here) == found


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_short_and_named_for_what_it_holds(path):
    assert len(path.read_text().splitlines()) <= LONGEST
    assert not VAGUE & {*path.relative_to(PACKAGE).with_suffix("").parts}


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "__main__"], ids=name)
def test_what_a_module_declares_public_is_there_once(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    declared = getattr(module, "__all__", [])
    assert len(set(declared)) == len(declared)
    assert [one for one in declared if not hasattr(module, one)] == []


def test_the_public_face_is_sorted():
    import nbchat

    kinds = [(not one.isupper(), not one[0].isupper(), one) for one in getattr(nbchat, "__all__", [])]
    assert all(before < after for before, after in pairwise(kinds))


def test_each_run_draws_the_same_examples_and_the_search_draws_more():
    """A `max_examples` in a test would hold for the search too: `tests.strategies.scaled` follows the profile."""
    assert settings.get_profile("same").derandomize
    search = settings.get_profile("search")
    assert (search.derandomize, search.max_examples) == (False, 20 * settings.get_profile("same").max_examples)
    fixed = [
        path.name for path in (ROOT / "tests").rglob("test_*.py") if re.search(r"@settings\(.*max_", path.read_text())
    ]
    assert fixed == []


def test_values_are_structs():
    """`class X(Struct, frozen=True)` of msgspec is defined in 0.03 ms, a dataclass in 0.5 to 1 ms, at the first answer."""
    found = [
        name(path)
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^@(dataclasses\.)?dataclass", path.read_text(), re.MULTILINE)
    ]
    assert [one for one in found if "testing" not in one] == []


def loaded(code):
    """The top-level packages that are loaded once `code` has run in a fresh process."""
    code = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_nbchat_imports_nothing_heavy():
    assert loaded("import nbchat") & HEAVY == set()


SHELL = "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
LOAD = "shell.run_line_magic('load_ext', 'nbchat')\n"


def test_loading_the_extension_brings_nothing_heavy_into_a_shell():
    brought = loaded(SHELL + LOAD) - loaded(SHELL)
    assert "nbchat" in brought
    assert brought & HEAVY == set()


def test_loading_the_extension_starts_no_thread():
    counted = "import threading\nassert threading.active_count() == before"
    loaded(f"{SHELL}import threading\nbefore = threading.active_count()\n{LOAD}{counted}")


def test_what_a_session_needs_of_the_network_comes_with_its_first_request():
    assert loaded("from nbchat import Session\nSession(temperature=0.5)") & HEAVY == set()


def test_a_session_opens_no_journal_before_its_first_request():
    code = "from nbchat import Session\nSession(temperature=0.5).fork('b').set(top_p=0.5)"
    assert loaded(code) & {"sqlite3", "platformdirs"} == set()


def test_a_panel_is_made_without_the_network():
    assert (
        loaded(
            "from nbchat.frontend import Session, registry\nfrom nbchat.panel.panel import Panel\nPanel(registry(), Session()).close()"
        )
        & NETWORK
        == set()
    )


def test_importing_the_scripted_server_needs_the_standard_library_only():
    foreign = loaded("import nbchat.testing") - loaded("pass") - sys.stdlib_module_names
    assert foreign == {"nbchat"}


SUPPRESSION = re.compile(r"#\s*(?:noqa\b(?:: [A-Z0-9, ]*[A-Z0-9])?|type: ignore(?:\[[a-z, -]+\])?)\s*(?P<rest>.*)")


def test_every_suppressed_check_has_its_reason_beside_it():
    bare = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "nbchat").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for found in SUPPRESSION.finditer(line)
        if not re.search(r"[a-z]{2}", found["rest"])
    ]
    assert bare == []


@pytest.mark.parametrize(
    "command", [["ruff", "check", "--no-cache"], ["mypy"], ["vulture"]], ids=lambda command: command[0]
)
def test_the_checkers_have_nothing_to_say(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
