"""Front ends that ignore updates: the whole answer as plain text, chosen without being told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nbchat.testing import Say
from tests.environment import PATIENCE, clean_environment

ANSWER = "First line of it.\n\n" + "\n".join(f"* point {number}" for number in range(10)) + "\n\nThe last line."


@pytest.fixture
def cells(server):
    """A cell that connects, one that asks, a bad one, and a panel; as calls, because a console takes single lines."""
    server.add(Say(ANSWER, usage=(7, 3)))
    return [
        f"%load_ext nbchat\n%chat connect {server.base_url} --model scripted-1",
        "get_ipython().run_cell_magic('chat', '--once', 'Hi')",
        "get_ipython().run_cell_magic('chat', '--tempo 1', 'Hi')",
        "%chat panel",
    ]


def assert_all_is_there(shown):
    for line in ANSWER.split("\n"):
        assert line.replace("* ", "") in shown
    assert "7 → 3 tokens" in shown
    assert "UsageError: There is no option --tempo." in shown
    assert "ConfigError: A panel needs a Jupyter notebook; this is not one." in shown
    assert "Traceback" not in shown
    assert "No such comm" not in shown


def test_jupyter_console(cells, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_console", "--simple-prompt"],
        input="\n".join([*cells, "exit", ""]),
        env={**clean_environment(tmp_path), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert_all_is_there(done.stdout + done.stderr)  # errors go to the second


def test_qtconsole(cells, tmp_path):
    """A real console without a screen; its kernel knows it by the command that started it."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("qtconsole_run.py")), json.dumps(cells)],
        env={**clean_environment(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert_all_is_there(done.stdout)


def test_spyders_kernel(cells, tmp_path, monkeypatch, new_kernel):
    """Spyder's kernel, as its console drives it: what shows without updates."""
    spec = tmp_path / "kernels" / "spyder" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "spyder_kernels.console", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Spyder", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    kernel = new_kernel("spyder")
    results = [kernel.run(cell) for cell in cells]
    lines = ["".join(output["text"] for output in result.outputs if "text" in output) for result in results]
    lines += [line for result in results if result.error for line in result.error.traceback]
    assert_all_is_there("\n".join(lines))
    assert [result.count("update_display_data") for result in results[1:]] == [0, 0, 0]
    assert kernel.comms == []
