"""Opening a notebook where there is no screen runs it and prints what it says."""

import io
import sys

import nbformat
import pytest

from nbchat.__main__ import main
from nbchat.magics.notebook_runner import has_screen, run_and_print
from nbchat.values.errors import ConfigError


def write(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), *cells]), path)
    return path


def test_every_cell_is_printed_with_its_text(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("NBCHAT_BASE_URL", "built-in")
    shown = "from IPython.display import Markdown\nMarkdown('**bold** \\x1b[2J')"
    notebook = write(tmp_path / "a.ipynb", "print('one')\n1 + 1", shown)
    before, out = notebook.read_bytes(), io.StringIO()
    assert run_and_print(notebook, out)
    text = out.getvalue()
    assert "# Title" in text
    assert "[2]\n  > print('one')\n  > 1 + 1\n  one\n  2\n" in text
    assert "**bold**" in text
    assert "\x1b" not in text
    assert notebook.read_bytes() == before
    assert capfd.readouterr().err == ""


def test_it_runs_beside_the_notebook_and_finds_nbchat(tmp_path, monkeypatch):
    """Also from a checkout that nobody installed."""
    monkeypatch.setenv("PYTHONPATH", "")
    notebook = write(tmp_path / "a.ipynb", "import os, nbchat; print(os.getcwd())")
    out = io.StringIO()
    assert run_and_print(notebook, out)
    assert str(tmp_path.resolve()) in out.getvalue()


def test_a_cell_that_fails_is_named_and_the_command_fails(tmp_path, capsys):
    notebook = write(tmp_path / "a.ipynb", "1 + 1", "1 / 0", "print('never')")
    assert main(["open", "--execute", str(notebook)]) == 1
    text = capsys.readouterr().out
    assert text.splitlines()[-1].endswith("failed at cell 3: ZeroDivisionError: division by zero")
    assert "\nnever" not in text


@pytest.mark.parametrize("content", ["", "hello", "{}", "[]", '{"cells": 3, "nbformat": 4, "nbformat_minor": 5}'])
def test_a_file_that_is_no_notebook_is_said_in_one_line(tmp_path, content):
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    with pytest.raises(ConfigError, match="is not a notebook") as refused:
        run_and_print(path, io.StringIO())
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there is always a screen")
def test_there_is_a_screen_where_one_is_named(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not has_screen()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert has_screen()
