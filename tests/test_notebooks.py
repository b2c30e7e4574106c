"""The notebooks that teach nbchat: each runs from top to bottom, as it is stored, without a key or a network."""

import nbformat
import pytest
from nbclient import NotebookClient

from tests.environment import ROOT, clean_environment

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    """No cell fails, none writes to stderr, and every `%%chat` cell shows something."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute(env=clean_environment(tmp_path))
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        assert [output.text for output in outputs if output.get("name") == "stderr"] == []
        assert outputs or not cell.source.startswith("%%chat")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_clean(path):
    """Valid, without outputs: what a reader sees is what their own run shows."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
