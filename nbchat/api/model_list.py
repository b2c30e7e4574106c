"""Read a server's list of models: their ids, and the windows of their contexts where it gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbchat.values.limits import LIMITS

__all__ = ["listed_models"]

WINDOWS = (
    "loaded_context_length",
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
    "max_context_window_tokens",
    "max_context_tokens",
    "context_size",
    "n_ctx",
)
"""Fields for the most tokens of prompt and answer together; what is loaded comes before what the model could take."""

HOLDERS = ("top_provider", "limits", "capabilities", "meta", "info")
"""Objects that may hold such a field. Where several do, the smallest number holds."""

FEWEST, MOST = 256, 100_000_000
"""The range of plausible windows; several servers send 0 for unknown."""


def listed_models(body: Any) -> list[tuple[str, int | None]] | None:
    """Return the ids of the models, each with its window in tokens (None = not given), in the server's order.

    The list may be `{data: [{id}]}`, or a bare list of ids or objects; None = neither.
    """
    rows = body.get("data", body.get("models")) if isinstance(body, Mapping) else body
    if not isinstance(rows, list):
        return None
    found = ((row.get("id") or row.get("name"), row) if isinstance(row, Mapping) else (row, {}) for row in rows)
    return [(name, _window(row)) for name, row in found if isinstance(name, str) and 0 < len(name) <= LIMITS.word]


def _window(row: Mapping[str, Any], levels: int = 3) -> int | None:
    own = next((row[name] for name in WINDOWS if _is_plausible(row.get(name))), None)
    inner = (row.get(name) for name in HOLDERS) if levels else ()
    inside = (_window(holder, levels - 1) for holder in inner if isinstance(holder, Mapping))
    return min((window for window in (own, *inside) if window is not None), default=None)


def _is_plausible(window: object) -> bool:
    return isinstance(window, int) and FEWEST <= window <= MOST
