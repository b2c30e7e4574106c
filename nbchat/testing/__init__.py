"""A real HTTP server that plays a script, for testing clients of a chat-completions API.

```python
from nbchat.testing import Say, ScriptedServer, Status

with ScriptedServer(Status(429, headers={"retry-after": "1"}), Say("Hi!")) as server:
    ...  # point any client at server.base_url: its first request is refused, the second answered
    assert server.requests[1].json["messages"][-1]["content"] == "Hello"
```

It listens on loopback in a daemon thread and needs only the standard library. Each request for a chat completion takes
the next answer of the script (`server.add`), or `server.default` once the script is used up; `GET …/models` lists
`server.models`. Whatever else a client asks, such as a token count, gets what `server.paths` has for its path, or a 404.

An answer is a frozen value that turns a request into steps: the bytes of one HTTP response, in the pieces in which
they are written, with pauses and failures between them. Most scripts need only `Say`; `Stream` sends exact events,
`Raw` exact bytes. Any object with a method `steps(request)` is an answer too, and so is a function from a request to
an answer.
"""

from nbchat.testing.answers import (
    Answer,
    Cut,
    Flood,
    Hang,
    Pause,
    Plain,
    Raw,
    Received,
    Refuse,
    Say,
    Script,
    Silent,
    StaleKeepAlive,
    Status,
    Stream,
    Until,
)
from nbchat.testing.payloads import DONE, chunk, completion, error, tool_call, usage
from nbchat.testing.server import ScriptedServer

__all__ = [
    "DONE",
    "Answer",
    "Cut",
    "Flood",
    "Hang",
    "Pause",
    "Plain",
    "Raw",
    "Received",
    "Refuse",
    "Say",
    "Script",
    "ScriptedServer",
    "Silent",
    "StaleKeepAlive",
    "Status",
    "Stream",
    "Until",
    "chunk",
    "completion",
    "error",
    "tool_call",
    "usage",
]
