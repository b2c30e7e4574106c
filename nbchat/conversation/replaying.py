"""Answers that come again: found in the journal, or in a file beside the notebook, and recorded as they come."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbchat.api.endpoints import Endpoint
from nbchat.conversation.exchange import Exchange
from nbchat.store.opening import journal
from nbchat.store.paths import notebook_path
from nbchat.store.replay import SUFFIX, Tape, read_file, request_hash
from nbchat.values.errors import ConfigError
from nbchat.values.events import Event
from nbchat.values.request import Request

__all__ = ["Recorder", "request_name", "stored"]


def request_name(endpoint: Endpoint, request: Request) -> str:
    """What names a request in the store: its server, and all of its body that matters."""
    return request_hash(endpoint.title if endpoint.is_own else request.url, request.body)


def stored(name: str, number: int) -> Tape | None:
    """The answer to the `number`th request of this name; None = there is none."""
    file = journal()
    if file is not None and file.exists() and (tape := file.replays.find(name, number)) is not None:
        return tape
    return next((tape for path in _exported() if (tape := _in_file(path).get((name, number))) is not None), None)


class Recorder:
    """Keeps an answer as it comes, to be replayed."""

    def __init__(self, name: str, exchange: Exchange) -> None:
        self._name = name
        self._exchange = exchange
        self._started = time.perf_counter()
        self._portions: Tape = []

    def add(self, events: list[Event]) -> None:
        """Some events came."""
        self._portions.append((time.perf_counter() - self._started, events))

    def keep(self) -> None:
        """Store the answer, which has come whole."""
        if (file := journal()) is not None:
            key = self._exchange.ask.endpoint.secrets
            file.replays.keep(self._name, self._exchange.number, self._portions, () if key is None else (key,))


def _exported() -> Iterator[Path]:
    """Files of `nbchat cache export`: the one that `NBCHAT_CACHE` names, and those beside the notebook."""
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
    except (OSError, ConfigError):  # a file beside the notebook that is no such file is nobody's fault
        return {}


@functools.lru_cache(maxsize=16)
def _read(path: Path, changed: float) -> Mapping[tuple[str, int], Tape]:
    """The answers in a file that was changed at this time."""
    return read_file(path)
