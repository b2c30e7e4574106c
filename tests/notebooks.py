"""Run the notebooks and save them with their outputs, as GitHub shows them: `python -m tests.notebooks [NAME …]`.

SmolLM2 answers the quick start and the data analysis, the built-in toy the others. Needs the `test` extra and SmolLM2.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.environment import ROOT, clean_environment

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SERVERS = {"quickstart": "smollm2", "data-analysis": "smollm2"}
"""The servers that answer when a notebook is saved; the toy answers the others."""
TIMEOUT_SECONDS = 300


def run(notebook, home, *, server=None):
    """Run all cells of a notebook in a fresh kernel, in the directory `home`, with outputs put into `notebook`.

    As in JupyterLab, every request has the id of its cell, so that a cell that runs again answers its own turn. `server`
    None = the toy. Raises CellExecutionError if a cell fails that is not tagged `raises-exception`.
    """

    def name_the_cell(cell, cell_index):
        client.kc.session.metadata = {"cellId": cell["id"]}

    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": home}},
        on_cell_execute=name_the_cell,
    )
    client.execute(env=clean_environment(home) | ({"NBCHAT_BASE_URL": server} if server else {}))


def save(path):
    """Run a notebook and store it with its outputs and nothing of this machine."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as home:
        run(notebook, Path(home), server=SERVERS.get(path.stem))
    notebook.metadata.pop("widgets", None)  # without a kernel they can do nothing; outputs have static forms
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for each in NOTEBOOKS:
        if not sys.argv[1:] or each.stem in sys.argv[1:]:
            save(each)
