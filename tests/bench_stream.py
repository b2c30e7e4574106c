"""What the wire costs, without display: `python tests/bench_stream.py`.

CPU of this process for one streamed answer, as ratios to a hand-written loop of httpx and json (its client pooled and warm too)
and to the official client; the interrupt, fifty times. The server runs in a process of its own. The spread is the noise.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx

REPEATS = 9
CHUNKS = 10_000

SERVER = """
import asyncio, json, sys
def event(i):
    delta = {"index": 0, "delta": {"content": f" tok{i}"}, "logprobs": None, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m"}
    return b"data: " + json.dumps({**head, "choices": [delta]}).encode() + b"\\n\\n"
closed = 0
async def answer(reader, writer):
    global closed
    mode = ""
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            path = head.split()[1].decode()
            length = [line for line in head.lower().split(b"\\r\\n") if line.startswith(b"content-length:")]
            if length:
                await reader.readexactly(int(length[0].split(b":")[1]))
            if path.endswith("/closed"):
                body = str(closed).encode()
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
                continue
            mode = path.split("/")[1]
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
            watch = asyncio.ensure_future(reader.read(1))
            for i in range(10**9 if mode in ("slow", "silent", "flood") else int(path.split("/")[2])):
                data = event(i)
                writer.write(b"%x\\r\\n%s\\r\\n" % (len(data), data))
                if mode == "each":
                    await writer.drain()
                    await asyncio.sleep(0)
                elif mode in ("paced", "slow"):
                    await asyncio.sleep(0.01)
                elif mode == "silent" and i == 3:
                    await watch
                elif i % 50 == 0:
                    await writer.drain()
                    await asyncio.sleep(0)
                if watch.done():
                    raise ConnectionError
            done = b"data: [DONE]\\n\\n"
            writer.write(b"%x\\r\\n%s\\r\\n0\\r\\n\\r\\n" % (len(done), done))
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        closed += mode in ("slow", "silent", "flood")
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

INTERRUPTED = """
import os, signal, sys, threading, time
from nbchat import Session
chat = Session(base_url=sys.argv[1], model="m")
with chat.stream("warm", timeout=5) as events:
    next(iter(events))
for number in range(int(sys.argv[2])):
    sent = []
    def press():
        time.sleep(0.15 + (number * 37 % 100) / 1000)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=press).start()
    try:
        chat.ask("go on", display=False, once=True)
    except KeyboardInterrupt:
        print(time.perf_counter() - sent[0], flush=True)
"""


def main():
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        streams(url)
        interrupts(url)
    finally:
        server.kill()
        server.wait()


def streams(url):
    from nbchat import Session

    client = httpx.Client(timeout=60)
    for mode, chunks, budget in (("fast", CHUNKS, 0.75), ("each", CHUNKS, 0.75), ("paced", 300, 1.5)):
        base = f"{url}/{mode}/{chunks}"
        chat = Session(base_url=base, model="m")
        hands, ours = [], []
        for repeat in range(REPEATS + 1 if mode != "paced" else 4):
            hand, mine = cpu(by_hand, client, base, chunks), cpu(through_session, chat, chunks)
            if repeat:
                hands.append(hand)
                ours.append(mine)
        what = {"fast": "flat out", "each": "a write for each chunk", "paced": "at 100 chunks/s"}[mode]
        say(f"CPU of {chunks:,} chunks {what}: Session.stream / by hand", ours, hands, budget)
    official(url, client)


def by_hand(client, base, chunks):
    pieces = []
    with client.stream("POST", f"{base}/chat/completions", json={"model": "m", "messages": [], "stream": True}) as r:
        for line in r.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                pieces.append(json.loads(line[6:])["choices"][0]["delta"].get("content") or "")
    assert len(pieces) == chunks


def through_session(chat, chunks):
    count = 0
    with chat.stream("go", once=True) as events:
        for event in events:
            count += type(event).__name__ == "TextDelta"
    assert count == chunks


def official(url, client):
    try:
        import openai
    except ImportError:
        return
    base = f"{url}/fast/{CHUNKS}"
    with openai.OpenAI(base_url=base, api_key="none") as theirs:

        def through_official():
            for _ in theirs.chat.completions.create(model="m", messages=[], stream=True):
                pass

        through_official()
        hand = cpu(by_hand, client, base, CHUNKS)
        print(f"the official client, for comparison: {cpu(through_official) / hand:.1f} x the loop by hand")


def cpu(work, *arguments):
    begin = time.process_time()
    work(*arguments)
    return time.process_time() - begin


def interrupts(url):
    """SIGINT to a process that waits in `Session.ask`: seconds until it goes on, and whether the server saw the close."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    for mode, times in (("slow", 17), ("flood", 17), ("silent", 16)):
        before = int(httpx.get(f"{url}/closed").text)
        command = [sys.executable, "-c", INTERRUPTED, f"{url}/{mode}/0", str(times)]
        out = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
        seconds = sorted(float(line) * 1000 for line in out.stdout.split())
        time.sleep(0.5)
        closes = int(httpx.get(f"{url}/closed").text) - before
        print(
            f"interrupt, {mode} stream: {len(seconds)} of {times} stopped, median {statistics.median(seconds):.0f} ms, "
            f"worst {seconds[-1]:.0f} ms (budget 100, 250); the server saw {closes} of {times + 1} closes"
        )


def say(what, ours, theirs, budget):
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    print(f"{what}: {statistics.median(ratios):.2f} (middle half {low:.2f} to {high:.2f}; budget {budget})")


if __name__ == "__main__":
    main()
