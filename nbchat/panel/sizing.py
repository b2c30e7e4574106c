"""The estimated size of a request, shown beside Send while its message is typed."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from ipywidgets import HTML, Textarea

from nbchat.api.http.addresses import is_this_machine
from nbchat.conversation.process import process
from nbchat.conversation.servers import connection
from nbchat.conversation.session import Session
from nbchat.display.widget_factory import WidgetFactory
from nbchat.markdown.inline import html_text
from nbchat.tuning.estimate import estimate
from nbchat.values.errors import NbchatError
from nbchat.values.messages import Message
from nbchat.values.wording import dollars

__all__ = ["Sizing", "request_size"]

_without_tokenizer: set[str] = set()
"""Local servers that turned out to have no tokenizer."""


def request_size(session: Session, message: Message, *, once: bool) -> str:
    """Describe a request's size: `~120 tokens, about $0.002`; without `~` if the server's tokenizer counted.

    Only a server on this machine is asked to count; half-typed text is never sent elsewhere.
    """
    size = estimate(session, message, once=once)
    count = _counted(session, session.request(message, once=once).body)
    known = f"~{size.prompt_tokens:,} tokens" if size.prompt_tokens is not None else "tokens unknown (images)"
    cost = "" if not size.cost else f"about {dollars(size.cost)}"
    return ", ".join(filter(None, (known if count is None else f"{count:,} tokens", cost)))


def _counted(session: Session, body: Mapping[str, Any]) -> int | None:
    """Count a request's tokens with the server's tokenizer; None = it has none."""
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
    """Measures the latest text in a separate thread; intermediate texts are skipped.

    `measure` describes the size of a text's request and may raise. The front end writes the text being typed into the
    hidden field `draft`, because the message box reports its text only when editing ends.
    """

    def __init__(self, factory: WidgetFactory, measure: Callable[[str], str]) -> None:
        self._measure = measure
        self._wanted: str | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.draft = factory.make(Textarea, continuous_update=False, classes="nbchat-none nbchat-draft")
        self.draft.observe(lambda change: self.ask(change["new"]), "value")
        self.line = factory.make(HTML, classes="nbchat-size")

    def ask(self, text: str) -> None:
        """Measure this text, unless a newer one replaces it."""
        with self._lock:
            self._wanted = text
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="nbchat-size", daemon=True)
                self._thread.start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the latest text is measured, for at most `timeout` seconds (None = no limit)."""
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
            except Exception:  # noqa: BLE001  # errors in an unfinished message are reported when it is sent
                words = ""
        self.line.value = html_text(words)
