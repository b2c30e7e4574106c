"""What the journal costs: a write at 100,000 turns, opening a session of 1,000 turns, and finding a word.

`python -m tests.bench_store` prints a table. Ratios and limits are those of the budget in the design.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from nbchat.store.journal import Journal
from tests.store.turns import write_turn

TEXT = "The quick brown fox jumps over the lazy dog near the river bank. " * 20


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def write(journal, session, number):
    asked = f"Question {number}? {TEXT[:200]}"
    write_turn(journal, session, number, asked, f"{TEXT} {number}", cell=f"cell-{number}")


def timed_writes(journal, session, first, count):
    def one(number):
        write(journal, session, number)
        journal.flush(5.0)

    return [seconds(lambda number=number: one(number)) for number in range(first, first + count)]


def row(what, figure, limit):
    print(f"{what:<58} {figure:>10} {limit:>14}")


def main(most=100_000):
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "j.sqlite")
        write(journal, "s", 0)
        journal.flush(5.0)
        row("", "measured", "at most")
        first = timed_writes(journal, "s", 1, 1000)
        row("a write, median of the first 1,000 turns", f"{statistics.median(first) * 1000:.2f} ms", "2 ms")
        other = Journal(Path(folder) / "j.sqlite")
        row("opening a session of 1,000 turns", f"{seconds(lambda: opened(other, 's')) * 1000:.0f} ms", "50 ms")
        for number in range(1001, most):
            write(journal, f"s{number % 100}", number)
            if number % 1000 == 0:
                journal.flush(60.0)
        last = timed_writes(journal, "s", most, 1000)
        row(f"a write at {most:,} turns, median", f"{statistics.median(last) * 1000:.2f} ms", "2 ms")
        worst = statistics.quantiles(last, n=100)[-1]
        row("  the slowest in a hundred", f"{worst * 1000:.2f} ms", "")
        row("  compared with the first", f"{statistics.median(last) / statistics.median(first):.2f}", "1.3")
        row("finding a word", f"{seconds(lambda: journal.find('Question 77777')) * 1000:.0f} ms", "")
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        row("the file", f"{size / 2**20:.0f} MB", "")
        other.close(5.0)
        journal.close(5.0)


def opened(journal, session):
    places, answers = journal.places(session), journal.answers(session)
    assert len(places) == 1001
    assert len(answers) == 1001


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
