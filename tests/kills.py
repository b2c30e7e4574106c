"""Processes that are killed at random moments: turns, rows and files that nobody may lose.

    python -m tests.kills [--seconds 300] [--at-once 4] [--seed 0]

Each process asks in a session of its own, goes on with one that others share, or asks rows, some of them into a file; all
write one journal. It tells of each answer that it was given, and is ended by SIGKILL, SIGTERM, SIGHUP or one to three
SIGINTs. At the end everything that was told of must be in the journal, rows that were told of are not asked again, and
the other rows at most once more for each signal and slot. Exits with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nbchat import Session
from nbchat.store.opening import journal
from nbchat.testing import Say, ScriptedServer
from nbchat.values.errors import NbchatError

ROWS = 200
SLOTS = 8

SIGNALS = [*[signal.SIGKILL] * 6, *[signal.SIGINT] * 3, *[signal.SIGTERM] * 2, signal.SIGHUP]

Tell = Callable[..., None]


def rows_of(name: str) -> list[str]:
    """The rows that a run of this name asks."""
    return [f"{name} row {number}" for number in range(ROWS)]


def ask(chat: Session, life: str, tell: Tell) -> None:
    """Ask one question after another."""
    for number in itertools.count():
        message = f"{life} {number} {os.urandom(4).hex()}"
        tell(message=message, text=chat.ask(message, display=False).text)


def turns(url: str, name: str, life: str, tell: Tell) -> None:
    """Ask in a session of its own."""
    ask(Session(name=life, base_url=url, model="m"), life, tell)


def shared(url: str, name: str, life: str, tell: Tell) -> None:
    """Go on with a session that other processes have, too."""
    file = journal()
    stored = [row for row in file.sessions() if row.name == name] if file is not None else []
    chat = Session.reopen(stored[0]) if stored else Session(name=name)
    chat.connect(url)
    chat.set(model="m")
    ask(chat, life, tell)


def rows(url: str, name: str, life: str, tell: Tell) -> None:
    """Ask rows; a later process of the same name goes on with them."""
    chat = Session(name=life, base_url=url, model="m")
    chat.map(rows_of(name), "{item}", concurrency=SLOTS, on_row=lambda row, _: tell(row=row), display=False)


def file(url: str, name: str, life: str, tell: Tell) -> None:
    """Ask rows whose answers go into a file."""
    chat = Session(name=life, base_url=url, model="m")
    data = pa.table({"item": rows_of(name)})
    chat.map(
        data, "{item}", concurrency=SLOTS, out=f"{name}.parquet", display=False, on_row=lambda row, _: tell(row=row)
    )


KINDS = {one.__name__: one for one in (turns, shared, rows, file)}


def live(kind: str, url: str, name: str, life: str) -> None:
    """One process: goes on after an interrupt, as a user would, and writes what it is told to `LIFE.log`."""
    log = Path(f"{life}.log").open("ab", buffering=0)  # noqa: SIM115  # for as long as the process lives

    def tell(**said: object) -> None:
        log.write(json.dumps(said).encode() + b"\n")

    tell(begun=True)
    for _ in range(5):
        try:
            KINDS[kind](url, name, life, tell)
        except (KeyboardInterrupt, NbchatError):
            continue
        except BaseException:  # a finding
            tell(raised=traceback.format_exc())
        return


class Life:
    """A process and its end."""

    def __init__(self, kind: str, name: str, life: str, process: multiprocessing.process.BaseProcess) -> None:
        self.kind, self.name, self.process = kind, name, process
        self.log = Path(f"{life}.log")
        self.signals: list[signal.Signals] = []

    def end(self, chance: random.Random) -> None:
        """Send signals until it is gone, mostly once it was told something."""
        least = chance.choice([1, 2, 2, 2])
        while self.process.exitcode is None and not (self.log.exists() and len(self.said()) >= least):
            time.sleep(0.01)
        self.process.join(chance.uniform(0.0, chance.choice([0.1, 1.0])))
        while self.process.exitcode is None:
            self.signals.append(chance.choice(SIGNALS) if len(self.signals) < 3 else signal.SIGKILL)
            os.kill(self.process.pid or 0, self.signals[-1])
            self.process.join(chance.uniform(0.0, 0.5) if self.signals[-1] == signal.SIGINT else 20.0)

    def said(self) -> list[dict[str, object]]:
        """Everything that it told of."""
        return [json.loads(line) for line in self.log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def kill(options: argparse.Namespace, server: ScriptedServer) -> list[Life]:
    """Start processes and end them, the oldest first, for as long as was asked for."""
    chance, context = random.Random(options.seed), multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pyarrow.parquet", "nbchat.frontend", "nbchat.rows.mapping", "nbchat.store.journal"]
    )
    lives: list[Life] = []
    running: list[Life] = []
    until = time.monotonic() + options.seconds
    while time.monotonic() < until or running:
        while time.monotonic() < until and len(running) < options.at_once:
            number, kind = len(lives), chance.choice(list(KINDS))
            name, life = f"{kind}{number // 12}", f"{kind}-{number}"
            if kind in ("rows", "file") and any(one.name == name for one in running):
                continue  # one after another go on with the same rows
            process = context.Process(target=live, args=(kind, server.base_url, name, life))
            process.start()
            running.append(Life(kind, name, life, process))
            lives.append(running[-1])
        running.pop(0).end(chance)
    return lives


def lost(lives: list[Life], server: ScriptedServer, figures: Counter[str]) -> list[str]:
    """What is not as it was told of; `figures` counts what was checked."""
    with closing(sqlite3.connect(os.environ["NBCHAT_STORE"])) as connection:
        wrong = [f"the file: {row}" for (row,) in connection.execute("PRAGMA integrity_check") if row != "ok"]
    store = journal()
    sessions = [] if store is None else [Session.reopen(row) for row in store.sessions()]
    stored = {(turn.message.text, turn.reply.text) for session in sessions for turn in session.turns}
    told: dict[str, set[int]] = {}
    for life in lives:
        figures.update(one.name for one in life.signals)
        for said in life.said():
            figures.update(said.keys() & {"message", "row"})
            if "row" in said:
                told.setdefault(life.name, set()).add(int(str(said["row"])))
            if "message" in said and (said["message"], said["text"]) not in stored:
                wrong.append(f"{life.log.stem} {[one.name for one in life.signals]}: {said['message']!r} is lost")
            if "raised" in said:
                wrong.append(f"{life.log.stem}: {said['raised']}")
    for name in {life.name for life in lives if life.kind in ("rows", "file")}:
        before, stops = len(server.requests), sum(len(life.signals) for life in lives if life.name == name)
        KINDS["file"](server.base_url, name, "after", lambda **_: None)
        if pq.read_table(f"{name}.parquet")["answer"].to_pylist() != [row.upper() for row in rows_of(name)]:
            wrong.append(f"{name} has other answers")
        again = {request.json["messages"][-1]["content"] for request in server.requests[before:]}
        wrong += [
            f"{name}: row {row} was told of and asked again"
            for row in told.get(name, ())
            if rows_of(name)[row] in again
        ]
        total = sum(request.json["messages"][-1]["content"] in set(rows_of(name)) for request in server.requests)
        figures["rows asked twice"] += total - ROWS
        if total - ROWS > 2 * SLOTS * stops:
            wrong.append(f"{name}: {total - ROWS} rows were asked twice, with {stops} signals")
    return wrong


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=(__doc__ or "").split("\n")[0])
    for name, count in {"seconds": 300, "at-once": 4, "seed": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=count)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nbchat-kills-") as home:
        os.environ |= {"HOME": home, "NBCHAT_STORE": f"{home}/nbchat.sqlite", "NO_PROXY": "*"}
        os.chdir(home)
        with ScriptedServer(default=lambda request: Say(request.json["messages"][-1]["content"].upper())) as server:
            lives = kill(options, server)
            figures: Counter[str] = Counter()
            wrong = lost(lives, server, figures)
    print(f"{len(lives)} processes; " + ", ".join(f"{name} {count:,}" for name, count in sorted(figures.items())))
    print("\n".join(wrong) or "Nothing was lost.")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
