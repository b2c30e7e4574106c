"""The panel's message box: Send starts a thread and returns at once, Stop ends what runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ipywidgets import HTML, Button, Textarea

from nbchat.notebook.inline import html_text
from nbchat.values.errors import Interrupted, NbchatError

__all__ = ["MessageBox", "Worker"]


class Worker:
    """Does one thing at a time in a thread of its own; `over` is told what went wrong, None = nothing."""

    def __init__(self, over: Callable[[BaseException | None], None]) -> None:
        self._over = over
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return self._thread is not None

    def start(self, work: Callable[[], None]) -> bool:
        """Start it; False = something runs already."""
        with self._lock:
            if self._thread is not None:
                return False
            self._thread = threading.Thread(target=self._run, args=(work,), name="nbchat-panel", daemon=True)
        self._thread.start()
        return True

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing runs."""
        if (thread := self._thread) is not None:
            thread.join(timeout)

    def _run(self, work: Callable[[], None]) -> None:
        failure: BaseException | None = None
        try:
            work()
        except (NbchatError, Interrupted) as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # a thread that dies in silence would leave the panel waiting
            failure = NbchatError(f"nbchat itself failed, with {type(error).__name__}: {error}. Please report it.")
        finally:
            self._thread = None
            self._over(failure)


class MessageBox:
    """Message, Send, Stop and a line that says how things stand."""

    def __init__(self, send: Callable[[], None], stop: Callable[[], None]) -> None:
        self.message = Textarea(description="Message", rows=3, continuous_update=False, placeholder="Ctrl+Enter sends")
        self.message.add_class("nbchat-message")
        self.send = Button(description="Send", tooltip="Send the message (Ctrl+Enter)")
        self.send.add_class("nbchat-send")
        self.stop = Button(description="Stop", tooltip="Stop the answer; what has come is kept", disabled=True)
        self.send.on_click(lambda _button: send())
        self.stop.on_click(lambda _button: stop())
        self.status = HTML()
        self.status.add_class("nbchat-status")

    def running(self, on: bool) -> None:
        """Whether an answer is coming."""
        self.send.disabled = on
        self.stop.disabled = not on

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say how things stand; empty = nothing to say."""
        self.status.value = html_text(text)
        (self.status.add_class if wrong else self.status.remove_class)("nbchat-wrong")
