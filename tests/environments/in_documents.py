"""Notebooks that no front end runs: papermill, jupyter execute; and what nbconvert and Voila make of the outputs."""

import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from nbchat.testing import Say, ScriptedServer
from tests.environment import clean_environment

ANSWER = "The **whole** answer, with `code` and $x^2$."
FORMATS = ("asciidoc", "html", "latex", "markdown", "notebook", "python", "rst", "script", "slides")


def write(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def talking():
    with ScriptedServer() as server:
        server.default = Say(ANSWER, usage=(7, 3))
        yield server


@pytest.fixture
def cells(talking):
    return [
        f"%load_ext nbchat\n%chat connect {talking.base_url} --model scripted-1",
        "%%chat << reply\nHi",
        "reply",
        "%%chat -t 0,1 --once << runs\nHi",
        "%chat panel",
    ]


def jupyter(tmp_path, *command):
    """Run a command of this environment's; what it did."""
    import pypandoc

    environment = clean_environment(tmp_path)
    environment["PATH"] += f":{Path(sys.executable).parent}:{Path(pypandoc.get_pandoc_path()).parent}"
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


RUNNERS = {
    "papermill": ("papermill", "in.ipynb", "out.ipynb"),
    "jupyter execute": ("jupyter", "execute", "in.ipynb", "--output=out.ipynb"),
    "nbconvert": ("jupyter", "nbconvert", "--to=notebook", "--execute", "in.ipynb", "--output=out.ipynb"),
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_notebook_runs_and_keeps_its_answers(runner, cells, tmp_path):
    write(tmp_path / "in.ipynb", *cells)
    done = jupyter(tmp_path, *RUNNERS[runner])
    assert done.returncode == 0, done.stderr
    outputs = [cell.outputs for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells]
    assert outputs[1][0].data["text/markdown"] == ANSWER
    assert "7 → 3 tokens" in outputs[1][1].data["text/plain"]
    assert outputs[2][0].data["text/markdown"] == ANSWER
    assert "temperature" in str(outputs[3])


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_bad_line_says_what_it_was(runner, cells, tmp_path):
    write(tmp_path / "in.ipynb", cells[0], "%%chat --tempo 1\nHi", "print('not reached')")
    done = jupyter(tmp_path, *RUNNERS[runner])
    assert done.returncode != 0
    assert "There is no option --tempo. Did you mean" in done.stderr


def test_every_format_without_tex_holds_the_answer(cells, tmp_path):
    write(tmp_path / "in.ipynb", *cells)
    assert jupyter(tmp_path, *RUNNERS["nbconvert"]).returncode == 0
    for name in FORMATS:
        done = jupyter(tmp_path, "jupyter", "nbconvert", f"--to={name}", "--stdout", "out.ipynb")
        assert done.returncode == 0, (name, done.stderr)
        said = "Hi" if name in ("python", "script") else "answer, with"
        assert said in done.stdout, name


@contextmanager
def voila(tmp_path):
    """Voila serving `in.ipynb`; the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", "in.ipynb", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    environment = clean_environment(tmp_path)
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert any("running at" in line for line in process.stderr)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.communicate()


def test_voila_serves_the_answer(cells, tmp_path):
    """Its page as the server makes it; how it looks and moves in a browser is the business of `tests/browser`."""
    write(tmp_path / "in.ipynb", *cells)
    with voila(tmp_path) as address, urllib.request.urlopen(address) as page:
        shown = page.read().decode()
    assert "answer, with" in shown
    assert r"7 \u2192 3 tokens" in shown
    assert "Traceback" not in shown
