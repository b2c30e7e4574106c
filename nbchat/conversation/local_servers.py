"""Model servers that run on this machine, found by asking their usual ports for a list of models. No prompt is sent."""

from __future__ import annotations

import asyncio
import concurrent.futures

from nbchat.api.endpoints import LOCAL_SERVERS, endpoint_at
from nbchat.builtin.local_model import is_installed
from nbchat.conversation.process import process
from nbchat.values.errors import NbchatError
from nbchat.values.modelname import SMOLLM2

__all__ = ["builtin_notice", "found_servers"]

SECONDS = 1.0
"""How long a port may take to answer."""

_search: concurrent.futures.Future[list[str]] | None = None
_said: set[str] = set()


async def _look() -> list[str]:
    client = process.engine().client

    async def answers(name: str) -> bool:
        try:
            return bool(await client.models(endpoint_at(name, api_key=""), timeout=SECONDS))
        except NbchatError:
            return False

    found = await asyncio.gather(*(answers(name) for name in LOCAL_SERVERS))
    return [name for name, there in zip(LOCAL_SERVERS, found, strict=True) if there]


def found_servers() -> list[str]:
    """The names of the servers that answer now. Takes a second at the most."""
    return process.engine().run(_look())


def builtin_notice() -> str:
    """What the footer of a built-in answer adds, once: how to reach a real model, and which one is at hand.

    The search begins with the first call and is used when it has ended, so that no answer waits for it.
    """
    global _search  # one search for the process
    if _search is None:
        _search = process.engine().submit(_look())
    names = _search.result() if _search.done() and not _search.cancelled() and not _search.exception() else []
    names = [*names, *([SMOLLM2] if is_installed() else [])]
    choices = " or ".join(f"%chat connect {name}" for name in names) or "%chat connect"
    notice = f"built-in toy model: {choices} for a real one"
    if notice in _said:
        return ""
    _said.add(notice)
    return notice
