"""What a request would take, said beside Send while its message is typed."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from ipywidgets import HTML, Textarea

from nbchat.api.addresses import is_this_machine
from nbchat.conversation import connection
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.display.widget_factory import Parts
from nbchat.markdown.inline import html_text
from nbchat.tuning.estimate import estimate
from nbchat.values.errors import NbchatError
from nbchat.values.messages import Message

__all__ = ["Sizing", "request_size"]

_without_tokenizer: set[str] = set()
"""Addresses of servers on this machine that were asked in vain."""


def request_size(session: Session, message: Message, *, once: bool) -> str:
    """What asking this would take: `~120 tokens, about $0.002`; with no `~` where the server's tokenizer counted.

    Only a server on this machine is asked to count: what is half typed goes nowhere else.
    """
    size = estimate(session, message, once=once)
    count = _counted(session, session.request(message, once=once).body)
    known = f"~{size.prompt_tokens:,} tokens" if size.prompt_tokens is not None else "tokens unknown (images)"
    cost = "" if not size.cost else f"about ${size.cost:.2g}"
    return ", ".join(filter(None, (known if count is None else f"{count:,} tokens", cost)))


def _counted(session: Session, body: Mapping[str, Any]) -> int | None:
    """The tokens of a request's texts by the server's own tokenizer; None = there is none to ask."""
    endpoint = connection.ready(session.endpoint)
    host = urllib.parse.urlsplit(endpoint.base_url).hostname or ""
    if not is_this_machine(host) or endpoint.base_url in _without_tokenizer or body.get("tools"):
        return None
    texts = [message["content"] for message in body["messages"]]
    if not all(isinstance(text, str) for text in texts):
        return None
    engine = process.engine()
    try:
        ids = engine.run(engine.client.token_ids(endpoint, str(body.get("model") or ""), "\n".join(texts)))
    except NbchatError:
        _without_tokenizer.add(endpoint.base_url)
        return None
    return len(ids)


class Sizing:
    """Measures the latest text in a thread of its own: typing waits for nothing, and texts in between are passed over.

    `measure` says what a text's request would take, in a few words; it may raise. The front end writes what is being
    typed into the unseen box `draft`: the message box itself tells the kernel of its text only when that is done.
    """

    def __init__(self, parts: Parts, measure: Callable[[str], str]) -> None:
        self._measure = measure
        self._wanted: str | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.draft = parts.make(Textarea, continuous_update=False, classes="nbchat-none nbchat-draft")
        self.draft.observe(lambda change: self.ask(change["new"]), "value")
        self.line = parts.make(HTML, classes="nbchat-size")

    def ask(self, text: str) -> None:
        """Measure this text, unless another one comes before its turn."""
        with self._lock:
            self._wanted = text
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="nbchat-size", daemon=True)
                self._thread.start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the latest text is measured, at most so many seconds (None = for as long as it takes)."""
        if (thread := self._thread) is not None:
            thread.join(timeout)

    def _work(self) -> None:
        while (text := self._next()) is not None:
            self._say(text)

    def _next(self) -> str | None:
        with self._lock:
            text, self._wanted = self._wanted, None
            if text is None:
                self._thread = None
            return text

    def _say(self, text: str) -> None:
        words: Any = ""
        if text.strip():
            try:
                words = self._measure(text)
            except Exception:  # noqa: BLE001  # whatever is wrong with half a message is said when it is sent
                words = ""
        self.line.value = html_text(words)
