"""What the API's way costs, beside hand-written code and the official SDK: `python -m tests.bench_stream [--quick]`.

Ratios within one run on one machine, no display. Servers run in a process of their own, so that only the client's CPU
is counted. Each figure is the median of several rounds, with the smallest and the largest: the machine's noise.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx

from nbchat.frontend import Session
from nbchat.testing import Flood, Hang, Say, ScriptedServer, Silent, Stream, chunk
from nbchat.values.answer.events import TextDelta
from tests.streams import CHUNKS, FRAMINGS, STREAMS, Paced, Written

KEY = "sk-live-4f9Zq_77abcdefgh"
REQUEST = {"model": "scripted-1", "messages": [{"role": "user", "content": "Hello"}], "stream": True}


# The server


ANSWERS = {
    **{f"{name}, {framing}": partial(Written, name, size) for name in STREAMS for framing, size in FRAMINGS.items()},
    **{f"{name}, paced": partial(Paced, name) for name in STREAMS},
    "short": lambda: Say("Hi."),
    "fast": lambda: Flood(10**8),
    "slow": lambda: Say(["x "] * 1_000, delay=0.05),
    "silent": Silent,
    "stalled": lambda: Stream([chunk("x"), Hang()]),
}


def serve(ready, commands):
    """The server's process: plays the answer named by the request's `user`, and reports when a client disconnected."""
    made = {name: make() for name, make in ANSWERS.items()}

    with ScriptedServer() as server:
        server.default = lambda request: made[request.json["user"]]
        ready.send(server.base_url)
        while commands.recv():
            closed = server.requests[-1].closed.wait(5)
            commands.send(time.perf_counter() if closed else None)


class Server:
    """The server, seen from here."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._commands, commands = context.Pipe()
        self._process = context.Process(target=serve, args=(there, commands), daemon=True)
        self._process.start()
        self.url = here.recv()

    def closed(self):
        """Return when the last request's client disconnected; None = still connected after 5 s."""
        self._commands.send(True)
        return self._commands.recv()

    def stop(self):
        """End its process."""
        self._commands.send(False)
        self._process.join(5)


# The ways to read a stream


def by_hand(url):
    """Read a stream as a careful user would: a pooled client, its lines, json."""
    client = httpx.Client(timeout=60)

    def read(name):
        seen = 0
        with client.stream("POST", f"{url}/chat/completions", json={**REQUEST, "user": name}) as response:
            for line in response.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    choices = json.loads(line[6:])["choices"]
                    seen += len(choices[0]["delta"].get("content") or "") if choices else 0
        return seen

    return read


def by_session(url):
    """nbchat, no display."""
    chat = Session(base_url=url, model="scripted-1", api_key=KEY)

    def read(name):
        with chat.stream("Hello", user=name, once=True) as events:
            return sum(len(event.text) for event in events if isinstance(event, TextDelta))

    return read


def by_sdk(url):
    """The official client; None = not installed."""
    try:
        import openai
    except ImportError:
        return None
    client = openai.OpenAI(base_url=url, api_key="none")

    def read(name):
        stream = client.chat.completions.create(**REQUEST, user=name)
        return sum(len(part.choices[0].delta.content or "") for part in stream if part.choices)

    return read


# Measuring


def cpu(work):
    """Seconds of this process's CPU, all its threads."""
    before = time.process_time()
    work()
    return time.process_time() - before


def spread(values, unit=1.0, digits=2):
    """Median, smallest and largest."""
    low, middle, high = (value * unit for value in (min(values), statistics.median(values), max(values)))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def ratios(server, name, rounds, *, sdk=False):
    """Return the CPU time of each way as a multiple of the hand-written loop's, in alternating rounds, so that
    disturbances affect all."""
    ways = {"by hand": by_hand(server.url), "nbchat": by_session(server.url)}
    if sdk and (official := by_sdk(server.url)) is not None:
        ways["openai"] = official
    lengths = {way: read(name if not name.endswith("paced") else "short") for way, read in ways.items()}
    assert len(set(lengths.values())) == 1, lengths
    times = {way: [] for way in ways}
    for _ in range(rounds):
        for way, read in ways.items():
            times[way].append(cpu(lambda read=read: read(name)))
    return {
        way: ([one / base for one, base in zip(seconds, times["by hand"], strict=True)], seconds)
        for way, seconds in times.items()
    }


def compare_streams(server, framings, rounds):
    """Every stream in every framing, the worst first."""
    rows = []
    for name in (f"{stream}, {framing}" for stream in STREAMS for framing in framings):
        measured = ratios(server, name, rounds)
        rows.append((statistics.median(measured["nbchat"][0]), name, measured))
    for _, name, measured in sorted(rows, reverse=True):
        print(f"  {name:20} {spread(measured['nbchat'][0]):24} {spread(measured['by hand'][1], 1000, 1)}")


def first_token(server, rounds):
    """From the call to the first piece of text, over a warm connection."""
    client = httpx.Client(timeout=60)
    chat = Session(base_url=server.url, model="scripted-1")

    def ours():
        start = time.perf_counter()
        with chat.stream("Hello", user="short", once=True) as events:
            events = iter(events)
            came = next(time.perf_counter() for event in events if isinstance(event, TextDelta))
            for _ in events:
                pass
        return came - start

    def theirs():
        start = time.perf_counter()
        with client.stream("POST", f"{server.url}/chat/completions", json={**REQUEST, "user": "short"}) as response:
            lines = response.iter_lines()
            while '"content": "Hi' not in next(lines):
                pass
            came = time.perf_counter()
            for _ in lines:
                pass
        return came - start

    theirs()
    ours()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    print("\nFirst token, ms after the call")
    print(f"  by hand  {spread([pair[1] for pair in pairs], 1000)}")
    print(f"  nbchat   {spread([pair[0] for pair in pairs], 1000)}")
    print(f"  longer   {spread([pair[0] - pair[1] for pair in pairs], 1000)}")


CHILD = """
import sys, time
from nbchat.frontend import Session
from nbchat.values.errors import Interrupted
chat = Session(base_url=sys.argv[1], model="scripted-1")
chat.ask("warm", user="short", once=True)
for name in sys.stdin:
    try:
        print("asking", flush=True)
        chat.ask("Hello", user=name.strip(), once=True)
        print("ended", flush=True)
    except Interrupted:
        print(time.perf_counter(), flush=True)
"""


@contextmanager
def child(server):
    """A process whose main thread asks."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, server.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def interrupts(server, rounds):
    """Measure the time from SIGINT to the prompt, and to the server's seeing the close."""
    with child(server) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for name in ("fast", "slow", "silent", "stalled"):
            backs, closes, clean = [], [], 0
            for _ in range(rounds):
                process.stdin.write(f"{name}\n")
                process.stdin.flush()
                assert process.stdout.readline() == "asking\n"
                time.sleep(0.15)  # in the middle of it
                start = time.perf_counter()
                process.send_signal(signal.SIGINT)
                back, closed = process.stdout.readline(), server.closed()
                if back.strip() != "ended" and closed is not None:
                    clean += 1
                    backs.append(float(back) - start)
                    closes.append(closed - start)
            print(
                f"  {name:8} prompt {spread(backs, 1000, 0):18} close {spread(closes, 1000, 0):18} clean {clean}/{rounds}"
            )


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = arguments.parse_args().quick
    server = Server()
    try:
        print("\nCPU as a multiple of the hand-written loop's, the worst first, and that loop's in ms")
        print(f"{CHUNKS:,} chunks at full speed")
        compare_streams(server, FRAMINGS, 3 if quick else 9)
        print("300 chunks, 100 a second")
        compare_streams(server, ["paced"], 1 if quick else 5)
        print(f"{CHUNKS:,} chunks of prose, each in an HTTP chunk of its own")
        for way, (multiples, _) in ratios(server, "prose, each", 1 if quick else 3, sdk=True).items():
            print(f"  {way:8} {spread(multiples)}")
        first_token(server, 20 if quick else 100)
        print("\nInterrupt, ms")
        interrupts(server, 5 if quick else 50)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
