"""Hostile input through nbchat's public surfaces, at random, until the time is over.

    python -m tests.fuzz [MINUTES] [--seed N] [--way NAME]

Each way goes from end to end: a line and a body to the server and back, values into a prompt, bytes on a socket through
the cell and the files and back, damaged files, tool calls, rows. It prints each new finding with the smallest example,
and at the end what ran. Exits with 1 if anything was found: an exception that is not one of nbchat's errors with one
sentence, a case that hangs, a text that is not the one that was sent, a key that shows, or anything that was lost.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck
from hypothesis import strategies as st

from nbchat.testing import ScriptedServer
from tests.environment import clean_environment
from tests.fuzz import answers, cells, files
from tests.fuzz.world import Finding, World, mutations

HUNG = 60
"""Seconds after which a case hangs."""

EXAMPLES = 100
"""Cases of one way before the next has its turn."""

Way = Callable[[World, Any], None]


def ways(world: World) -> dict[str, tuple[st.SearchStrategy[Any], Way]]:
    """Each way's cases, and what is done with them."""
    good = files.stored(world)
    journals = mutations(good) | files.damaged_pages(good)
    return {
        "cell": (cells.cells, cells.a_cell),
        "command": (cells.commands, cells.a_command),
        "prompt": (st.tuples(cells.prompts, st.booleans()), cells.a_prompt),
        "rows": (cells.rows, cells.some_rows),
        "stream": (answers.streams(), answers.a_stream),
        "bad stream": (answers.bad_streams(), answers.a_bad_answer),
        "bad head": (answers.bad_heads(), answers.a_bad_answer),
        "calls": (answers.calls, answers.some_calls),
        "file": (files.damaged_files(files.exported(world)), files.a_file),
        "journal": (st.tuples(journals, st.booleans()), files.a_journal),
    }


def fuzz(minutes: float, seed: int, only: str | None) -> int:
    """Go all ways in turn until the time is over; the exit code."""
    found: set[str] = set()
    cases: Counter[str] = Counter()
    end = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="nbchat-fuzz-") as folder, ScriptedServer() as server:
        os.environ.update(clean_environment(Path(folder)))
        os.chdir(folder)
        warnings.simplefilter("ignore")
        signal.signal(signal.SIGALRM, _hung)
        world = World(server, Path(folder))
        chosen = [(name, *way) for name, way in ways(world).items() if only in (None, name)]
        for number, (name, strategy, way) in zip(itertools.count(seed), itertools.cycle(chosen)):
            if time.monotonic() > end:
                break
            try:
                _go(world, name, strategy, way, number, cases)
            except BaseException as error:  # whatever it is, it is the finding
                if type(error) is KeyboardInterrupt:
                    break
                place = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{name}: {type(error).__name__} at {place.filename}:{place.lineno} {str(error)[:60]}"
                if where not in found:
                    found.add(where)
                    shown = "".join(traceback.format_exception(error))
                    print(f"\n=== {where} (seed {number})\n{shown[-8000:]}", flush=True)
        server._failure = None
        print(f"{cases.total():,} cases: {', '.join(f'{name} {count:,}' for name, count in cases.items())}")
        print(f"{len(found)} findings" if found else "Nothing was found.", flush=True)
    return int(bool(found))


def _go(world: World, name: str, strategy: Any, way: Way, seed: int, cases: Counter[str]) -> None:
    """Some cases of one way. Raises what was found, with its smallest example."""

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @hypothesis.given(strategy)
    def run(case: Any) -> None:
        cases[name] += 1
        signal.alarm(HUNG)
        try:
            way(world, case)
            world.check_noise()
        finally:
            signal.alarm(0)
            world.noise.clear()
            del world.server._requests[:-10]

    run()


def _hung(_signal: int, _frame: Any) -> None:
    raise Finding(f"it hangs for {HUNG} s")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("minutes", type=float, nargs="?", default=120.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--way", help="only this one: cell, command, prompt, …")
    options = parser.parse_args()
    return fuzz(options.minutes, options.seed, options.way)


if __name__ == "__main__":
    sys.exit(main())
