"""Kernels killed at any moment while others write the same file: what was written survives, and the file stays intact."""

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import time

import pytest

from tests.environment import ROOT
from tests.store.turns import text_of

KILLS = 240
AT_ONCE = 6
LONGEST_LIFE = 1.6
"""Seconds: long enough for several looks at what has come."""

LAST_SECOND = 1.0

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed by a signal")


def live(path, session, said):
    """Simulate a kernel: complete turns, then an answer that streams until the kill. Its actions are written to `said`."""
    from nbchat.store.journal import Journal
    from nbchat.values.answer.events import TextDelta
    from tests.store.turns import answer, arrange, opened, place

    log = said.open("ab", buffering=0)  # it is open for as long as the process lives
    journal = Journal(path)
    mine = opened(journal, session)
    for number in range(5):
        one = answer(f"q{number}", "answer " * number, cell=str(number))
        recording = journal.begin(mine, one)
        recording.add([TextDelta("answer " * number)])
        arrange(journal, session, number, [place(one.id)])
        journal.pause(recording)
        journal.finish(mine, one)
        if journal.flush(5.0):
            log.write(json.dumps({"whole": one.id}).encode() + b"\n")
    recording = journal.begin(mine, one := answer("long"))
    for number in range(10**6):
        piece = f"piece {number}, "
        log.write(json.dumps({"streams": one.id, "at": time.time(), "piece": piece}).encode() + b"\n")
        recording.add([TextDelta(piece)])
        time.sleep(0.002)


@pytest.fixture(scope="module")
def nursery():
    """Starts processes quickly: each is forked from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nbchat.store.journal", "tests.store.turns", "tests.store.test_kills"])
    return context


def test_hundreds_of_kills_lose_at_most_the_last_second(opened, path, tmp_path, nursery, monkeypatch):
    monkeypatch.chdir(ROOT)
    draw = random.Random(11)
    waiting = list(range(KILLS))
    living = []
    deaths = {}
    while waiting or living:
        while waiting and len(living) < AT_ONCE:
            number = waiting.pop()
            process = nursery.Process(target=live, args=(path, f"s{number}", tmp_path / f"said{number}"))
            process.start()
            living.append((time.time() + draw.uniform(0.0, LONGEST_LIFE), number, process))
        living.sort(key=lambda one: one[0])
        at, number, process = living.pop(0)
        time.sleep(max(0.0, at - time.time()))
        os.kill(process.pid, signal.SIGKILL)
        deaths[number] = time.time()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        process.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    journal = opened(path)
    streamed = 0
    for number, died in deaths.items():
        said = tmp_path / f"said{number}"
        lines = said.read_bytes().splitlines(keepends=True) if said.exists() else []
        events = [json.loads(line) for line in lines if line.endswith(b"\n")]
        stored = journal.answers(f"s{number}")
        assert {event["whole"] for event in events if "whole" in event} <= {
            one for one, answer in stored.items() if answer.status == "complete"
        }
        pieces = [event for event in events if "streams" in event]
        if pieces:
            due = "".join(event["piece"] for event in pieces if event["at"] < died - LAST_SECOND)
            one = stored.get(pieces[0]["streams"])
            came = "" if one is None else text_of(one)
            assert came.startswith(due)
            assert "".join(event["piece"] for event in pieces).startswith(came)
            streamed += bool(due)
    assert streamed > KILLS // 10, "the lives were long enough for text to be due"
    assert journal.warning() is None
