"""The notebooks that teach nbchat: each runs from top to bottom, twice, without a key or a network, and is stored with outputs."""

import json
from pathlib import Path

import nbformat
import pytest

from tests.environment import ROOT
from tests.notebooks import NOTEBOOKS, run

ALLOWED_TO_FAIL = "raises-exception"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def outputs_of(cell, kind):
    return [output for output in cell.get("outputs", []) if output["output_type"] == kind]


def test_a_notebook_runs_twice_in_one_kernel(path, tmp_path):
    """No cell fails, none writes to stderr, and every `%%chat` cell shows something; also when all cells run again."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += nbformat.read(path, as_version=4).cells  # with the same ids, as Run All sends them a second time
    run(notebook, tmp_path)
    for cell in notebook.cells:
        assert [output.text for output in cell.get("outputs", []) if output.get("name") == "stderr"] == []
        assert cell.get("outputs") or not cell.source.startswith("%%chat")


def test_a_notebook_is_stored_as_it_ran(path):
    """From top to bottom, with all outputs; failures only where intended."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert cell.outputs or not cell.source.startswith(("%%chat", "%chat"))
        meant = ALLOWED_TO_FAIL in cell.metadata.get("tags", [])
        assert bool(outputs_of(cell, "error")) == meant


def test_a_stored_notebook_names_nothing_of_the_machine(path):
    """No directory of the user, no key, and no warning."""
    text = json.dumps(nbformat.read(path, as_version=4))
    for name in (str(ROOT), str(Path.home()), "/tmp/", "/home/", "/root/", "sk-", "Warning:"):  # looked for, not used
        assert name not in text
