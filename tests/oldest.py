"""The kernel and notebook tests against the oldest versions that nbchat promises to work with (Colab's, about).

    python -m tests.oldest [--venv DIRECTORY] [pytest arguments]

The versions are the lower bounds in pyproject.toml. They are installed in a fresh virtual environment, which goes away
again unless a directory is given; one that exists already is used as it is.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.environment import ROOT
from tests.installed import make_environment, run_tests

ROOMS = ("tests/kernel", "tests/magics", "tests/cells", "tests/display", "tests/markdown", "tests/panel", "tests/views")

OLDER = {"jupyter_client": "7.4.9", "notebook": "6.5.7"}
"""Of the tests' own packages: with the lower bounds of pyproject.toml the old ones could not be installed beside them."""

NEWER = {"tornado": "6.2"}
"""Where the lower bound has no wheel for the Python versions that nbchat runs on."""

WANTED = (
    "altair",
    "hypothesis",
    "matplotlib",
    "numpy",
    "pandas",
    "pexpect",
    "polars",
    "pyarrow",
    "pydantic",
    "pytest",
)
"""What these tests need of the extra `test`, at whichever version comes with the others."""

IGNORED = ("-W", "ignore::DeprecationWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning")
"""Old packages on a newer Python; the warnings of the newest ones are errors in the usual run."""


def oldest() -> dict[str, str]:
    """The oldest versions by name: nbchat's own dependencies and what the tests drive kernels with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = (re.findall(r"^([\w.-]+)>=([\d.]+)", line) for line in project["dependencies"])
    return {**{name: version for ((name, version),) in bounds}, **NEWER, **OLDER}


def install(home: Path) -> Path:
    """Make the environment; its interpreter."""
    constraints = home.with_name(f"{home.name}.txt")
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in oldest().items()), encoding="utf-8")
    return make_environment(home, ["-c", constraints, "-e", ROOT, *OLDER, *WANTED])


def run(home: Path, arguments: list[str]) -> int:
    """Run the tests there; pytest's exit code."""
    chosen = [word for word in arguments if not word.startswith("-") and (ROOT / word.partition("::")[0]).exists()]
    rooms = [] if chosen else list(ROOMS)
    return run_tests(install(home), [*IGNORED, *rooms, *arguments])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.oldest", description=__doc__.split("\n")[0])
    parser.add_argument("--venv", type=Path, help="where the virtual environment is, or is to be made")
    options, arguments = parser.parse_known_args()
    if options.venv is not None:
        return run(options.venv.resolve(), arguments)
    with tempfile.TemporaryDirectory(prefix="nbchat-oldest-") as home:
        return run(Path(home, "environment"), arguments)


if __name__ == "__main__":
    sys.exit(main())
