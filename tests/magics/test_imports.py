"""What the first answer makes a fresh process import. Each module costs a user time at the first `%%chat`."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.environment import clean_environment

CODE = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "nbchat")
loaded = set(sys.modules) - before
shell.run_cell_magic("chat", {options!r}, "Hello")
print(json.dumps([sorted(loaded), sorted(set(sys.modules) - before)]))
"""

FOREIGN = {
    *("IPython", "nbchat", "msgspec"),
    *("certifi", "h11", "httpx", "idna", "sniffio", "typing_extensions"),
    *("click", "pygments", "rich"),
    *(("anyio", "httpcore") if version("httpx") < "0.28" else ()),
}
"""Beside the standard library: the shell, the decoder, and httpx with what it brings.

Neither httpcore nor anyio, which are a fifth of the time to the first answer; httpx 0.27 imports them itself. httpx
imports the libraries of its command line where they are installed.
"""

ROOMS = {"api", "cells", "conversation", "data", "display", "frontend", "magics", "markdown", "store", "values"}

NEEDED_LATER = {
    "api.error_body": "an answer that is an error",
    "api.failure": "an answer that is an error",
    "api.http.proxied": "a proxy",
    "api.lookups": "the list of models",
    "api.player": "a replay",
    "api.refusal": "an answer that is an error",
    "builtin": "the built-in model and local ones",
    "conversation.presets": "%chat preset",
    "conversation.schemas": "--schema",
    "conversation.tools.call_view": "a call that wants approval",
    "conversation.tools.tool": "tools",
    "conversation.tools.toolbox": "tools",
    "data.describe": "a placeholder",
    "data.images": "--image",
    "data.interpolation": "a placeholder",
    "data.privacy.private_columns": "nbchat.private",
    "data.privacy.private_values": "nbchat.private",
    "data.privacy.text_tokens": "nbchat.private",
    "data.tables": "a placeholder",
    "display.answer": "images, sources, and answers shown again",
    "magics.commands": "%chat",
    "magics.line": "%chat",
    "markdown.parsing": "markup",
    "markdown.render": "markup",
    "store.forgetting": "%chat forget",
    "store.ledger.budget": "%chat budget",
    "store.pacing": "a request that waits",
    "store.rows": "--each",
    "values.frame": "a data frame of figures",
}
"""Modules and packages of the same rooms that the first answer does without, and what brings them."""


SLOW_OF_PYTHON = {"dataclasses", "difflib", "fractions", "statistics"}
"""Modules of the standard library that take a millisecond, or make what imports them slow: `dataclasses`."""


@pytest.fixture
def modules(server, tmp_path):
    """What `%load_ext`, and it with the first answer, have imported; `options` are the cell's."""

    def imported(options=""):
        given = {**clean_environment(tmp_path), "NBCHAT_BASE_URL": server.base_url, "NBCHAT_MODEL": "m"}
        done = subprocess.run(
            [sys.executable, "-c", CODE.format(options=options)], env=given, capture_output=True, text=True, check=True
        )
        assert server.requests
        return map(set, json.loads(done.stdout.splitlines()[-1]))

    return imported


def test_loading_the_extension_imports_next_to_nothing(modules):
    loaded, _ = modules()
    assert {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names <= {"IPython", "nbchat"}
    assert {name for name in loaded if name.startswith("nbchat.")} <= {
        "nbchat.cells",
        "nbchat.cells.usage_error",
        "nbchat.magics",
        "nbchat.magics.completion",
        "nbchat.magics.extension",
        "nbchat.magics.filled_cells",
        "nbchat.magics.transforms",
        "nbchat.values",
        "nbchat.values.errors",
        "nbchat.values.key_shapes",
        "nbchat.values.wording",
    }


@pytest.mark.parametrize("options", ["", "--no-stream"])
def test_the_first_plain_answer_imports_only_what_it_needs(modules, options):
    _, answered = modules(options)
    assert {name.partition(".")[0] for name in answered} - sys.stdlib_module_names <= FOREIGN
    assert answered & SLOW_OF_PYTHON == set()
    own = {name.removeprefix("nbchat.") for name in answered if name.startswith("nbchat.")}
    assert {name.partition(".")[0] for name in own} <= ROOMS
    unneeded = {name for name in own for later in NEEDED_LATER if f"{name}.".startswith(f"{later}.")}
    assert unneeded == set()
