"""A long day of one kernel: what is lost, what leaks, what grows.

    python -m tests.soak [--cells 1000] [--replies 10000] [--long 50] [--interrupts 200] [--rounds 4] [--seed 0]

In one kernel: cells in sessions of fifty turns, short replies through `Session.ask`, long answers in cells, cells that
are interrupted at a random moment, and every fault of the protocol rules, again and again. After each part it prints
what the process holds; at the end, turns that were lost or altered and what leaked. Exits with 1 if any were, or if
memory grew by more than `--most` MB after the first round.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from nbchat.testing import (
    DONE,
    Answer,
    Cut,
    Hang,
    Pause,
    Plain,
    Raw,
    Received,
    Refuse,
    Say,
    ScriptedServer,
    StaleKeepAlive,
    Status,
    Stream,
    chunk,
    error,
    tool_call,
)
from nbchat.values import errors
from tests.kernel.kernels import Kernel, Run

TURNS = 50
"""Turns of a session before the next one begins."""

PATIENCE = 120.0
"""Seconds that a cell may take on a busy machine."""

PROMPTLY = 10.0
"""Seconds within which an interrupted cell ends, on a busy machine."""

WORDS = "a short answer that is soon there"

FAULTS: dict[str, Answer] = {
    "refused": Refuse(),
    "stale keep-alive": StaleKeepAlive(),
    "400": Status(400, error("unknown parameter", param="temperature")),
    "401": Status(401, error("no such key")),
    "402": Status(402, error("no credit")),
    "404": Status(404, error("no such model")),
    "429": Status(429, error("too fast"), headers={"retry-after": "0.01"}),
    "500": Status(500, "<html>oops</html>"),
    "503": Status(503, None, headers={"retry-after": "0"}),
    "200 with an error": Plain(error("it failed all the same")),
    "200 with HTML": Raw(b"<!doctype html><p>log in</p>", content_type="text/html"),
    "an empty body": Raw(b""),
    "no JSON": Stream(["data: {not json\n\n", DONE]),
    "JSON of another kind": Plain([1, 2, 3]),
    "an error in mid-stream": Stream([chunk("Half"), error("overloaded")]),
    "cut gracefully": Stream([chunk("Half"), Cut()]),
    "cut by a reset": Stream([chunk("Half"), Cut(reset=True)]),
    "no end": Stream([chunk("Half of it")]),
    "an early finish": Stream([chunk("A"), chunk(finish_reason="stop"), chunk("B"), DONE]),
    "refusal": Stream([chunk(refusal="No."), chunk(finish_reason="stop"), DONE]),
    "an unknown tool": Say("", tool_calls=[tool_call("nothing_like_it", {"a": 1})]),
    "broken UTF-8": Raw(b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\ndata: [DONE]\n\n'),
    "comments": Stream([": keep-alive\n\n"] * 50 + [chunk("x", finish_reason="stop"), DONE]),
    "no usage": Say("no usage", usage=None),
    "silent, then there": Stream([Pause(0.2), chunk("late"), chunk(finish_reason="stop"), DONE]),
}
"""One of each kind; the second try of a message is answered well, so that retries end."""

SET_UP = """
import asyncio, gc, json, os, threading
from nbchat import Session
from nbchat.conversation.process import process
import nbchat.frontend
registry = nbchat.frontend.registry()
chat = Session(base_url={base_url!r}, model="scripted-1")

def measure():
    for _ in range(3):
        gc.collect()
    files = []
    for number in os.listdir("/proc/self/fd"):
        try:
            files.append(os.readlink("/proc/self/fd/" + number))
        except OSError:
            pass
    engine = process.engine()
    try:
        from comm import get_comm_manager
    except ImportError:  # older ipykernels have their own
        get_comm_manager = lambda: get_ipython().kernel.comm_manager
    return {{
        "MB": int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks(engine._loop)),
        "sockets": sum(name.startswith("socket:") for name in files),
        "files": len(files),
        "comms": len(get_comm_manager().comms),
    }}

def turns(name):
    found = registry.open(name).turns
    return [(turn.message.as_typed, turn.reply.text, turn.reply.status) for turn in found]
"""


def answer(request: Received, tries: dict[str, int]) -> Answer:
    """The answer that a message asks for: `KIND DETAIL…`."""
    asked = request.json["messages"][-1]["content"]
    kind, _, detail = asked.partition(" ")
    tries[asked] = tries.get(asked, 0) + 1
    match kind:
        case "fault" if tries[asked] == 1:
            return FAULTS[detail.partition(" / ")[0]]
        case "long":
            return Say(" ".join(f"word{number}" for number in range(10_000)), chunks=5_000)
        case "slow":
            return Stream([*(step for number in range(40) for step in (chunk(f"{number} "), Pause(0.01))), Hang()])
    return Say(f"{WORDS} {asked}", delay=0.0005)


class Soak:
    """One kernel, the server that it talks to, and what should be in its sessions."""

    def __init__(self, kernel: Kernel, server: ScriptedServer, chance: random.Random) -> None:
        self.kernel, self.server, self.chance = kernel, server, chance
        self.wrong: list[str] = []
        self.asked: dict[str, list[tuple[str, bool]]] = {}
        self.number = itertools.count()

    def run(self, code: str) -> Any:
        """Run a cell that must not fail; what it printed, as JSON where there is any."""
        result = self.kernel.run(code, timeout=600)
        if result.status != "ok":
            self.wrong.append(f"{code!r:.80} failed: {result.error}")
            return None
        return json.loads(result.stdout) if result.stdout.strip() else None

    def measure(self) -> dict[str, float]:
        """What the process holds."""
        return self.run("print(json.dumps(measure()))") or {}

    def ask(self, message: str, *, interrupt: float | None = None, options: str = "") -> None:
        """Ask in a cell, and interrupt it after some seconds; anything but an answer or a sentence is wrong."""
        name = f"soak-{next(self.number) // TURNS}"
        running = self.kernel.start(f"%%chat --session {name} {options}\n{message}")
        if interrupt is not None:
            running.until(lambda run: run.messages)  # an idle kernel takes no notice of interrupts
            self._interrupt(running, message, interrupt)
        result = running.wait(PATIENCE)
        if result.error is not None and not hasattr(errors, result.error.name):
            self.wrong.append(f"{message!r} ended with {result.error.name}: {result.error.value:.200}")
        if (
            result.error is not None
            and len(result.error.traceback) > 1
            and "KeyboardInterrupt" not in result.error.name
        ):
            self.wrong.append(f"{message!r} showed a traceback: {result.error.traceback[-1]:.200}")
        if "--once" not in options:
            self.asked.setdefault(name, []).append((message, result.status == "ok"))

    def _interrupt(self, running: Run, message: str, seconds: float) -> None:
        """Interrupt after some seconds, and again where that had no effect; which is wrong."""
        for _ in range(5):
            time.sleep(seconds)
            self.kernel.interrupt()
            with contextlib.suppress(TimeoutError):
                running.until(lambda run: run.done, PROMPTLY)
                return
            self.wrong.append(f"{message!r} ran on after an interrupt")

    # The parts of a round

    def cells(self, count: int) -> None:
        """Cells, some with a sweep, in the background, or with the panel."""
        for number in range(count):
            self.ask(f"cell {number}")
            if number % 25 == 24:
                self.run(f"%%chat -t 0,1 --once << runs\nsweep {number}")
                self.run(f"%%chat --background --once\nbackground {number}")
                self.run("%chat panel")

    def replies(self, count: int) -> None:
        """Short replies without display, 200 a cell."""
        for start in range(0, count, 200):
            some = min(200, count - start)
            self.run(
                f"for number in range({some}): assert chat.ask('hi', once=True, display=False).status == 'complete'"
            )

    def long(self, count: int) -> None:
        """Long answers with display."""
        for number in range(count):
            self.ask(f"long {number}", options="--once")

    def interrupts(self, count: int) -> None:
        """Interrupts at random moments, before, during and after the request."""
        for number in range(count):
            self.ask(f"slow {next(self.number)} {number}", interrupt=self.chance.uniform(0.0, 0.5))

    def faults(self, count: int) -> None:
        """Every fault, `count` times."""
        for number, name in itertools.product(range(count), FAULTS):
            self.ask(f"fault {name} / {next(self.number)} {number}")

    def lost(self) -> Iterator[str]:
        """Turns that are not as they should be."""
        for name, asked in self.asked.items():
            found = {
                message: (text, status)
                for message, text, status in self.run(f"print(json.dumps(turns({name!r})))") or []
            }
            for message, good in asked:
                text, status = found.get(message, (None, None))
                whole = f"{WORDS} {message}"
                if good and text is None:
                    yield f"{name}: no turn for {message!r}"
                elif message.startswith("cell") and good and (text, status) != (whole, "complete"):
                    yield f"{name}: {message!r} has {text!r:.60}, {status}"

    def left_running(self) -> list[str]:
        """Requests whose client has neither read to the end nor closed the connection."""
        return [
            str(request.json["messages"][-1]["content"])[:60]
            for request in self.server.requests
            if request.method == "POST" and not (request.finished.is_set() or request.closed.wait(5.0))
        ]


def show(part: str, seconds: float, held: dict[str, float]) -> None:
    """One line of the report."""
    print(f"{part:<24} {seconds:7.1f} s  " + "  ".join(f"{name} {value:g}" for name, value in held.items()), flush=True)


def soak(options: argparse.Namespace) -> int:
    """The whole of it; the exit code."""
    tries: dict[str, int] = {}
    with (
        tempfile.TemporaryDirectory(prefix="nbchat-soak-") as home,
        ScriptedServer() as server,
        closing(Kernel(Path(home))) as kernel,
    ):
        server.default = lambda request: answer(request, tries)
        work = Soak(kernel, server, random.Random(options.seed))
        work.run(f"%load_ext nbchat\n%chat connect {server.base_url} --model scripted-1")
        work.run(SET_UP.format(base_url=server.base_url))
        parts: list[tuple[str, Callable[[int], None], int]] = [
            ("cells", work.cells, options.cells),
            ("short replies", work.replies, options.replies),
            ("long answers", work.long, options.long),
            ("interrupts", work.interrupts, options.interrupts),
            ("faults", work.faults, options.rounds),
        ]
        first: dict[str, float] = {}
        for number, (name, part, count) in itertools.product(range(options.rounds), parts):
            began = time.monotonic()
            part(max(1, count // options.rounds))
            held = work.measure()
            show(f"{number + 1}. {name}", time.monotonic() - began, held)
            if number == 0:
                first = held
        wrong = [*work.wrong, *work.lost(), *(f"still running: {one}" for one in work.left_running())]
        wrong += [
            f"{name} grew from {first[name]:g} to {held[name]:g}"
            for name, most in {
                "threads": 2,
                "tasks": 2,
                "sockets": 8,
                "files": 12,
                "comms": 0,
                "MB": options.most,
            }.items()
            if held[name] > first[name] + most
        ]
    total = sum(map(len, work.asked.values()))
    print(f"{total} turns asked for, {len(tries)} messages; memory {first['MB']:.0f} to {held['MB']:.0f} MB")
    print("\n".join(wrong) or "Nothing was lost, nothing leaked.")
    return int(bool(wrong))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=(__doc__ or "").split("\n")[0])
    for name, count in {
        "cells": 1000,
        "replies": 10_000,
        "long": 50,
        "interrupts": 200,
        "rounds": 4,
        "seed": 0,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--most", type=float, default=20.0, help="MB that memory may grow after the first round")
    return soak(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
