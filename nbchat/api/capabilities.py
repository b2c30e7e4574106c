"""Parameters that servers refused, learned from their errors and kept for the life of the process."""

from __future__ import annotations

import threading
from collections.abc import Mapping

__all__ = ["Capabilities"]


class Capabilities:
    """Parameters refused by a model at an endpoint, with the server's words. Thread-safe.

    Models are distinguished by their names as requested. Refusals for all models are kept under the empty name, and are
    found only under it.
    """

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], dict[str, str]] = {}
        self._windows: dict[tuple[str, str], int] = {}
        self._listed: dict[str, Mapping[str, int | None]] = {}
        self._lock = threading.Lock()

    def learn(self, base_url: str, model: str, parameter: str, words: str) -> None:
        """Remember a refusal: the parameter's wire name, and the server's words for it, masked as errors are."""
        with self._lock:
            self._refused.setdefault((base_url, model), {})[parameter] = words

    def refuses(self, base_url: str, model: str, parameter: str) -> bool:
        """Whether the parameter was refused and has not been accepted since."""
        with self._lock:
            return parameter in self._refused.get((base_url, model), ())

    def refused(self, base_url: str, model: str) -> dict[str, str]:
        """Return a copy of the current refusals under this name: wire name to the server's words."""
        with self._lock:
            return dict(self._refused.get((base_url, model), ()))

    def forget(self, base_url: str, model: str, parameter: str) -> None:
        """Drop a refusal after an answer with this parameter. No-op if there is none."""
        with self._lock:
            self._refused.get((base_url, model), {}).pop(parameter, None)

    def learn_window(self, base_url: str, model: str, tokens: int) -> None:
        """Remember the most tokens of prompt and answer together."""
        with self._lock:
            self._windows[base_url, model] = tokens

    def learn_listed(self, base_url: str, windows: Mapping[str, int | None]) -> None:
        """Remember the windows in a server's list of models; one learned from a refusal takes precedence."""
        with self._lock:
            self._listed[base_url] = windows

    def window(self, base_url: str, model: str) -> int | None:
        """The most tokens of prompt and answer together; None = unknown."""
        with self._lock:
            return self._windows.get((base_url, model)) or self._listed.get(base_url, {}).get(model)
