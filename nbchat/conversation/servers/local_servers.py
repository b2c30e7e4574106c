"""Discovery of local model servers by asking their usual ports for a list of models. No prompt is sent."""

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
"""Seconds that a port may take to answer."""

_search: concurrent.futures.Future[list[str]] | None = None
_given: set[str] = set()


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
    """Return the names of the servers that answer now. Takes at most a second."""
    return process.engine().run(_look())


def builtin_notice() -> str:
    """Return a footer note, once per process, on how to reach a real model and which ones are available.

    The search starts with the first call and is used once it has ended, so that no answer waits for it.
    """
    global _search  # one search per process
    if _search is None:
        _search = process.engine().submit(_look())
    names = _search.result() if _search.done() and not _search.cancelled() and not _search.exception() else []
    names = [*names, *([SMOLLM2] if is_installed() else [])]
    choices = " or ".join(f"%chat connect {name}" for name in names) or "%chat connect"
    notice = f"built-in toy model: {choices} for a real one"
    if notice in _given:
        return ""
    _given.add(notice)
    return notice
