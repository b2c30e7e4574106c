"""What a cell costs: `python tests/bench_cell.py [seconds-of-stream]`.

Each figure is a ratio to a hand-written loop of httpx and json in the same kind of kernel, in one run on one machine; the
spread of the repeats is the machine's noise.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from nbchat.testing import Pause, Say, ScriptedServer, Stream, Until, chunk
from tests.kernel.kernels import Kernel
from tests.streams import FRAMINGS, STREAMS, Written

REPEATS = 7
KEY = "sk-live-4f9Zq_77abcdefgh"

BY_HAND = """
import httpx, json
def by_hand(url, show=False):
    text = []
    with httpx.Client(timeout=60) as client:
        with client.stream("POST", url + "/chat/completions", json={"model": "m", "messages": [], "stream": True}) as r:
            for line in r.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    payload = json.loads(line[6:])
                    if payload["choices"]:
                        piece = payload["choices"][0]["delta"].get("content") or ""
                        text.append(piece)
                        if show and piece:
                            print(piece, end="", flush=True)
    return "".join(text)
"""

CPU = "import time as _t; _c = _t.process_time()"
SPENT = "print(_t.process_time() - _c)"


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory() as home, ScriptedServer() as server:
        keep_bytecode(Path(home))
        kernel = Kernel(Path(home))
        try:
            start_up(kernel, server)
            flat_out(kernel, server)
            first_token(kernel, server)
            traffic(kernel, server, seconds)
            rows_traffic(kernel, server, seconds)
        finally:
            kernel.close()


def keep_bytecode(home):
    """Let child processes keep their bytecode, as installed packages do; otherwise some compile their source each time."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(home / "bytecode")


def fresh(kernel, server):
    kernel.restart()
    kernel.run(f"import os, time; os.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL='m')")


def fresh_import():
    """How long `import httpx` takes in a fresh process."""
    code = "import time; begin = time.perf_counter(); import httpx; print(time.perf_counter() - begin)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def load_time(kernel):
    """How long `%load_ext nbchat` takes in a running kernel, measured inside it."""
    code = "begin = time.perf_counter(); get_ipython().run_line_magic('load_ext', 'nbchat'); print(time.perf_counter() - begin)"
    return float(kernel.run(code).stdout)


def timed(kernel, *cells):
    """Return the time that cells take for a front end, without the time between them."""
    total = 0.0
    for cell in cells:
        begin = time.perf_counter()
        kernel.run(cell)
        total += time.perf_counter() - begin
    return total


def start_up(kernel, server):
    """`%load_ext`, and it with a first whole reply."""
    imports, loads, hands, ours = [], [], [], []
    for _ in range(REPEATS + 1):
        fresh(kernel, server)
        imports.append(fresh_import())
        hands.append(timed(kernel, "import httpx", BY_HAND, f"by_hand({server.base_url!r})"))
        fresh(kernel, server)
        loads.append(load_time(kernel))
        fresh(kernel, server)
        ours.append(timed(kernel, "%load_ext nbchat", "%%chat\nHello"))
    for seconds in (imports, loads, hands, ours):
        del seconds[0]  # it also compiled
    say("%load_ext / import httpx", loads, imports, 0.25)
    say("%load_ext + first reply / import httpx + by hand", ours, hands, 1.2)


def flat_out(kernel, server):
    """Kernel CPU for 10,000 chunks of each stream with display, against the loop without."""
    fresh(kernel, server)
    kernel.run("%load_ext nbchat")
    kernel.run(BY_HAND)
    kernel.run(f"import os; os.environ['NBCHAT_API_KEY'] = {KEY!r}")
    rows = []
    for stream, (framing, size) in product(STREAMS, FRAMINGS.items()):
        ratios = []
        for repeat in range(4):
            server.add(Written(stream, size), Written(stream, size))
            by_hand = kernel.run(f"{CPU}\nby_hand({server.base_url!r}); {SPENT}")
            kernel.run(CPU)
            kernel.run("%%chat --once\nHello")
            mine = kernel.run(SPENT)
            if repeat:
                ratios.append(float(mine.stdout) / float(by_hand.stdout))
        rows.append((statistics.median(ratios), f"{stream}, {framing}", ratios))
    print("CPU of 10,000 chunks, displayed / by hand, not displayed (budget 2.0), the worst first:")
    for ratio, name, ratios in sorted(rows, reverse=True):
        print(f"  {name:20} {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def first_token(kernel, server):
    """From the server's first token to the first message that shows it."""
    fresh(kernel, server)
    kernel.run("%load_ext nbchat")
    kernel.run(BY_HAND)
    delays = {"%%chat --once\nHello": [], f"_ = by_hand({server.base_url!r}, show=True)": []}
    for _ in range(REPEATS * 3):
        for code, seconds in delays.items():
            event = threading.Event()
            server.add(Stream([Until(event), chunk("first"), Pause(0.05), chunk("", finish="stop")]))
            run = kernel.start(code)
            server.wait_for_request()
            time.sleep(0.1)
            begin = time.perf_counter()
            event.set()
            run.until(lambda run: any("first" in str(output) for output in run.page.outputs))
            seconds.append(time.perf_counter() - begin)
            run.wait()
            server.requests.clear()
    ours, by_hand = (statistics.median(seconds) * 1000 for seconds in delays.values())
    print(
        f"first token to first message: {ours:.1f} ms, by hand {by_hand:.1f} ms: {ours - by_hand:+.1f} ms (budget +5)"
    )


def traffic(kernel, server, seconds):
    """Bytes on iopub while a reply streams at 100 tokens a second."""
    for tokens in (0, 48_000):
        words = ["word " if (i + 1) % 60 else "done.\n\n" for i in range(int(seconds * 100))]
        early = ["word " if (i + 1) % 60 else "done.\n\n" for i in range(tokens)]
        events = [chunk("".join(early)), Pause(1.0)] if early else []
        for word in words:
            events += [chunk(word), Pause(0.01)]
        server.add(Stream([*events, chunk("", finish="stop")]))
        run = kernel.start("%%chat --once\nHello")
        if early:
            run.until(lambda run: shown(run) > 4.5 * 48_000)
            enough = time.perf_counter() + 2
            run.until(lambda run, enough=enough: time.perf_counter() > enough)
        before, begin = run.bytes, time.perf_counter()
        result = run.wait()
        took = time.perf_counter() - begin
        rate = (result.bytes - before) / took / 1000
        print(f"iopub behind {tokens:,} tokens: {rate:.1f} kB/s (budget 20), {len(result.outputs)} outputs (budget 50)")


def rows_traffic(kernel, server, seconds):
    """Bytes on iopub while rows are asked, for about so many seconds: the bar, and then the result."""
    rows = int(seconds * 150)
    server.default = lambda request: Say("good", first_delay=0.2)
    begin = time.perf_counter()
    result = kernel.run(f"%%chat --each range({rows}) --concurrency 32\nLabel: {{item}}", timeout=20 * seconds)
    took = time.perf_counter() - begin
    rate = result.bytes / took / 1000
    print(f"iopub for {rows:,} rows in {took:.0f} s: {rate:.1f} kB/s (budget 20), {result.bytes / 1000:.0f} kB in all")


def shown(run):
    """Characters of Markdown that a cell shows so far."""
    return sum(len(output["data"].get("text/markdown", "")) for output in run.page.outputs)


def say(what, ours, theirs, budget):
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    print(f"{what}: {statistics.median(ratios):.2f} (middle half {low:.2f} to {high:.2f}; budget {budget})")


if __name__ == "__main__":
    main()
