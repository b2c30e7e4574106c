"""State shared by all sessions of this process."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbchat.api.capabilities import Capabilities
from nbchat.api.endpoints import Endpoint
from nbchat.api.engine import Engine
from nbchat.api.keys import Key
from nbchat.api.pacing.sharing import Shared

if TYPE_CHECKING:
    from nbchat.conversation.registry import Registry

__all__ = ["Process", "process"]


class Process:
    """State shared by all sessions. Thread-safe.

    - `engine()`: the event loop that carries all requests, in a daemon thread. Started by the first request, and again
      after it was stopped.
    - `capabilities`: what models refused, learned from their errors.
    - `connected`: the server that `%chat connect` chose; None = the environment's choice.
    - `registry()`: the sessions by name.

    All other process-wide state belongs to a single module and does not affect requests: the built-in model's
    server (`builtin.http.server`), the columns marked private (`data.privacy.marked`), what the running cell has shown
    (`display.kernel`), background cells and the search for local servers.
    """

    def __init__(self) -> None:
        self.capabilities = Capabilities()
        self.connected: Endpoint | None = None
        self._engine: Engine | None = None
        self._registry: Registry[Any] | None = None
        self._starting = threading.Lock()
        self._abandoned: list[Engine] = []

    def engine(self) -> Engine:
        """Return the engine, a new one if the last was stopped."""
        with self._starting:
            if self._engine is None or not self._engine.alive:
                self._engine = Engine(self.capabilities, _Sharing())
            return self._engine

    @property
    def is_running(self) -> bool:
        """Whether the engine runs."""
        return self._engine is not None and self._engine.alive

    def registry(self, make: Callable[[str], Any]) -> Registry[Any]:
        """Return the registry of sessions; the first call sets how sessions are made."""
        with self._starting:
            if self._registry is None:
                from nbchat.conversation.registry import Registry

                self._registry = Registry(make)
            return self._registry

    def renew(self) -> None:
        """Cancel all requests and reset to the state of a new process. For tests."""
        if self._engine is not None:
            self._engine.stop()
        self.capabilities = Capabilities()
        self._engine = self.connected = self._registry = None

    def end(self) -> None:
        """Stop at process exit."""
        if self._engine is not None:
            self._engine.end()

    def end_before_servers(self) -> None:
        """Have `end` run before the servers of this process that were started until now stop at its exit.

        Otherwise a thread that still reads an answer would be told that the server broke off.
        """
        atexit.unregister(self.end)  # what is registered last runs first
        atexit.register(self.end)

    def after_fork(self) -> None:
        """Let a forked child start its own engine, because threads do not survive a fork.

        The parent's engine stays referenced, because its finalizers would act on sockets that both processes share.
        """
        if self._engine is not None:
            self._abandoned.append(self._engine)
        self._engine, self._starting = None, threading.Lock()


class _Sharing:
    """Rate limits are shared with other processes through the journal, which is opened on first use."""

    def exchange(self, base_url: str, key: Key, own: Shared) -> Shared | None:
        from nbchat.store.opening import journal

        opened = journal()
        return None if opened is None else opened.pacing.exchange(base_url, key, own)


process = Process()
"""The state of this process."""

atexit.register(process.end)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process.after_fork)
