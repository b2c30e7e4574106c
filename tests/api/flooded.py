"""Asks a server that floods, in a process of its own, and prints as JSON what came of it and the memory it took.

Usage: python -m tests.api.flooded BASE_URL WHAT [SECONDS], where WHAT is "answer" or "models", which may take so long.
"""

import gc
import json
import sys
import tracemalloc

from nbchat.api.endpoints import Endpoint
from nbchat.conversation.process import process
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.reply import Request
from nbchat.values.errors import NbchatError
from tests.api.asking import call_to


def answered(url):
    """The draft of an answer."""
    call = call_to(url)
    draft = Draft(Request(url, call.body))
    channel = process.engine().open(call)
    for batch in iter(channel.take, None):
        draft.add(batch)
    return draft


def flooded(url):
    """Return the size of a reply's content."""
    draft = answered(url)
    reply = draft.reply()
    return {
        "status": reply.status,
        "error": str(draft.error),
        "text": len(reply.text),
        "begins": reply.text[:20],
        "reasoning": len(reply.reasoning),
        "calls": len(reply.tool_calls),
    }


def listed(url, timeout):
    """Return the result of listing the models."""
    try:
        return {
            "models": len(process.engine().run(process.engine().client.models(Endpoint(url), timeout=timeout))),
            "error": None,
        }
    except NbchatError as error:
        return {"error": str(error)}


def main(url, what, seconds="60"):
    answered(url)  # the first answer of the script is a good one, so that all modules are loaded
    gc.collect()
    tracemalloc.start()
    result = listed(url, float(seconds)) if what == "models" else flooded(url)
    result["peak"] = tracemalloc.get_traced_memory()[1]
    print(json.dumps(result))
    process.engine().stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
