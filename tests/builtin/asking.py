"""Asking the built-in server by hand."""

import json

QUESTION = "What is a list comprehension?"


def body(text=QUESTION, **more):
    messages = text if isinstance(text, list) else [{"role": "user", "content": text}]
    return {"model": "nbchat-demo", "messages": messages, **more}


def ask(http, text=QUESTION, **more):
    reply = http.post("/chat/completions", json=body(text, **more))
    assert reply.status_code == 200, reply.text
    return reply.json()


def stream(http, text=QUESTION, **more):
    """The chunks of a streamed reply."""
    with http.stream("POST", "/chat/completions", json=body(text, stream=True, **more)) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = reply.read().decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(event.startswith("data: ") for event in events[:-1])
    return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]


def streamed_text(chunks, index=0):
    deltas = (c["delta"] for chunk in chunks for c in chunk["choices"] if c["index"] == index)
    return "".join(delta.get("content") or "" for delta in deltas)


def text_of(reply, index=0):
    return reply["choices"][index]["message"]["content"]
