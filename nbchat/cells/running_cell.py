"""The notebook cell that is running."""

from __future__ import annotations

from typing import Any

__all__ = ["running_cell_id"]


def running_cell_id(shell: Any) -> str | None:
    """The id that the front end gives the running cell, by which a re-run finds its own turn. None = it gives none.

    Colab has a place of its own for it.
    """
    parent = getattr(shell, "parent_header", None)
    if not isinstance(parent, dict) or "metadata" not in parent:
        kernel = getattr(shell, "kernel", None)
        parent = kernel.get_parent("shell") if kernel is not None and hasattr(kernel, "get_parent") else {}
    metadata = parent.get("metadata") or {}
    cell_id = metadata.get("cellId") or (metadata.get("colab") or {}).get("cell_id")
    return cell_id if isinstance(cell_id, str) and cell_id else None
