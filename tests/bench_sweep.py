"""What a sweep costs beyond waiting: `python tests/bench_sweep.py`.

100 runs of 50 ms answers, 16 at once, against a bare server in a process of its own. The ideal is ⌈100 / 16⌉ rounds
of 50 ms. Beside it, the same by hand: an httpx client for each of 16 slots, and one httpx client for all of them.
The budget is 1.2 × the ideal; the spread of the repeats is the machine's noise.
"""

import asyncio
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402  # behind the path

from nbchat.frontend import Session  # noqa: E402  # behind the path
from nbchat.tuning.sweep import sweep  # noqa: E402  # behind the path

RUNS, AT_ONCE, SECONDS = 100, 16, 0.05
REPEATS = 9
IDEAL = math.ceil(RUNS / AT_ONCE) * SECONDS

SERVER = f"""
import asyncio

def chunk(delta, reason):
    return 'data: {{"id":"a","object":"chat.completion.chunk","model":"m","choices":[{{"index":0,"delta":%s,' \\
           '"finish_reason":%s}}]}}\\n\\n' % (delta, reason)

ANSWER = "".join(chunk('{{"content":"%s "}}' % word, "null") for word in "one two three four five".split())
ANSWER = (ANSWER + chunk("{{}}", '"stop"') + "data: [DONE]\\n\\n").encode()
HEAD = b"HTTP/1.1 200 OK\\r\\ncontent-type: text/event-stream\\r\\ntransfer-encoding: chunked\\r\\n\\r\\n"
REPLY = HEAD + b"%x\\r\\n%s\\r\\n0\\r\\n\\r\\n" % (len(ANSWER), ANSWER)

async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\\r")[0]))
            await asyncio.sleep({SECONDS})
            writer.write(REPLY)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("http://127.0.0.1:%d/v1" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
"""The least that speaks the protocol: it shares two cores with those it serves, and must not be what is measured."""


async def by_hand(url, clients):
    """The same requests from 16 tasks that share these clients."""
    waiting = iter(range(RUNS))

    async def work(client):
        for number in waiting:
            body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": number / 100}
            text = ""
            async with client.stream("POST", url + "/chat/completions", json={**body, "stream": True}) as response:
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        for choice in json.loads(line[6:])["choices"]:
                            text += choice["delta"].get("content") or ""

    began = time.perf_counter()
    await asyncio.gather(*(work(clients[slot % len(clients)]) for slot in range(AT_ONCE)))
    return time.perf_counter() - began


def swept(url):
    """One sweep of 100 settings."""
    session = Session(base_url=url, model="m")
    began = time.perf_counter()
    result = sweep(session, "Hi", temperature=[number / 100 for number in range(RUNS)], at_once=AT_ONCE)
    took = time.perf_counter() - began
    assert len(result.complete) == RUNS
    return took


async def slots_and_shared(url, own, shared):
    """The loop by hand, both ways: seconds and CPU seconds of each."""
    return [await measured(by_hand(url, clients)) for clients in (own, shared)]


async def measured(work):
    """Return the seconds that a coroutine reports, and the CPU seconds of this process meanwhile."""
    cpu = time.process_time()
    return await work, time.process_time() - cpu


def report(name, figures):
    """A line: the ratio to the ideal, at best and in the median, and the CPU time of a request."""
    times, cpu = zip(*figures, strict=True)
    best, middle, each = min(times) / IDEAL, statistics.median(times) / IDEAL, statistics.median(cpu) / RUNS
    print(f"{name:<34} {middle:5.2f} × ideal in the median, {best:.2f} at best; {1000 * each:.1f} ms CPU a request")


def main():
    """Print the table. The three alternate, so that a busy machine affects all of them."""
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        url = server.stdout.readline().strip()
        loop = asyncio.new_event_loop()
        own, shared = ([httpx.AsyncClient(verify=False) for _ in range(count)] for count in (AT_ONCE, 1))
        rounds = []
        for _ in range(REPEATS + 1):
            cpu = time.process_time()
            took = swept(url)
            mine = took, time.process_time() - cpu
            rounds.append([mine, *loop.run_until_complete(slots_and_shared(url, own, shared))])
        loop.run_until_complete(asyncio.wait([loop.create_task(client.aclose()) for client in (*own, *shared)]))
        loop.close()
        server.kill()
    names = ("sweep", "by hand, a client for each slot", "by hand, one client")
    for name, figures in zip(names, zip(*rounds[1:], strict=True), strict=True):  # the first one warms up
        report(name, figures)


if __name__ == "__main__":
    main()
