"""What a panel asks: each request in a thread of its own, painted into the panel and kept as cell output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbchat.notebook import chrome
from nbchat.notebook.canvas import Canvas
from nbchat.notebook.cell import presentation
from nbchat.notebook.compose import Composed, compose
from nbchat.notebook.footer import footer_facts
from nbchat.notebook.options import CellOptions
from nbchat.notebook.painter import Painter, answer_bundle
from nbchat.notebook.panel.answer import ReplyArea
from nbchat.notebook.panel.approval import Approval
from nbchat.notebook.panel.parts import Parts
from nbchat.notebook.panel.transcript import Entry, TranscriptView, transcript_of
from nbchat.notebook.panel.worker import Worker
from nbchat.notebook.shown import running_shell
from nbchat.session.present import Presenter
from nbchat.session.session import Session
from nbchat.session.turn import Turn
from nbchat.values.errors import Interrupted, NbchatError
from nbchat.values.messages import Message
from nbchat.values.params import PARAMETERS
from nbchat.values.reply import Reply

__all__ = ["Conversation"]


class Conversation:
    """Asks in a session, one thing at a time; `over` is told when it is done and what went wrong (None = nothing)."""

    def __init__(self, parts: Parts, session: Session, over: Callable[[BaseException | None], None]) -> None:
        self.session = session
        self.area = ReplyArea(parts)
        self.approval = Approval(parts)
        self._canvas: Canvas | None = None
        self._view: TranscriptView | None = None
        self._worker = Worker(over)

    @property
    def busy(self) -> bool:
        """Whether an answer is coming."""
        return self._worker.busy

    def pin(self, canvas: Canvas) -> None:
        """Keep the transcript there, and what it holds already."""
        self._canvas = canvas
        self._view = TranscriptView(transcript_of(self.session), canvas)
        self._view.refresh()

    def switch(self, session: Session) -> None:
        """Go on in another session."""
        self.session = session
        self.area.clear()
        if self._canvas is not None:
            self._view = TranscriptView(transcript_of(session), self._canvas)

    def ask(self, text: str) -> None:
        """Send a message, with live values put in."""
        session = self.session

        def asking(presenter: Presenter, settings: dict[str, Any], message: Message) -> Reply:
            return session.ask(message, display=presenter, **settings)

        self._start(text, lambda: _composed(text), asking)

    def retry(self, turn: Turn) -> None:
        """Ask a turn's message again with the settings of now, in its place."""
        session = self.session

        def asking(presenter: Presenter, settings: dict[str, Any], message: Message) -> Reply:
            return session.retry(turn=turn, display=presenter, **settings)

        self._start(turn.message.text, lambda: Composed(turn.message), asking)

    def resume(self, turn: Turn) -> None:
        """Take up a turn's answer where it stopped."""
        session = self.session

        def asking(presenter: Presenter, settings: dict[str, Any], message: Message) -> Reply:
            session.resume(turn=turn, display=presenter, **settings)
            return next((kept.reply for kept in session.turns if kept.message is turn.message), turn.reply)

        self._start(turn.message.text, lambda: Composed(turn.message), asking)

    def stop(self) -> None:
        """Stop what is being asked; what has come is kept."""
        self.session.stop()
        self.approval.dismiss()

    def show(self, turn: Turn) -> None:
        """Show a turn of the history, unless an answer is coming."""
        if self.busy:
            return
        self.area.clear()
        self.area.show(_heading(turn.message.text))
        self.area.show(answer_bundle(turn.reply))
        self._conclude(turn.reply)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing runs."""
        self._worker.wait(timeout)

    def _start(
        self,
        question: str,
        composing: Callable[[], Composed],
        asking: Callable[[Presenter, dict[str, Any], Message], Reply],
    ) -> None:
        session, view = self.session, self._view
        settings = _settings(session)

        def work() -> None:
            composed = composing()
            self.area.clear()
            self.area.show(_heading(question))
            painter = Painter(self.area, **presentation(session, CellOptions(), composed.notes))
            reply: Reply | None = None
            try:
                with self.approval.here():
                    reply = asking(painter, settings, composed.message)
            except (NbchatError, Interrupted) as error:
                reply = error.reply
                raise
            finally:
                if reply is not None:
                    self._keep(session, view, Entry(question, reply))

        self._worker.start(work)

    def _keep(self, session: Session, view: TranscriptView | None, entry: Entry) -> None:
        transcript = transcript_of(session)
        transcript.add(entry)
        if rows := answered_otherwise(entry.reply):
            self.area.show(chrome.table(["", "asked", "answered"], rows))
        for shown in filter(None, {view, transcript.newest}):
            shown.refresh()

    def _conclude(self, reply: Reply) -> None:
        self.area.show(chrome.line(footer_facts(reply)))
        if rows := answered_otherwise(reply):
            self.area.show(chrome.table(["", "asked", "answered"], rows))


def _settings(session: Session) -> dict[str, Any]:
    """The session's settings at this moment, spelled out, so that a change while the request is made can't reach it."""
    params = session.params
    return {
        **{name: getattr(params, name) for name in PARAMETERS},
        **({"extra": dict(params.extra)} if params.extra else {}),
        "system": session.system,
    }


def _composed(text: str) -> Composed:
    shell = running_shell()
    return compose(text, shell.user_ns if shell is not None else {})


def _heading(question: str) -> Any:
    words = " ".join(question[:400].split())
    return chrome.line(f"You: {words if len(words) <= 160 else words[:159] + '…'}")


def answered_otherwise(reply: Reply) -> list[list[str]]:
    """What the server silently did otherwise than asked: name, asked, answered."""
    body = reply.request.body if reply.request is not None else {}
    rows = []
    asked_model = str(body.get("model") or "")
    if any(notice.startswith("asked for ") for notice in reply.notices):
        rows.append(["model", asked_model, reply.model or "?"])
    asked = body.get("n") or 1
    if reply.status == "complete" and len(reply.choices) < asked:
        rows.append(["n", str(asked), str(len(reply.choices))])
    return rows
