"""Replay cache: stored answers found in the journal or in a file beside the notebook, and recording of new ones."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbchat.api.endpoints import Endpoint
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.store.opening import journal, notebook_path
from nbchat.store.replay import SUFFIX, Tape, read_file, request_hash
from nbchat.values.answer.events import Event
from nbchat.values.errors import ConfigError
from nbchat.values.request import Request

__all__ = ["Recorder", "request_name", "stored"]


def request_name(endpoint: Endpoint, request: Request) -> str:
    """Return a request's name in the store: a hash of its server and the relevant parts of its body."""
    return request_hash(endpoint.title if endpoint.is_own else request.url, request.body)


def stored(name: str, number: int) -> Tape | None:
    """Return the answer to the `number`th request of this name; None = not stored."""
    file = journal()
    if file is not None and file.exists() and (tape := file.replays.find(name, number)) is not None:
        return tape
    return next((tape for path in _exported() if (tape := _in_file(path).get((name, number))) is not None), None)


class Recorder:
    """Records an answer for replay."""

    def __init__(self, name: str, exchange: Exchange) -> None:
        self._name = name
        self._exchange = exchange
        self._started = time.perf_counter()
        self._portions: Tape = []

    def add(self, events: list[Event]) -> None:
        """Record events."""
        self._portions.append((time.perf_counter() - self._started, events))

    def keep(self) -> None:
        """Store the complete answer."""
        if (file := journal()) is not None:
            key = self._exchange.ask.endpoint.secrets
            file.replays.keep(self._name, self._exchange.number, self._portions, () if key is None else (key,))


def _exported() -> Iterator[Path]:
    """Return exported cache files: the one named by `NBCHAT_CACHE` and those beside the notebook."""
    named = Path(os.environ.get("NBCHAT_CACHE", "").strip())
    if named.name and named.is_file():
        yield named
    notebook = notebook_path()
    for folder in {Path.cwd(), Path(notebook).parent if notebook else Path.cwd()}:
        try:
            yield from sorted(folder.glob(f"*{SUFFIX}"))
        except OSError:
            continue


def _in_file(path: Path) -> Mapping[tuple[str, int], Tape]:
    try:
        return _read(path, path.stat().st_mtime)
    except (OSError, ConfigError):  # ignore other files beside the notebook
        return {}


@functools.lru_cache(maxsize=16)
def _read(path: Path, changed: float) -> Mapping[tuple[str, int], Tape]:
    """Return the answers in a file; `changed`, its modification time, invalidates the cache."""
    return read_file(path)
