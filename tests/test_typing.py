"""What a user's type checker makes of nbchat: mypy, and pyright (as `basedpyright`, which brings its own Node)."""

import subprocess
import sys

import pytest

from tests.environment import ROOT

USES = str(ROOT / "tests" / "typed_uses.py")

CHECKERS = {
    "mypy": ["mypy", "--strict", USES],
    "pyright": ["basedpyright", "--level", "error", "--pythonpath", sys.executable, USES],
}


def checked(name, path=None):
    command = [sys.executable, "-m", *CHECKERS[name]]
    if path is not None:
        command[-1] = str(path)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", CHECKERS)
def test_the_uses_of_a_user_have_types(name):
    done = checked(name)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CHECKERS)
def test_a_wrong_use_is_told(name, tmp_path):
    """Proves that the test above can fail: nbchat's types are not `Any`."""
    path = tmp_path / "wrong.py"
    path.write_text("from nbchat import Session\nnumber: int = Session().ask('Hi').text\n")
    done = checked(name, path)
    assert done.returncode == 1
    assert "int" in done.stdout
