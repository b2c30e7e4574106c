"""What an installed nbchat brings along besides its code, and the command that it installs."""

import subprocess
import sys
from importlib.metadata import entry_points, metadata

import pytest

import nbchat
from tests.environment import PACKAGE, ROOT


@pytest.mark.parametrize(
    "name",
    [
        "__init__.pyi",
        "py.typed",
        "ARCHITECTURE.md",
        "OPTIONS.md",
        "api/PROTOCOL.md",
        "magics/prompts/doc.md",
        "magics/prompts/explain.md",
        "magics/prompts/fix.md",
    ],
)
def test_a_non_module_file_is_installed(name):
    assert (PACKAGE / name).is_file()


def test_it_says_what_it_is():
    about = metadata("jupyter-nbchat")
    assert about["Version"] == nbchat.__version__
    assert about["License-Expression"] == "MIT"
    (command,) = entry_points(group="console_scripts", name="nbchat")
    assert command.load().__module__ == "nbchat.__main__"


def test_every_module_can_be_imported_on_this_python_without_a_warning():
    """Each in the same process: what one of them needs of another is no accident of the order."""
    code = (
        "import importlib, pkgutil, nbchat\n"
        "for found in pkgutil.walk_packages(nbchat.__path__, 'nbchat.'):\n"
        "    found.name.endswith('__main__') or importlib.import_module(found.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
