"""A long day of one kernel: what is lost, what leaks, what grows.

    python -m tests.soak [--cells 1000] [--replies 10000] [--long 50] [--interrupts 200] [--rounds 4] [--seed 0]

In one kernel: cells in sessions of fifty turns (with sweeps, answers in the background and the panel), short replies
through `Session.ask`, long answers in cells, cells, sweeps and rows that are interrupted at a random moment, and every
fault of the protocol rules, again and again. After each part it prints what the process holds; at the end, turns that
were lost or altered and what leaked. Exits with 1 if any were, or if memory grew by more than `--most` MB after the
first round.
"""

from __future__ import annotations

import argparse
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

from nbchat.testing import Answer, Hang, Pause, Received, Say, ScriptedServer, Stream, chunk
from tests.faults import AGAIN, EITHER, FAULTS, NO_TURN, Fault
from tests.kernel.kernels import Error, Kernel, Result

TURNS = 50
"""Turns of a session before the next one begins."""

PATIENCE = 120.0
"""Seconds that a cell may take on a busy machine."""

PROMPTLY = 10.0
"""Seconds within which an interrupted cell ends, on a busy machine."""

INTERRUPTED = {
    "slow": "%%chat --session {name}\n{message}",
    "slow sweep": "%%chat --session {name} -t 0,1\n{message}",
    "slow rows": "%%chat --session {name} --each [1,2,3]\n{message} {{item}}",
}
"""Cells to interrupt."""

WORDS = "a short answer that is soon there"

COUNTED = [f"{number} " for number in range(40)]
"""The pieces of an answer that never ends."""

SET_UP = """
import asyncio, gc, json, os, threading
from nbchat import Session
from nbchat.conversation.process import process
import nbchat.frontend
registry = nbchat.frontend.registry()

def measure():
    get_ipython().displayhook.flush()  # what `Out` holds
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
    return {
        "MB": int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks(engine._loop)),
        "sockets": sum(name.startswith("socket:") for name in files),
        "files": len(files),
        "comms": len(get_comm_manager().comms),
    }

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
            return FAULTS[detail.partition(" / ")[0]].answer
        case "long":
            return Say(" ".join(f"word{number}" for number in range(10_000)), chunks=5_000)
        case "slow":
            return Stream([*(step for number in COUNTED for step in (chunk(number), Pause(0.01))), Hang()])
    return Say(f"{WORDS} {asked}", chunks=3, delay=0.0005)


class Soak:
    """One kernel, the server that it talks to, and what should be in its sessions."""

    def __init__(self, kernel: Kernel, server: ScriptedServer, chance: random.Random) -> None:
        self.kernel, self.server, self.chance = kernel, server, chance
        self.wrong: list[str] = []
        self.asked: dict[str, list[tuple[str, Fault]]] = {}
        self.unheard = 0
        """Interrupts for which ipykernel itself gives up a cell before it runs, without a reply."""
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

    def ask(self, message: str, expected: Fault | None = None, *, options: str = "") -> None:
        """Ask in a cell. Anything but an answer or a sentence is wrong; `expected` None = the server's usual answer."""
        name = self._session()
        self._check(message, self.kernel.start(f"%%chat --session {name} {options}\n{message}").wait(PATIENCE))
        if "--once" not in options:
            self.asked.setdefault(name, []).append((message, expected or Fault(Say(), text=f"{WORDS} {message}")))

    def ask_and_interrupt(self, kind: str, message: str, seconds: float) -> None:
        """Ask in a cell, and interrupt it after some seconds; that it goes on is wrong."""
        name = self._session()
        running = self.kernel.start(INTERRUPTED[kind].format(name=name, message=message))
        running.until(lambda run: run.messages)  # an idle kernel takes no notice of interrupts
        time.sleep(seconds)
        self.kernel.interrupt()
        try:
            running.until(lambda run: run.idle, PROMPTLY)
        except TimeoutError:
            self.wrong.append(f"{message!r} ran on after an interrupt")
            self.kernel.interrupt()
            running.until(lambda run: run.idle)
        try:
            self._check(message, running.wait(1.0))
        except TimeoutError:
            self.unheard += 1
        if kind == "slow":
            self.asked.setdefault(name, []).append((message, Fault(Say(), EITHER, "".join(COUNTED))))

    def _session(self) -> str:
        return f"soak-{next(self.number) // TURNS}"

    def _check(self, message: str, result: Result) -> None:
        """A cell ends with an answer, one of nbchat's sentences, or a plain interrupt that came before it began."""
        if result.error is None or (result.error.name == "KeyboardInterrupt" and not _is_ours(result.error)):
            return
        if len(result.error.traceback) > 1:
            self.wrong.append(f"{message!r} showed a traceback: {result.error.traceback[-1]:.200}")

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
        """Short replies without display, 200 a cell and session."""
        for start in range(0, count, 200):
            some = min(200, count - start)
            self.run(
                "chat = Session()\n"
                f"for _ in range({some}): assert chat.ask('hi', once=True, display=False).status == 'complete'"
            )

    def long(self, count: int) -> None:
        """Long answers with display."""
        for number in range(count):
            self.ask(f"long {number}", options="--once")

    def interrupts(self, count: int) -> None:
        """Interrupts at random moments, before, during and after the request; half of them in the first moments."""
        for number, kind in zip(range(count), itertools.cycle(INTERRUPTED)):
            seconds = self.chance.uniform(0.0, self.chance.choice([0.02, 0.5]))
            self.ask_and_interrupt(kind, f"slow {next(self.number)} {number}", seconds)

    def faults(self, count: int) -> None:
        """Every fault, `count` times."""
        for number, (name, fault) in itertools.product(range(count), FAULTS.items()):
            message = f"fault {name} / {next(self.number)} {number}"
            self.ask(message, Fault(fault.answer, text=f"{WORDS} {message}") if fault.status == AGAIN else fault)

    def lost(self) -> Iterator[str]:
        """Turns that are not as they should be."""
        for name, asked in self.asked.items():
            found = {message: rest for message, *rest in self.run(f"print(json.dumps(turns({name!r})))") or []}
            for message, expected in asked:
                text, status = found.pop(message, (None, NO_TURN))
                if expected.status == EITHER:
                    right = text is None or (expected.text or "").startswith(text)
                else:
                    right = status == expected.status and (text is None or expected.text in (None, text))
                if not right:
                    yield f"{name}: {message!r} has {text!r:.60}, {status}"
            yield from (f"{name}: nobody asked {message!r}" for message in found)

    def left_running(self) -> list[str]:
        """Requests whose client has neither read to the end nor closed the connection."""
        return [
            str(request.json["messages"][-1]["content"])[:60]
            for request in self.server.requests
            if request.method == "POST" and not (request.finished.is_set() or request.closed.wait(5.0))
        ]


def _is_ours(error: Error) -> bool:
    """Whether a traceback names nbchat's own code."""
    return any("nbchat/" in line for line in error.traceback)


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
        work.run(SET_UP)
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
    print(f"{work.unheard} interrupts that ipykernel answered with nothing at all")
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
