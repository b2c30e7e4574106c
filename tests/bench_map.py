"""What `map` costs beyond waiting: `python tests/bench_map.py [ROWS]` (10,000 if not given).

Each line is a ratio and its budget, the worst first. The server is a bare one in a process of its own, which answers after
300 ms, 50 ms, or at once; the last comparison is with the built-in model's server, which is bound by its CPU: there the CPU of
client and server are told apart, and a client of bare sockets shows what the server alone allows. All ways to ask the same rows
take turns, 64 requests at once, so that a busy machine is busy for all of them.
"""

import asyncio
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402  # behind the path
import openai  # noqa: E402

from nbchat import Session  # noqa: E402

AT_ONCE = 64
REPEATS = 3

SERVER = """
import asyncio, json, sys

TEXT = json.dumps({"id": "a", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message":
    {"role": "assistant", "content": "positive"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22}}).encode()
REPLY = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n%s" % (len(TEXT), TEXT)

class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.came = transport, b""

    def data_received(self, data):
        self.came += data
        while (end := self.came.find(b"\\r\\n\\r\\n")) >= 0:
            size = int(self.came[:end].lower().split(b"content-length: ")[1].split(b"\\r")[0])
            if len(self.came) < end + 4 + size:
                return
            self.came = self.came[end + 4 + size:]
            asyncio.get_running_loop().call_later(float(sys.argv[1]), self.transport.write, REPLY)

async def main():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=1024)
    print("http://127.0.0.1:%d/v1" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def mapped(url, rows, **options):
    """The rows through `map`, with nothing stored."""
    chat = Session(base_url=url, model=options.pop("model", "m"))
    assert chat.map(rows, "Label this comment: {item}", concurrency=AT_ONCE, cache=False, **options).failed == 0


def by_hand(url, rows):
    """The rows through the best loop of httpx: a client for each slot."""

    async def work(waiting):
        async with httpx.AsyncClient(verify=False) as client:
            for row in waiting:
                body = {"model": "m", "messages": [{"role": "user", "content": f"Label this comment: {row}"}]}
                answer = await client.post(url + "/chat/completions", json=body)
                assert answer.json()["choices"][0]["message"]["content"]

    async def all_of_them():
        waiting = iter(rows)
        await asyncio.gather(*(work(waiting) for _ in range(AT_ONCE)))

    asyncio.run(all_of_them())


def by_official_client(url, rows, model):
    """The rows through the official async client, as its documentation has it."""

    async def all_of_them():
        slots = asyncio.Semaphore(AT_ONCE)
        async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:

            async def ask(row):
                async with slots:
                    message = {"role": "user", "content": f"Label this comment: {row}"}
                    await client.chat.completions.create(model=model, messages=[message], max_tokens=1)

            await asyncio.gather(*map(ask, rows))

    asyncio.run(all_of_them())


def by_bare_sockets(url, rows, model):
    """The rows over sockets, with as little as HTTP allows."""
    host, port = url.partition("//")[2].partition("/")[0].split(":")

    async def work(waiting):
        reader, writer = await asyncio.open_connection(host, int(port))
        for row in waiting:
            message = {"role": "user", "content": f"Label this comment: {row}"}
            body = json.dumps({"model": model, "messages": [message], "max_tokens": 1})
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write((head + body).encode())
            answered = await reader.readuntil(b"\r\n\r\n")
            size = int(answered.lower().split(b"content-length: ")[1].split(b"\r")[0])
            assert json.loads(await reader.readexactly(size))["choices"]
        writer.close()

    async def all_of_them():
        waiting = iter(rows)
        await asyncio.gather(*(work(waiting) for _ in range(AT_ONCE)))

    asyncio.run(all_of_them())


def cpu_of(process):
    """Seconds of CPU that another process has used so far."""
    times = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def timed(work, *arguments, **options):
    """Seconds of wall and of this process's CPU."""
    began, cpu = time.perf_counter(), time.process_time()
    work(*arguments, **options)
    return time.perf_counter() - began, time.process_time() - cpu


def serving(command):
    """A server in a process of its own, and its address."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    return process, next(word.rstrip(".,") for word in line.split() if word.startswith("http"))


def against_ideal(rows):
    """300 ms each: the wall time over the ideal one, and the memory of a row."""
    process, url = serving([sys.executable, "-c", SERVER, "0.3"])
    mapped(url, rows[: 2 * AT_ONCE])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = timed(mapped, url, rows)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / len(rows)
    with tempfile.TemporaryDirectory() as home:
        mapped(url, iter(rows[:AT_ONCE]), out=Path(home) / "out.parquet")  # what the library takes once
        before_file = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        mapped(url, (row for row in rows), out=Path(home) / "out.parquet")
    streamed = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_file) / len(rows)
    process.kill()
    process.wait()
    ideal = math.ceil(len(rows) / AT_ONCE) * 0.3
    yield (
        wall / ideal,
        1.15,
        f"map, 300 ms each, over the ideal {ideal:.1f} s ({1000 * cpu / len(rows):.2f} ms CPU a row)",
    )
    yield grown / 6, 1.0, f"memory of a row over 6 kB ({grown:.1f} kB)"
    yield streamed / 6, 1.0, f"the same from an iterator into a file ({streamed:.1f} kB beyond that)"


def against_hand(rows):
    """50 ms each: the wall time over that of the loop by hand, in the median of some turns."""
    process, url = serving([sys.executable, "-c", SERVER, "0.05"])
    turns = [(timed(by_hand, url, rows), timed(mapped, url, rows)) for _ in range(REPEATS)]
    process.kill()
    process.wait()
    wall = statistics.median(mine[0] / hand[0] for hand, mine in turns)
    cpu = statistics.median(mine[1] / hand[1] for hand, mine in turns)
    yield wall, 1.2, f"map, 50 ms each, over a client for each slot by hand (in CPU time {cpu:.2f} ×)"


def against_official_client(rows):
    """The built-in model at full speed: the official client's time has to be three times as long."""
    process, url = serving([sys.executable, "-m", "nbchat", "serve"])
    model = httpx.get(url + "/models").json()["data"][0]["id"]
    ways = {
        "official client": lambda: by_official_client(url, rows, model),
        "map": lambda: mapped(url, rows, model=model, max_tokens=1),
        "bare sockets": lambda: by_bare_sockets(url, rows, model),
    }
    turns = {name: [] for name in ways}
    by_bare_sockets(url, rows[:AT_ONCE], model)  # what the server learns once
    for _ in range(REPEATS):
        for name, work in ways.items():
            before = cpu_of(process)
            turns[name].append((*timed(work), cpu_of(process) - before))
    process.kill()
    process.wait()
    for name, found in turns.items():
        wall, client, server = (1000 * statistics.median(each) / len(rows) for each in zip(*found, strict=True))
        print(
            f"  built-in model, {name}: {wall:.2f} ms a row; CPU of the client {client:.2f}, of the server {server:.2f}"
        )
    pairs = list(zip(turns["map"], turns["official client"], strict=True))
    for place, what in enumerate(("", " in CPU time of the client,")):
        ratio = statistics.median(mine[place] / theirs[place] for mine, theirs in pairs)
        yield ratio, 1 / 3, f"map, built-in model at full speed,{what} over the official async client"


def main():
    """Print the table."""
    rows = [f"comment number {number}, which is fine" for number in range(int(sys.argv[1]) if sys.argv[1:] else 10_000)]
    with tempfile.TemporaryDirectory() as home:
        os.environ["NBCHAT_STORE"] = str(Path(home) / "nbchat.sqlite")
        figures = [*against_ideal(rows), *against_hand(rows), *against_official_client(rows[: len(rows) // 5])]
    for ratio, budget, what in sorted(figures, key=lambda one: one[1] / one[0]):
        print(f"{ratio:6.2f} × (at most {budget:.2f}) {what}")


if __name__ == "__main__":
    main()
