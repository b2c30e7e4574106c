"""Processes killed in the midst of a run: the next one sends the rows that were in flight, and those behind them."""

import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter

import pytest

from nbchat.frontend import Session
from nbchat.rows.mapping import MapInterrupted
from nbchat.store.opening import journal_path
from nbchat.testing import Say, ScriptedServer
from tests.environment import PATIENCE, ROOT

ROWS = [f"row {number}" for number in range(400)]
AT_ONCE = 8

RUN = f"""
import sys
from nbchat import Session
rows = [f"row {{number}}" for number in range({len(ROWS)})]
Session(base_url=sys.argv[1], model="m").map(rows, "{{item}}", concurrency={AT_ONCE})
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed by a signal")


def asked(server):
    return Counter(request.json["messages"][-1]["content"] for request in server.requests)


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_run_pays_for_nothing_twice_but_what_was_in_flight(seed):
    draw = random.Random(seed)
    with ScriptedServer(default=lambda request: Say(request.json["messages"][-1]["content"].upper())) as server:
        process = None
        for stop_at in sorted(draw.sample(range(20, 380), 2)):
            process = subprocess.Popen([sys.executable, "-c", RUN, server.base_url], cwd=ROOT)
            while len(asked(server)) < stop_at and process.poll() is None:
                server.wait_for_request(timeout=PATIENCE)
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        result = Session(base_url=server.base_url, model="m").map(ROWS, "{item}", concurrency=AT_ONCE)
        assert result == [row.upper() for row in ROWS]
        repeated = asked(server).total() - len(ROWS)
        assert repeated <= 2 * 2 * AT_ONCE, "two kills, each with rows in flight and those being written"
        (counted,) = [sum(entry.requests for entry in Session().ledger(everywhere=True))]
        assert len(ROWS) <= counted <= asked(server).total()


@pytest.mark.parametrize("seed", range(8))
def test_an_interrupt_at_any_time_keeps_what_was_answered_and_pays_for_the_rest_alone(seed):
    """The signal comes with a request, while the main thread is anywhere in its work."""
    draw = random.Random(seed)
    stop_at, main = draw.randrange(1, 120), threading.main_thread().ident
    came = itertools.count(1)

    def answer(request):
        if next(came) == stop_at:
            signal.pthread_kill(main, signal.SIGINT)
        return Say(request.json["messages"][-1]["content"].upper())

    rows = ROWS[:150]
    with ScriptedServer(default=answer) as server:
        chat = Session(base_url=server.base_url, model="m")
        with pytest.raises(MapInterrupted) as stopped:
            chat.map(rows, "{item}", concurrency=AT_ONCE)
        result = stopped.value.result
        assert all(value in (None, row.upper()) for value, row in zip(result, rows, strict=True))
        assert result.retry(concurrency=AT_ONCE) == [row.upper() for row in rows]
        assert asked(server).total() <= len(rows) + AT_ONCE


TOLD = """
import os, signal, sys
from nbchat import Session

def told(position, outcome):
    print(position, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

Session(base_url=sys.argv[1], model="m").map([f"row {number}" for number in range(20)], "{item}", concurrency=4, on_row=told)
"""


def test_a_row_that_was_told_of_is_never_paid_again():
    """Another process holds the journal while the first rows are answered."""
    holder = sqlite3.connect(journal_path(), isolation_level=None, check_same_thread=False)
    came = itertools.count(1)

    def answer(request):
        number = next(came)
        if number == 1:
            holder.execute("BEGIN IMMEDIATE")
        elif number == 4:
            threading.Timer(0.3, holder.execute, ["ROLLBACK"]).start()
        return Say(request.json["messages"][-1]["content"].upper())

    with ScriptedServer(default=answer) as server:
        child = subprocess.run(
            [sys.executable, "-c", TOLD, server.base_url], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
        )
        assert child.returncode == -signal.SIGKILL
        Session(base_url=server.base_url, model="m").map(ROWS[:20], "{item}", concurrency=4)
        assert asked(server)[f"row {child.stdout.strip()}"] == 1
    holder.close()
