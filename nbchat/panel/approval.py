"""Approval of tool calls in the panel, whose worker thread has no cell with an input prompt."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from ipywidgets import HTML, Button, HBox, VBox

from nbchat.conversation.tools.call_view import CallView
from nbchat.display import chrome
from nbchat.display.widget_factory import WidgetFactory, mark
from nbchat.values.messages import ToolCall

__all__ = ["Approval"]


class Approval:
    """Shows a call with Allow and Refuse buttons and waits for a click or for `dismiss`.

    A long call is shown page by page, and can't be allowed before all of it has been shown.
    """

    def __init__(self, factory: WidgetFactory) -> None:
        self._lock = threading.Lock()
        self._pending: Future[bool] | None = None
        self._dismissed = False
        self._text = factory.make(HTML)
        self._view = CallView("", ())
        self.allow = factory.make(Button, description="Allow", tooltip="Run the tool as shown")
        self.refuse = factory.make(Button, description="Refuse", tooltip="Tell the model that the tool was not run")
        self.allow.on_click(lambda _button: self._allow())
        self.refuse.on_click(lambda _button: self._answer(allowed=False))
        self.show_more = factory.make(Button, description="Show more", tooltip="Available once the whole call is shown")
        self.show_more.on_click(lambda _button: self._show(self._view.more()))
        buttons = factory.make(HBox, [self.show_more, self.allow, self.refuse], classes="nbchat-buttons")
        self.widget = factory.make(VBox, [self._text, buttons], classes="nbchat-approval nbchat-none")

    def begin(self) -> None:
        """Accept questions again, because another answer begins."""
        with self._lock:
            self._dismissed = False

    def dismiss(self) -> None:
        """Refuse the pending call and all further calls of this answer."""
        with self._lock:
            self._dismissed = True
        self._answer(allowed=False)

    def ask(self, call: ToolCall) -> bool:
        """Ask whether a call may run, blocking the calling thread; False = refused."""
        with self._lock:
            if self._dismissed:
                return False
            pending = self._pending = Future()
        self._show(CallView.of(call))
        mark(self.widget, "nbchat-none", False)
        try:
            return pending.result()
        finally:
            mark(self.widget, "nbchat-none", True)

    def _show(self, view: CallView) -> None:
        self._view = view
        self._text.value = str(chrome.text_block(f"The model wants to run\n{view}")["text/html"])
        self.allow.disabled = view.unseen > 0
        mark(self.show_more, "nbchat-none", not view.unseen)

    def _allow(self) -> None:
        if not self._view.unseen:  # a click can arrive after the button was disabled
            self._answer(allowed=True)

    def _answer(self, *, allowed: bool) -> None:
        with self._lock:
            pending, self._pending = self._pending, None
        if pending is not None:
            pending.set_result(allowed)
