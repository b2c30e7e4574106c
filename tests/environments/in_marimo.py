"""marimo: `Session` in its cells, and answers as last values."""

import subprocess
import sys

import pytest

from nbchat.testing import Say
from tests.environment import ROOT, clean_environment

APP = """
import marimo
app = marimo.App()

@app.cell
def _():
    import nbchat
    chat = nbchat.Session(base_url={base_url!r}, model="scripted-1")
    return chat, nbchat

@app.cell
def _(chat, nbchat):
    {code}
    return

if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def export(server, tmp_path):
    """Runs code as a cell and returns the page, and marimo's exit code."""

    def run(code):
        (tmp_path / "app.py").write_text(APP.format(base_url=server.base_url, code=code))
        command = [sys.executable, "-m", "marimo", "export", "html", "app.py", "-o", "app.html", "--no-include-code"]
        environment = {**clean_environment(tmp_path), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        return (tmp_path / "app.html").read_text(), done.returncode

    return run


def test_a_reply_as_last_value_shows_itself(export, server):
    server.add(Say("The *whole* <b>answer</b>, to its last word" + " and further" * 20 + ": end."))
    page, code = export("chat.ask('Hi')")
    assert code == 0
    assert "The *whole* \\u0026lt;b\\u0026gt;answer" in page
    assert "further: end." in page


def test_a_sweep_as_last_value_shows_itself(export, server):
    server.add(Say("One."), Say("Two."))
    page, code = export("chat.sweep('Hi', temperature=[0, 1])")
    assert code == 0
    assert "One." in page
    assert "Two." in page


def test_what_fails_is_told_in_one_sentence(export):
    page, code = export("chat.ask('Hi', temperature=9)")
    assert code != 0
    assert "temperature must be a number from 0 to 2; got 9." in page


def test_a_panel_is_refused_in_one_sentence(export):
    page, code = export("chat.panel()")
    assert code != 0
    assert "A panel needs a Jupyter notebook; this is not one." in page


def test_the_notebook_as_a_script(server, tmp_path):
    server.add(Say("The answer."))
    (tmp_path / "app.py").write_text(APP.format(base_url=server.base_url, code="print(chat.ask('Hi').text)"))
    done = subprocess.run([sys.executable, "app.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("The answer.\n", "")
