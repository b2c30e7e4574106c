"""Environments of their own for tests: other Pythons, other packages, and nbchat as a user installs it, from a wheel.

`uv` does the work where it is to be had; else `venv` and pip do.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.environment import ROOT

LEFT_OUT = ("nbchat", ".git", ".venv", "build", "dist", ".*_cache", "__pycache__", ".hypothesis", "*.egg-info")
"""What the tests of an installed nbchat must not find beside them: its source first of all."""


@functools.cache
def uv() -> str | None:
    """The command, if it works (a pyenv shim may not)."""
    found = shutil.which("uv")
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if found is not None:
            subprocess.run([found, "--version"], check=True, capture_output=True)
            return found
    return None


def make_environment(home: Path, packages: Sequence[str | Path], python: str | Path = sys.executable) -> Path:
    """Make a virtual environment in `home` with packages, unless there is one; its interpreter."""
    interpreter = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if interpreter.exists():
        return interpreter
    try:
        _install(home, interpreter, [str(package) for package in packages], python)
    except BaseException:  # half an environment would be taken for a whole one next time
        shutil.rmtree(home, ignore_errors=True)
        raise
    return interpreter


def _install(home: Path, interpreter: Path, packages: Sequence[str], python: str | Path) -> None:
    if (command := uv()) is not None:
        _run([command, "venv", "-q", "-p", str(python), str(home)])
        _run([command, "pip", "install", "-q", "--python", str(interpreter), *packages])
        return
    _run([str(python), "-m", "venv", str(home)])
    if packages:
        _run([str(interpreter), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages])


def build_wheel(into: Path) -> Path:
    """Build the wheel of this checkout into a directory; its path."""
    if (command := uv()) is not None:
        _run([command, "build", "-q", "--wheel", "--out-dir", str(into), str(ROOT)])
    else:
        builder = make_environment(into / "builder", [])
        _run([str(builder), "-m", "pip", "wheel", "-qq", "--no-deps", "-w", str(into), str(ROOT)])
    (wheel,) = into.glob("*.whl")
    return wheel


def lay_out_tests(into: Path) -> Path:
    """Copy the checkout without the package, so that tests there can use an installed nbchat only; the copy's path."""
    return Path(shutil.copytree(ROOT, into, ignore=shutil.ignore_patterns(*LEFT_OUT)))


def run_tests(python: Path, arguments: Iterable[str], *, root: Path = ROOT, output: int | None = None) -> int:
    """Run pytest with an interpreter; its exit code. `output` is a file descriptor for what it prints; None = ours."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=root, env=kept, check=False, stdout=output, stderr=None if output is None else subprocess.STDOUT
    ).returncode


def _run(command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)
