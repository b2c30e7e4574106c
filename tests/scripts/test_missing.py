"""What nbchat needs and a machine may lack, threads and widgets: one sentence says so, and nothing else is printed."""

import subprocess
import sys

import pytest

from tests.environment import ROOT

NO_THREADS = """
import threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
"""
NO_WIDGETS = "import sys\nsys.modules['ipywidgets'] = None\n"

ASK = """
from nbchat import ConfigError, Session
try:
    {code}
except ConfigError as error:
    print(error)
"""

CELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.kernel = object()
shell.run_line_magic("load_ext", "nbchat")
print(shell.run_cell({cell!r}).success)
"""


def run(code):
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "Session().ask('Hi')",
        "Session(base_url='http://127.0.0.1:9/v1', model='m').ask('Hi')",
    ],
)
def test_without_threads_one_sentence_says_so(code):
    (said,) = run(NO_THREADS + ASK.format(code=code)).splitlines()
    assert "can't start new thread" in said
    assert "Pyodide" in said


@pytest.mark.parametrize(
    ("lacking", "cell", "sentence"),
    [
        (NO_THREADS, "%%chat\nHi", "nbchat works in background threads"),
        (NO_THREADS, "%%chat -t 0,1\nHi", "nbchat works in background threads"),
        (NO_THREADS, "%chat panel", "nbchat works in background threads"),
        (NO_WIDGETS, "%chat panel", "A panel is made of widgets, which are missing here: "),
        (NO_WIDGETS, "import nbchat\nnbchat.session().panel()", "A panel is made of widgets, which are missing here: "),
    ],
)
def test_a_cell_fails_in_one_line(lacking, cell, sentence):
    said = run(lacking + CELL.format(cell=cell)).splitlines()
    assert said[-1] == "False"
    assert len([line for line in said if line.startswith(f"ConfigError: {sentence}")]) == 1
    assert not [line for line in said if "Traceback" in line]


def test_a_script_has_no_panel():
    (said,) = run(ASK.format(code="Session().panel()")).splitlines()
    assert said == "A panel needs a Jupyter notebook; this is not one."
