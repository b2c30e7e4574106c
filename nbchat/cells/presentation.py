"""Presenter options for the answer to a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbchat.cells.options import CellOptions
from nbchat.conversation.servers.connection import endpoint_for
from nbchat.conversation.session import Session

__all__ = ["presentation"]


def presentation(
    session: Session, options: CellOptions, notes: Sequence[str] = (), *, continue_with: str = ""
) -> dict[str, Any]:
    """Return the options for `make_presenter`. `continue_with`: the command that continues this answer."""
    endpoint = endpoint_for(options.own["base_url"]) if "base_url" in options.own else session.endpoint
    if endpoint.is_builtin:
        from nbchat.conversation.servers.local_servers import builtin_notice

        notes = [*notes, builtin_notice()]
    return {
        "choices": options.params.get("n") or session.params.n or 1,
        "images": bool(options.get("remote_images")),
        "notes": notes,
        "waiting": options.params.get("model") or session.params.model or endpoint.model or endpoint.title,
        "continue_with": continue_with,
    }
