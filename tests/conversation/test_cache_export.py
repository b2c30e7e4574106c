"""`nbchat cache export`: what one notebook needs goes into a file beside it."""

import json
import subprocess
import sys

import pytest

from nbchat.conversation.session import Session
from nbchat.store.opening import journal
from nbchat.testing import Say
from tests.environment import ROOT


def nbchat(*arguments):
    command = [sys.executable, "-m", "nbchat", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "folder" / "analysis.ipynb"
    path.parent.mkdir()
    path.write_text(json.dumps({"cells": [{"id": "c1"}, {"id": "c2"}], "metadata": {}, "nbformat": 4}))
    return path


def test_another_machine_replays_the_exported_file(server, notebook, monkeypatch):
    server.add(Say("one"), Say("two"), Say("not this one"))
    chat = Session(base_url=server.base_url, model="scripted-1")
    chat.cache = True
    monkeypatch.setenv("NBCHAT_NOTEBOOK", str(notebook))
    chat.ask("by the path")
    monkeypatch.delenv("NBCHAT_NOTEBOOK")
    chat.ask("by the cell", cell_id="c2")
    chat.ask("elsewhere", cell_id="other")
    assert journal().flush(10.0)
    done = nbchat("cache", "export", notebook)
    assert (done.returncode, done.stderr) == (0, "")
    assert "wrote 2 answers" in done.stdout
    monkeypatch.setenv("NBCHAT_STORE", "off")
    monkeypatch.setenv("NBCHAT_CACHE", "on")
    monkeypatch.chdir(notebook.parent)
    elsewhere = Session(base_url=server.base_url, model="scripted-1")
    assert [elsewhere.ask(text).text for text in ("by the path", "by the cell")] == ["one", "two"]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "can't be read"), ("[]", "is not a notebook"), ('{"cells": []}', "has no answers to replay")],
)
def test_an_export_that_fails_is_one_sentence(server, notebook, content, said):
    server.add(Say("one"))
    Session(base_url=server.base_url, model="scripted-1").ask("a")
    assert journal().flush(10.0)
    if content is None:
        notebook.unlink()
    else:
        notebook.write_text(content)
    done = nbchat("cache", "export", notebook)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
