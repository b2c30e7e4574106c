"""How a session shows an answer: a protocol, and the place where a front end puts its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nbchat.api.keys import Key
from nbchat.conversation.description import describe_plainly
from nbchat.conversation.tools.approval import ask_user
from nbchat.values.errors import ConfigError, GuardError
from nbchat.values.events import Event
from nbchat.values.messages import Message, ToolCall
from nbchat.values.reply import Reply

if TYPE_CHECKING:
    from nbchat.conversation.session import Session

__all__ = ["Presenter", "Presenters", "presenters"]


class Presenter(Protocol):
    """Shows one exchange while it happens. Calls come from the thread that asked."""

    def show(self, events: Sequence[Event]) -> None:
        """Some events came; none = time passed (at least every 50 ms)."""

    def call_result(self, call: ToolCall, result: Message) -> None:
        """A tool was called, with this result. More of the answer follows."""

    def restart(self, reason: str) -> None:
        """What came of the answer does not count, for this reason; it comes anew."""

    def conclude(self, reply: Reply | None, error: BaseException | None) -> None:
        """It is over, with the whole or partial reply (None = nothing came), and what went wrong (None = nothing)."""


class MakePresenter(Protocol):
    """Makes a presenter for one exchange."""

    def __call__(self, wanted: bool | None, *, choices: int = 1, waiting: str = "") -> Presenter | None:
        """Wanted (True), not wanted (False), or as the place suggests (None); None = show nothing."""


def _no_panel(session: Session) -> Any:
    raise ConfigError("A panel needs a notebook: in one, %chat panel or Session.panel() shows it.")


def _no_sweep(session: Session, message: Any, **options: Any) -> Any:
    raise ConfigError("Sweeps come with nbchat as a whole: take Session from it (from nbchat import Session).")


def _no_explorer(sweep: Any) -> Any:
    raise ConfigError("Exploring a sweep needs a notebook; filter(), sort() and diff() do the same in Python.")


def _closed(messages: Sequence[Message], key: Key | None) -> None:
    raise GuardError("Nothing was sent: the guard is missing. It comes with nbchat as a whole (import nbchat).")


def _quiet(wanted: bool | None, *, choices: int = 1, waiting: str = "") -> None:
    """Show nothing."""


class Presenters:
    """What stands above the sessions, which importing this room from nbchat puts here (see `nbchat.joints`).

    Without a front end answers are quiet; without the guard nothing is sent.
    """

    def __init__(self) -> None:
        self.make: MakePresenter = _quiet
        self.panel: Callable[[Session], Any] = _no_panel
        """Makes the widgets of a session. Raises ConfigError."""
        self.sweep: Callable[..., Any] = _no_sweep
        """Asks one message in many ways: session, message and the options of `Session.sweep`."""
        self.explore: Callable[[Any], Any] = _no_explorer
        """Makes the widgets of a sweep's result. Raises ConfigError."""
        self.clean: Callable[[str], str] = str
        """Model text made safe to display as Markdown."""
        self.approve: Callable[[ToolCall], bool] = ask_user
        """Whether a call may run. Raises EOFError, OSError or NotImplementedError where nobody can be asked."""
        self.describe: Callable[[object], str] = describe_plainly
        """A value as text for the model: what a tool returned."""
        self.guard: Callable[[Sequence[Message], Key | None], None] = _closed
        """Raises GuardError where messages hold what must not leave: this key, other secrets, private values."""


presenters = Presenters()
