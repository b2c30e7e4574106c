"""What a user's type checker makes of nbchat: mypy, and pyright (as `basedpyright`, which brings its own Node)."""

import subprocess
import sys

import pytest

from tests.environment import ROOT

USES = str(ROOT / "tests" / "typed_uses.py")

CHECKERS = {
    "mypy": ["mypy", "--strict"],
    "pyright": ["basedpyright", "--level", "error", "--pythonpath", sys.executable],
}


@pytest.mark.parametrize("name", CHECKERS)
def test_the_uses_of_a_user_have_types_and_a_wrong_one_is_told(name, tmp_path):
    """In one run of each, which takes seconds; the wrong use shows that nbchat's types are not `Any`."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from nbchat import Session\nnumber: int = Session().ask('Hi').text\n")
    command = [sys.executable, "-m", *CHECKERS[name], USES, str(wrong)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert done.returncode == 1
    assert len(errors) == 1, done.stdout + done.stderr
    assert "wrong.py:2" in errors[0]
    assert "int" in errors[0]
