"""What servers turned out to refuse: learned from their errors, remembered while the process lives."""

from __future__ import annotations

import threading

__all__ = ["Capabilities"]


class Capabilities:
    """Parameters that a model at an endpoint refused, with the server's words. Safe from any thread.

    Models are told apart by their names as asked. What a server refuses of any model is kept under the empty name, and
    is found under that alone.
    """

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], dict[str, str]] = {}
        self._windows: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def learn(self, base_url: str, model: str, parameter: str, words: str) -> None:
        """Remember a refusal: the parameter's wire name, and the server's words for it, masked as errors are."""
        with self._lock:
            self._refused.setdefault((base_url, model), {})[parameter] = words

    def refuses(self, base_url: str, model: str, parameter: str) -> bool:
        """Whether that was refused and not taken since."""
        with self._lock:
            return parameter in self._refused.get((base_url, model), ())

    def refused(self, base_url: str, model: str) -> dict[str, str]:
        """All that was refused under this name and not taken since: wire name to the server's words. A copy."""
        with self._lock:
            return dict(self._refused.get((base_url, model), ()))

    def forget(self, base_url: str, model: str, parameter: str) -> None:
        """Take a refusal back: an answer came with this parameter set. Does nothing where there is none."""
        with self._lock:
            self._refused.get((base_url, model), {}).pop(parameter, None)

    def learn_window(self, base_url: str, model: str, tokens: int) -> None:
        """Remember how many tokens prompt and answer may have together."""
        with self._lock:
            self._windows[base_url, model] = tokens

    def window(self, base_url: str, model: str) -> int | None:
        """How many tokens prompt and answer may have together; None = no server has said."""
        with self._lock:
            return self._windows.get((base_url, model))
