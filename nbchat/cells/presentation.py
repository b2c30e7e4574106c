"""Presenter options for the answer to a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbchat.api.endpoints import Endpoint
from nbchat.cells.options import CellOptions
from nbchat.conversation.servers.connection import endpoint_for
from nbchat.conversation.session import Session

__all__ = ["presentation", "server_notes"]


def presentation(
    session: Session, options: CellOptions, notes: Sequence[str] = (), *, continue_with: str = ""
) -> dict[str, Any]:
    """Return the options for `make_presenter`. `continue_with`: the command that continues this answer."""
    endpoint = _endpoint(session, options)
    return {
        "choices": options.params.get("n") or session.params.n or 1,
        "images": bool(options.get("remote_images")),
        "notes": [*notes, *server_notes(session, options)],
        "waiting": options.params.get("model") or session.params.model or endpoint.model or endpoint.title,
        "continue_with": continue_with,
    }


def server_notes(session: Session, options: CellOptions) -> list[str]:
    """Return the notes on the server that a cell asks: how to leave the built-in model, unless that was said before."""
    if not _endpoint(session, options).is_builtin:
        return []
    from nbchat.conversation.servers.local_servers import builtin_notice

    return [notice] if (notice := builtin_notice()) else []


def _endpoint(session: Session, options: CellOptions) -> Endpoint:
    return endpoint_for(options.own["base_url"]) if "base_url" in options.own else session.endpoint
