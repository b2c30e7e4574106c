"""What servers turned out to refuse: learned from their errors, remembered while the process lives."""

from __future__ import annotations

import threading

__all__ = ["Capabilities"]


class Capabilities:
    """Parameters that a model at an endpoint refused, with the server's words. Safe from any thread."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], dict[str, str]] = {}
        self._lock = threading.Lock()

    def learn(self, base_url: str, model: str, parameter: str, words: str) -> None:
        """Remember a refusal; an empty `model` means every model there."""
        with self._lock:
            self._refused.setdefault((base_url, model), {})[parameter] = words

    def refuses(self, base_url: str, model: str, parameter: str) -> bool:
        """Whether that was refused."""
        return parameter in self.refused(base_url, model)

    def refused(self, base_url: str, model: str) -> dict[str, str]:
        """All that was refused for this model there: wire name to the server's words."""
        with self._lock:
            return dict(self._refused.get((base_url, model), {}))

    def forget(self, base_url: str, model: str, parameter: str) -> None:
        """Think better of it: an answer came with this parameter set."""
        with self._lock:
            self._refused.get((base_url, model), {}).pop(parameter, None)
