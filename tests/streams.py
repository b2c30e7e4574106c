"""Streams as servers really send them, 10,000 chunks each: what surrounds the text differs, and so does its cost."""

import json
import random

from nbchat.testing import Pause, Stream, chunk, usage
from nbchat.testing.payloads import encode

CHUNKS = 10_000

FRAMINGS = {"each": None, "64 kB": 65_536}
"""How a stream comes: each event in an HTTP chunk of its own, or so many bytes in one."""

MARKDOWN = """## Reading a *file*

1. Open it with `open(path)`; the `with` closes it:

```python
with open(path, encoding="utf-8") as file:
    for line in file:  # one at a time
        print(f"{line!r}")
```

| name | [link](https://example.com) |
|------|----:|
| a<b  | $x^2$ |

> It "just works", doesn't it? \\(E = mc^2\\)

"""
CHINESE = (
    "人工智能是计算机科学的一个分支，它企图了解智能的实质，并生产出一种新的能以人类智能相似的方式做出反应的智能机器。"
)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _pieces(text, size=4):
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [pieces[n % len(pieces)] for n in range(CHUNKS)]


def _prose():
    return [chunk(f"word{n} ") for n in range(CHUNKS)]


def _obfuscated():
    choose = random.Random(1)
    for one in _prose():
        yield {**one, "obfuscation": "".join(choose.choices(ALPHABET, k=choose.randint(4, 14)))}


def _arguments():
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "save", "arguments": '{"rows": ['}}
    yield chunk(tool_calls=[call])
    for n in range(CHUNKS - 2):
        yield chunk(tool_calls=[{"index": 0, "function": {"arguments": f'{{"value": "row {n}"}}, '}}])
    yield chunk(tool_calls=[{"index": 0, "function": {"arguments": "null]}"}}])


STREAMS = {
    "prose": _prose,
    "Markdown": lambda: map(chunk, _pieces(MARKDOWN)),
    "Chinese": lambda: map(chunk, _pieces(CHINESE, 2)),
    r"\u escapes": lambda: map(chunk, _pieces(CHINESE, 2)),
    "obfuscation": _obfuscated,
    "created": lambda: ({**one, "created": 1_750_000_000 + n // 50} for n, one in enumerate(_prose())),
    "usage": lambda: ({**one, "usage": usage(12, n)} for n, one in enumerate(_prose())),
    "arguments": _arguments,
    "reasoning": lambda: (chunk(None, reasoning_content=f"word{n} ") for n in range(CHUNKS)),
}


def events(name):
    """The stream of this name, event by event, as bytes."""
    write = (lambda payload: json.dumps(payload).encode()) if name == r"\u escapes" else encode
    finish = chunk(finish="tool_calls" if name == "arguments" else "stop")
    payloads = [*STREAMS[name](), finish, {**chunk(), "choices": [], "usage": usage(12, CHUNKS)}]
    return [*(b"data: " + write(payload) + b"\n\n" for payload in payloads), b"data: [DONE]\n\n"]


class Written:
    """A stream as an answer of a scripted server, its response made once."""

    def __init__(self, name, size):
        self._name = name
        self._size = size
        self._steps = []

    def steps(self, request):
        if not self._steps:
            parts = events(self._name)
            if self._size is not None:
                whole = b"".join(parts)
                parts = [whole[at : at + self._size] for at in range(0, len(whole), self._size)]
            self._steps = list(Stream(parts).steps(request))
        return self._steps


class Paced:
    """The beginning of a stream, a hundred chunks a second."""

    def __init__(self, name, count=300):
        self._name = name
        self._count = count

    def steps(self, request):
        parts = events(self._name)
        paced = [step for part in parts[: self._count] for step in (part, Pause(0.01))]
        return Stream([*paced, *parts[-3:]]).steps(request)
