"""A notebook that was run once runs offline: the same answers, with no server, in every program that runs notebooks."""

import json
import subprocess
import sys

import nbformat
import pytest

from nbchat.testing import Say, Status
from tests.environment import PATIENCE, clean_environment

CELLS = [
    "%load_ext nbchat",
    "%%chat\nFirst question.",
    "%%chat -t 0.5 << second\nSecond question.",
    "%%chat -t 0,1 --repeat 2 << sweep\nAsked four times.",
    "print(second.text, sorted(run.text for run in sweep))",
]

NBCLIENT = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""

pytest.importorskip("nbclient", "0.10", "before, `jupyter execute` could not write to another file")

PROGRAMS = {
    "jupyter execute": [sys.executable, "-m", "jupyter", "execute", "--output", "out.ipynb", "in.ipynb"],
    "nbclient": [sys.executable, "-c", NBCLIENT, "in.ipynb", "out.ipynb"],
}
"""papermill runs notebooks through nbclient too."""


@pytest.fixture
def work(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    nbformat.write(notebook, tmp_path / "in.ipynb")
    return tmp_path


def executed(work, program, url):
    """Run the notebook; return what its cells saved: the error, or each output's text, without what differs in time."""
    environment = {
        **clean_environment(work),
        "NBCHAT_BASE_URL": url,
        "NBCHAT_MODEL": "scripted-1",
        "NBCHAT_CACHE": "on",
        "NBCHAT_NOTEBOOK": str(work / "in.ipynb"),
    }
    done = subprocess.run(
        PROGRAMS[program], cwd=work, env=environment, capture_output=True, text=True, timeout=5 * PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    notebook = nbformat.read(work / "out.ipynb", as_version=4)
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def said(outputs):
    """The answers and what was printed."""
    markdown = [output["data"]["text/markdown"] for output in outputs if "text/markdown" in output.get("data", {})]
    return markdown, [output["text"] for output in outputs if output.get("name") == "stdout"]


def test_a_notebook_that_was_run_once_runs_offline(work, server):
    """From the journal; and on another machine, where neither journal nor server is, from the file beside the notebook."""
    server.default = lambda request: Say(f"answer {len(server.requests)} to {request.json['messages'][-1]['content']}")
    first = said(executed(work, "jupyter execute", server.base_url))
    count = len(server.requests)
    assert count == 6
    server.default = Status(500, {"error": {"message": "offline"}})
    outputs = executed(work, "nbclient", server.base_url)
    assert said(outputs) == first
    assert "replayed" in json.dumps(outputs)
    export = [sys.executable, "-m", "nbchat", "cache", "export", "in.ipynb"]
    subprocess.run(export, cwd=work, env=clean_environment(work), check=True, capture_output=True)
    for file in work.glob("nbchat.sqlite*"):
        file.unlink()
    assert said(executed(work, "jupyter execute", server.base_url)) == first
    assert len(server.requests) == count
