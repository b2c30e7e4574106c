"""Run nbchat where it is said to run, each place in an environment of its own, and print the table of the README.

    python -m tests.environments [--keep DIRECTORY] [NAME …]

Without names, everywhere. `--keep` leaves the environments in a directory, from which the next run takes them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.installed import build_wheel, lay_out_tests, make_environment, run_tests
from tests.pythons import pythons

TESTS = ("cryptography", "hypothesis", "jupyter_client", "pandas", "pexpect", "pytest")
"""What every group needs."""

KERNEL = ("tests/kernel/test_cell.py", "tests/kernel/test_rerun.py", "tests/kernel/test_panel.py")

OLD = ("-W", "ignore::DeprecationWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning")
"""Warnings of old packages on a newer Python."""


@dataclass(frozen=True)
class Place:
    """Where nbchat runs: the title of its row, what is installed beside the wheel, and the tests that run there.

    `python` is the version wanted; where this machine has none, the running one serves. `told` shows in the table.
    """

    title: str
    packages: tuple[str, ...]
    tests: tuple[str, ...]
    told: str
    python: tuple[int, int] = (3, 13)


PLACES = {
    "ipykernel7": Place(
        "ipykernel 7", ("ipykernel>=7",), KERNEL, "cells, re-runs, interrupts, the panel and its subshells"
    ),
    "ipykernel6": Place(
        "ipykernel 6.29", ("ipykernel==6.29.5",), KERNEL, "cells, re-runs, interrupts, the panel", (3, 12)
    ),
    "colab": Place(
        "Colab's versions: IPython 7.34, ipykernel 6.17.1, ipywidgets 7.7.1, tornado 6.5",
        (
            "ipython==7.34",
            "ipykernel==6.17.1",
            "ipywidgets==7.7.1",
            "tornado==6.5",
            "jupyter_client==7.4.9",
            "notebook==6.5.7",
        ),
        (*OLD, *KERNEL, "tests/environments/in_colab.py"),
        "the same, with Colab's cell ids (not the site itself)",
    ),
    "xeus": Place(
        "xeus-python",
        ("xeus-python",),
        ("tests/environments/in_xeus.py",),
        "cells, sweeps, errors, one panel however often; `--background` says it can't; cells have no ids there, and"
        " `%%capture` fails in xeus-python 0.19 by itself",
    ),
    "consoles": Place(
        "jupyter console, qtconsole, Spyder's kernel",
        ("jupyter-console", "qtconsole", "PyQt5", "spyder-kernels"),
        ("tests/environments/in_consoles.py",),
        "answers as plain text, chosen by itself; no panel, in one sentence",
    ),
    "marimo": Place(
        "marimo",
        ("marimo",),
        ("tests/environments/in_marimo.py",),
        "`Session`; a reply, a sweep or a what-if view as last value shows itself; no magics, no panel",
    ),
    "documents": Place(
        "papermill, jupyter execute, nbconvert, Voila",
        ("papermill", "nbconvert", "nbclient", "voila", "pypandoc-binary"),
        ("tests/environments/in_documents.py",),
        "run, converted to asciidoc, html, latex, markdown, notebook, python, rst, script and slides, served; a bad cell"
        " is named with its sentence",
    ),
}


def run(place: Place, home: Path, wheel: Path) -> bool:
    """Make the environment and run the tests there; whether they passed."""
    python = pythons().get(place.python, Path(sys.executable))
    interpreter = make_environment(home, [wheel, *TESTS, *place.packages], python)
    with tempfile.TemporaryDirectory(prefix="nbchat-tests-") as copy:
        return run_tests(interpreter, ["-q", *place.tests], root=lay_out_tests(Path(copy, "tests"))) == 0


def table(results: dict[str, bool]) -> str:
    """The rows of the README."""
    rows = [
        f"| {PLACES[name].title} | {PLACES[name].told} | {'yes' if passed else '**fails**'} |"
        for name, passed in results.items()
    ]
    return "\n".join(["| where | what was run there | passed |", "|---|---|---|", *rows])


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.environments", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PLACES))
    parser.add_argument("--keep", type=Path, help="where the environments are, or are to be made")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in PLACES]:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(PLACES)}")
    with tempfile.TemporaryDirectory(prefix="nbchat-environments-") as made:
        homes = (options.keep or Path(made)).resolve()
        wheel = build_wheel(Path(made, "wheel"))
        results = {name: run(PLACES[name], homes / name, wheel) for name in options.names or PLACES}
    print(f"\n{table(results)}")
    return int(not all(results.values()))


if __name__ == "__main__":
    sys.exit(main())
