"""Keep nbchat's traffic out of the transport's debug log, since servers may echo the key."""

from __future__ import annotations

import logging

__all__ = ["ENGINE_THREAD", "keep_quiet"]

ENGINE_THREAD = "nbchat-engine"
"""The thread in which all of nbchat's traffic runs."""

LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks", "httpx")


def _is_foreign(record: logging.LogRecord) -> bool:
    """Whether a record is about other traffic than nbchat's."""
    return record.threadName != ENGINE_THREAD


def keep_quiet() -> None:
    """Keep nbchat's requests out of the transport's log; other traffic is logged as before. Idempotent."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_is_foreign)  # the second time this does nothing
