"""nbchat as it is installed, on every Python it supports that this machine has.

    python -m tests.pythons [--all | --scripts] [pytest arguments]

Builds the wheel, and checks that all files of the package are in it. On each Python other than the running one (whose
whole suite is `pytest`'s business) it installs the wheel in a fresh environment and runs the groups that a Python's
version matters to, from a copy of the tests without the source; on the running Python the scripts only, unless `--all`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.environment import ROOT
from tests.installed import build_wheel, lay_out_tests, make_environment, run_tests

OLDEST = (3, 11)
GROUPS = ("tests/scripts", "tests/kernel", "tests/conversation", "tests/store")
OWN = ("tests/scripts",)

PACKAGES = (
    "altair",
    "cryptography",
    "genai-prices",
    "hypothesis",
    "jupyter_client",
    "matplotlib",
    "nbclient",
    "numpy",
    "pandas",
    "pexpect",
    "pillow",
    "polars",
    "pyarrow",
    "pydantic",
    "pytest",
)
"""What these groups need beside nbchat itself."""

PROBE = "import ensurepip, sqlite3, ssl, sys, venv; print(sys.implementation.name, *sys.version_info[:3])"


def pythons() -> dict[tuple[int, int], Path]:
    """The interpreters of this machine that nbchat supports, one for each version: the newest of its patches."""
    names = [f"python3.{minor}" for minor in range(OLDEST[1], 30)]
    found = [Path(path) for path in map(shutil.which, names) if path is not None]
    found += Path.home().glob(".pyenv/versions/3.*/bin/python3")
    newest: dict[tuple[int, int], tuple[int, Path]] = {}
    for path in found:
        done = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, check=False)
        if done.returncode != 0 or not (said := re.fullmatch(r"cpython (\d+) (\d+) (\d+)\s*", done.stdout)):
            continue
        major, minor, patch = map(int, said.groups())
        if (major, minor) >= OLDEST and patch >= newest.get((major, minor), (-1, path))[0]:
            newest[major, minor] = (patch, path)
    return {version: path for version, (_patch, path) in sorted(newest.items())}


def missing_from(wheel: Path) -> list[str]:
    """The files of the package that are not in a wheel, and those in it that are not of the package."""
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (path for path in (ROOT / "nbchat").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(inside ^ {path.relative_to(ROOT).as_posix() for path in files})


def test(python: Path, wheel: Path, groups: tuple[str, ...], arguments: list[str], home: Path) -> tuple[int, str]:
    """Run groups against the wheel in a fresh environment; pytest's exit code and what it printed."""
    interpreter = make_environment(home / "environment", [wheel, *PACKAGES], python)
    root = lay_out_tests(home / "tests")
    with (home / "printed").open("w+b") as printed:
        code = run_tests(interpreter, ["-q", *groups, *arguments], root=root, output=printed.fileno())
        printed.seek(0)
        return code, printed.read().decode(errors="replace")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.pythons", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--all", action="store_true", help="all groups on the running Python too")
    parser.add_argument("--scripts", action="store_true", help="only the group of scripts, on every Python")
    options, arguments = parser.parse_known_args()
    found = {**pythons(), sys.version_info[:2]: Path(sys.executable)}
    with tempfile.TemporaryDirectory(prefix="nbchat-pythons-") as name, ThreadPoolExecutor(os.cpu_count()) as pool:
        wheel = build_wheel(Path(name))
        if wrong := missing_from(wheel):
            print(f"{wheel.name} and the package differ in: {', '.join(wrong)}")
            return 1
        if len(found) == 1:
            print(f"No other Python from 3.{OLDEST[1]} on this machine.")
        running = {}
        for version, python in sorted(found.items(), reverse=True):
            own = version == sys.version_info[:2] and not options.all
            groups = OWN if own or options.scripts else GROUPS
            home = Path(name, "{}.{}".format(*version))
            home.mkdir()
            running[version] = groups, pool.submit(test, python, wheel, groups, arguments, home)
        failed = 0
        for (major, minor), (groups, future) in running.items():
            code, printed = future.result()
            failed |= code
            print(f"\nPython {major}.{minor}, {wheel.name}: {' '.join(groups)}\n{printed}", flush=True)
    return int(failed != 0)


if __name__ == "__main__":
    sys.exit(main())
