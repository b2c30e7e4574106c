"""The requests of a panel: run in a worker thread, painted into the panel and kept as cell output."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from nbchat.cells.arguments import scorer
from nbchat.cells.compose import Composed, compose, variants_of
from nbchat.cells.options import CellOptions
from nbchat.cells.presentation import presentation
from nbchat.cells.usage_error import UsageError
from nbchat.conversation.session import Session
from nbchat.conversation.turn import Turn
from nbchat.display import chrome
from nbchat.display.answer import answer_bundle
from nbchat.display.canvas import Canvas
from nbchat.display.footer import footer_facts
from nbchat.display.kernel import running_shell
from nbchat.display.painter import Painter
from nbchat.display.reply_area import ReplyArea
from nbchat.display.widget_factory import WidgetFactory
from nbchat.panel.approval import Approval
from nbchat.panel.settings.cellline import Tried
from nbchat.panel.transcript import Entry, SweepEntry, TranscriptView, transcript_of
from nbchat.panel.worker import Worker
from nbchat.tuning.diff import Diff
from nbchat.tuning.judge import Scorer
from nbchat.tuning.runner import Progress
from nbchat.tuning.sweep import SweepInterrupted, sweep
from nbchat.values.answer.events import Event
from nbchat.values.answer.reply import Reply
from nbchat.values.errors import Interrupted, NbchatError, ParameterError
from nbchat.values.messages import Message, ToolCall
from nbchat.values.params import PARAMETERS
from nbchat.values.presenter import Presenter
from nbchat.views.explorer import Sweep
from nbchat.views.growing_sweep import GrowingSweep
from nbchat.views.sweep import diff_bundle, sweep_bundle
from nbchat.views.sweep_plot import show_plot_on
from nbchat.views.watch import Watch, progress_facts

__all__ = ["Conversation", "composed"]


CONTINUE = "the Continue button"
"""How to continue a partial answer in the panel, for messages."""


class Conversation:
    """Runs one request at a time in a session; `over` is called at its end with the failure (None = success).

    A running request stays with its session even if the panel switches to another one. `begun` is called before anything
    is sent; if a request is already running, nothing is called or sent.
    """

    def __init__(self, factory: WidgetFactory, session: Session, over: Callable[[BaseException | None], None]) -> None:
        self.session = session
        self.area = ReplyArea(factory)
        self.approval = Approval(factory)
        self._canvas: Canvas | None = None
        self._shown: Reply | None = None
        self._job: _Job | None = None
        self._view: TranscriptView | None = None
        self._views: weakref.WeakKeyDictionary[Session, TranscriptView] = weakref.WeakKeyDictionary()
        self._worker = Worker(over)
        self.result: Any = None
        """The result of the last sweep, complete or partial; None = none."""
        self.result_name = "panel.result"
        """How a user writes it."""

    @property
    def busy(self) -> bool:
        """Whether an answer is arriving."""
        return self._worker.busy

    def pin(self, canvas: Canvas) -> None:
        """Show the transcript, including earlier entries, on this canvas."""
        self._canvas = canvas
        self._views.clear()
        self._view = self._view_of(self.session, canvas)
        self._view.refresh()

    def switch(self, session: Session) -> None:
        """Switch to another session."""
        self.session = session
        self.follow(None)
        if self._canvas is not None:
            self._view = self._view_of(session, self._canvas)

    def _view_of(self, session: Session, canvas: Canvas) -> TranscriptView:
        """Return the view of a session's transcript in this cell; there is one per session."""
        view = self._views.get(session)
        if view is None:
            view = self._views[session] = TranscriptView(transcript_of(session), canvas)
        return view

    @property
    def asking(self) -> Session | None:
        """The session that is answering; None = idle."""
        job = self._job
        return job.session if job is not None and self.busy else None

    def ask(self, text: str, begun: Callable[[], None], *, alone: bool = False) -> None:
        """Send a message with live values inserted; `alone` = without using or extending the history."""
        session = self.session

        def asking(presenter: Presenter, settings: dict[str, Any], message: Message) -> Reply:
            return session.ask(message, display=presenter, once=alone, **settings)

        self._start(text, lambda: composed(text), asking, begun)

    def sweep(self, text: str, tried: Tried, begun: Callable[[], None], *, alone: bool = False) -> None:
        """Ask a message in several ways and show the answers side by side. None of them joins the history by itself."""
        job = _Job(self.session, self._view)
        settings = {**_settings(job.session), **{name: list(values) for name, values in tried.axes.items()}}

        def work() -> None:
            variants, score = _variants(text, tried)
            messages = [variant.message for variant in variants]
            notes = list(dict.fromkeys(note for variant in variants for note in variant.notes))
            sheet = self.area.fresh()
            sheet.show(_heading(text))
            growing = GrowingSweep(sheet)

            def tell(progress: Progress) -> None:
                growing.show(progress.done, progress.total, progress_facts(progress), "answers")
                job.check()

            def ask() -> Any:
                return sweep(
                    job.session,
                    messages if len(messages) > 1 else messages[0],
                    repeat=tried.own.get("repeat", 1),
                    score=score,
                    on_run=growing.put,
                    on_progress=tell,
                    result_type=Sweep,
                    once=alone,
                    approve=self.approval.ask,
                    **settings,
                )

            def show(result: Sweep, _bound: str) -> None:
                bundle = sweep_bundle(result, notes, self.result_name)
                growing.replace(bundle)
                job.keep(SweepEntry(text, bundle))
                sheet.show(chrome.widget_bundle(result.explore().widget, "[controls over the runs]"))
                show_plot_on(sheet, result)

            self.approval.begin()
            Watch(True, sheet, lambda _sheet: growing).run(ask, show, SweepInterrupted, self._keep)

        def anew() -> None:
            self.result = None
            begun()

        self._begin(job, work, anew)

    def _keep(self, result: Any) -> None:
        self.result = result

    def retry(self, turn: Turn, begun: Callable[[], None]) -> None:
        """Ask a turn's message again with the current settings; the answer becomes its newest version."""
        session = self.session

        def asking(presenter: Presenter, settings: dict[str, Any], message: Message) -> Reply:
            return session.retry(turn=turn, display=presenter, **settings)

        self._start(turn.message.as_typed, lambda: Composed(turn.message), asking, begun)

    def resume(self, turn: Turn, begun: Callable[[], None]) -> None:
        """Continue a turn's answer where it stopped."""
        session = self.session

        def asking(presenter: Presenter, settings: dict[str, Any], message: Message) -> Reply:
            session.resume(turn=turn, display=presenter, **settings)
            return next((kept.reply for kept in session.turns if kept.message is turn.message), turn.reply)

        self._start(turn.message.as_typed, lambda: Composed(turn.message), asking, begun, so_far=turn.reply)

    def stop(self) -> None:
        """Stop the request; the partial answer is kept."""
        if (job := self._job) is not None:
            job.stop()
        self.approval.dismiss()

    def show(self, turn: Turn) -> None:
        """Show a turn of the history, unless an answer is coming."""
        if self.busy:
            return
        self._shown = turn.reply
        sheet = self.area.fresh()
        sheet.show(_heading(turn.message.as_typed))
        sheet.show(answer_bundle(turn.reply))
        sheet.show(chrome.line(footer_facts(turn.reply)))
        _note_changes(sheet, turn.reply)

    def follow(self, turn: Turn | None) -> None:
        """Show the turn that the history has selected by itself, unless its answer is shown already; None = no turns."""
        if turn is None:
            self._shown = None
            self.area.fresh()
        elif turn.reply is not self._shown:
            self.show(turn)

    def compare(self, turn: Turn, before: int, after: int) -> None:
        """Show a diff of two versions of a turn."""
        if self.busy:
            return
        old, new = turn.versions[before], turn.versions[after]
        sheet = self.area.fresh()
        sheet.show(_heading(turn.message.as_typed))
        for place, version in ((before, old), (after, new)):
            sheet.show(chrome.line([f"version {place + 1} of {len(turn.versions)}", *footer_facts(version.reply)]))
        sheet.show(diff_bundle(Diff.of(old.reply.text, new.reply.text)))

    def when_over(self, call: Callable[[BaseException | None], None] | None) -> bool:
        """Call this once when the running request is over, with its failure; False = nothing is running."""
        return self._worker.when_over(call)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing runs."""
        self._worker.wait(timeout)

    def _start(
        self,
        question: str,
        composing: Callable[[], Composed],
        asking: Callable[[Presenter, dict[str, Any], Message], Reply],
        begun: Callable[[], None],
        so_far: Reply | None = None,
    ) -> None:
        job = _Job(self.session, self._view)
        settings = _settings(job.session)

        def work() -> None:
            message = composing()
            if job.stopped:
                raise Interrupted("Stopped. Nothing was sent.")
            sheet = self.area.fresh()
            sheet.show(_heading(question))
            if so_far is not None:
                sheet.show(answer_bundle(so_far))
            painter = _JobPainter(
                job, sheet, **presentation(job.session, CellOptions(), message.notes, continue_with=CONTINUE)
            )
            reply: Reply | None = None
            try:
                self.approval.begin()
                reply = asking(
                    painter, {**settings, "approve": self.approval.ask, "continue_with": CONTINUE}, message.message
                )
            except (NbchatError, Interrupted) as error:
                reply = error.reply
                raise
            finally:
                self._shown = reply
                if reply is not None:
                    _note_changes(sheet, reply)
                    job.keep(Entry(question, reply))

        self._begin(job, work, begun)

    def _begin(self, job: _Job, work: Callable[[], None], begun: Callable[[], None]) -> None:
        """Start a job's work, unless another one is running."""

        def start() -> None:
            self._job = job
            begun()

        self._worker.start(work, start)


class _Job:
    """A running request: its session and the transcript view that shows it."""

    def __init__(self, session: Session, view: TranscriptView | None) -> None:
        self.session = session
        self.stopped = False
        self._view = view

    def stop(self) -> None:
        self.stopped = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if this was stopped, so that the exchange ends as at an interrupt."""
        if self.stopped:
            raise KeyboardInterrupt

    def keep(self, entry: Entry | SweepEntry) -> None:
        transcript = transcript_of(self.session)
        transcript.add(entry)
        for shown in filter(None, {self._view, transcript.newest}):
            shown.refresh()


class _JobPainter(Painter):
    """A painter that stops its own request only, not others in the same session."""

    def __init__(self, job: _Job, canvas: Canvas, **options: Any) -> None:
        super().__init__(canvas, **options)
        self._job = job

    def show(self, events: Sequence[Event]) -> None:
        super().show(events)
        self._job.check()

    def call_result(self, call: ToolCall, result: Message) -> None:
        super().call_result(call, result)
        self._job.check()  # before another request is sent


def _note_changes(sheet: Canvas, reply: Reply) -> None:
    if rows := changed_by_server(reply):
        sheet.show(chrome.table(["", "asked", "answered"], rows))


def _settings(session: Session) -> dict[str, Any]:
    """Return the session's current settings as explicit options, so that later changes don't affect the request."""
    params = session.params
    return {
        **{name: getattr(params, name) for name in PARAMETERS},
        **({"extra": dict(params.extra)} if params.extra else {}),
        "system": session.system,
    }


def _variants(text: str, tried: Tried) -> tuple[list[Composed], Scorer | str | None]:
    """Return the messages of a sweep, and what scores its answers. Raises ParameterError and PromptError."""
    shell = running_shell()
    try:
        score = scorer(tried.own.get("score"), shell.user_ns if shell is not None else {})
        parts = variants_of(text) if tried.own.get("variants") else [text]
    except UsageError as error:
        raise ParameterError(str(error)) from None
    return [composed(part) for part in parts], score


def composed(text: str) -> Composed:
    """Insert live values into a message. Raises PromptError."""
    shell = running_shell()
    return compose(text, shell.user_ns if shell is not None else {})


def _heading(question: str) -> Any:
    words = " ".join(question[:400].split())
    return chrome.line(f"You: {words if len(words) <= 160 else words[:159] + '…'}")


def changed_by_server(reply: Reply) -> list[list[str]]:
    """Return parameters that the server silently changed: name, requested value, actual value."""
    body = reply.request.body if reply.request is not None else {}
    rows = []
    asked_model = str(body.get("model") or "")
    if any(notice.startswith("asked for ") for notice in reply.notices):
        rows.append(["model", asked_model, reply.model or "?"])
    count = body.get("n") or 1
    if reply.status == "complete" and len(reply.choices) < count:
        rows.append(["n", str(count), str(len(reply.choices))])
    return rows
