"""What the journal costs: a write at 100,000 turns, opening a session of 1,000 turns, and streaming.

`python -m tests.bench_store [TURNS]` prints a table, with what each may take at most.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nbchat.conversation.registry import stored_session
from nbchat.conversation.session import Session
from nbchat.store.journal import Journal
from nbchat.store.opening import journal as opened_journal
from tests.environment import ROOT
from tests.store.turns import write_turn

TEXT = "The quick brown fox jumps over the lazy dog near the river bank. " * 20


def seconds(work, clock=time.perf_counter):
    start = clock()
    work()
    return clock() - start


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
        os.environ["NBCHAT_STORE"] = str(Path(folder) / "j.sqlite")
        opened()
        opening = min(seconds(opened, time.process_time) for _ in range(5))
        row("opening a session of 1,001 turns, CPU", f"{opening * 1000:.0f} ms", "50 ms")
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
        journal.close(5.0)
        row("streaming 10,000 chunks, CPU with / without", f"{streaming(Path(folder)):.2f}", "1.2")


def opened():
    assert len(Session.reopen(stored_session("s")).turns) == 1001


SERVER = """
import sys
from nbchat.testing import Say, ScriptedServer
with ScriptedServer() as server:
    server.default = Say([f"word{n} " for n in range(10_000)])
    print(server.base_url, flush=True)
    sys.stdin.read()
"""


def streaming(folder):
    """The CPU of this process for an answer with the journal, in relation to one without."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as server:
        url = server.stdout.readline().strip()
        stores = {"without": "off", "with": str(folder / "streamed.sqlite")}
        rounds = [{name: answered(url, store) for name, store in stores.items()} for _ in range(8)][1:]
        server.stdin.close()
    return statistics.median(one["with"] for one in rounds) / statistics.median(one["without"] for one in rounds)


def answered(url, store):
    os.environ["NBCHAT_STORE"] = store
    chat = Session(base_url=url, model="scripted-1")
    start = time.process_time()
    with chat.stream("Hello", once=True) as events:
        for _ in events:
            pass
    if (file := opened_journal()) is not None:
        file.flush(10.0)
    return time.process_time() - start


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
