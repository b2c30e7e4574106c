"""The panel: a session as widgets, assembled and wired."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ipywidgets import HBox, VBox

from nbchat.conversation.process import process
from nbchat.conversation.registry import Registry
from nbchat.conversation.servers import connection
from nbchat.conversation.session import Session
from nbchat.conversation.turn import Turn
from nbchat.display.canvas import PinnedCanvas
from nbchat.display.chrome import widget_bundle
from nbchat.display.kernel import running_shell
from nbchat.display.presenting import is_notebook
from nbchat.display.widget_factory import WidgetFactory, mark
from nbchat.display.widget_style import WIDGETS_CLASS
from nbchat.panel import comms, style
from nbchat.panel.cell_place import CellPlace
from nbchat.panel.conversation import Conversation, composed
from nbchat.panel.history import History
from nbchat.panel.message import MessageBox
from nbchat.panel.page import ReloadDetector
from nbchat.panel.settings.biases import BiasControl
from nbchat.panel.settings.cellbox import CellBox
from nbchat.panel.settings.cellline import ONE, Loaded, Tried
from nbchat.panel.settings.column import Settings
from nbchat.panel.settings.controls import Control, control
from nbchat.panel.settings.presetbar import PresetBar
from nbchat.panel.settings.server_form import ModelControl, ServerForm
from nbchat.panel.sizing import Sizing, request_size
from nbchat.values.answer.rating import Rating
from nbchat.values.errors import ConfigError, Interrupted, NbchatError
from nbchat.values.optionline import option_line
from nbchat.values.parameter import Parameter
from nbchat.values.params import PARAMETERS, Params
from nbchat.values.wording import pluralize

__all__ = ["Panel"]

FIRST = ("model", "temperature", "top_p", "max_tokens")
"""The parameters that are always visible."""

UNSET = re.compile(r" \(%chat set \w+=none\)")
"""The advice in a refusal, for which the panel has a button."""

EXTRA = Parameter("extra", "json", "any other parameter the server takes, by wire name", sampling=False)


class Panel(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A session as widgets: a change of its settings or history appears here, and the reverse.

    `sessions` are all sessions; `session` None = follow the current one. It is displayed as a cell's value; the cell's
    ordinary output then keeps the questions and answers. `controls` are the rows by parameter, `conversation` runs the
    requests.
    """

    def __init__(self, sessions: Registry[Any], session: Session | None = None) -> None:
        self._sessions = sessions
        self._follows = session is None
        self.session: Session = session or sessions.current
        self._refreshing = threading.RLock()
        self._place = CellPlace(self)
        self._unwatch: list[Callable[[], None]] = []
        self._sent = ""
        self._tried = ONE
        self._factory = WidgetFactory()
        self.settings = self._make_settings()
        self.conversation = Conversation(self._factory, self.session, self._over)
        self._history = History(
            self._factory,
            self._show,
            self._actions(),
            self._choose,
            self.conversation.compare,
            self._rate,
        )
        self._box = MessageBox(self._factory, self._submit, self.conversation.stop)
        self.sizing = Sizing(self._factory, self._size)
        super().__init__(self._rows(), _dom_classes=(WIDGETS_CLASS, "nbchat-panel"))
        self._watch()
        comms.answer_during_cells(self)

    # Assembly

    def _make_settings(self) -> Settings:
        self._model = ModelControl(self._factory, PARAMETERS["model"], self._move)
        self._server_form = ServerForm(self._factory, self._model, self._retarget)
        self.presets = PresetBar(self._factory, lambda preset: self._assign(preset.apply), lambda: self.session.params)
        self._cell = CellBox(self._factory, self._load)
        return Settings(
            self._factory,
            self._control,
            [*PARAMETERS, EXTRA.name],
            FIRST,
            [self._server_form.system_row, self.presets.choice, self._cell.widget],
            [self._server_form.session, self._server_form.endpoint_row, *self.presets.keeping],
            lambda name, on: mark(self, name, on),
        )

    def _control(self, name: str) -> Control:
        """Create the row of a parameter with its current value."""
        parameter = PARAMETERS.get(name, EXTRA)
        if name == "model":
            row: Control = self._model
        elif parameter.kind == "biases":
            row = BiasControl(self._factory, parameter, self._move, self._token_ids)
        else:
            row = control(self._factory, parameter, self._move)
        row.show(_value(self.session.params, name))
        row.refuse(self._refused().get(name, ""))
        comms.answer_during_cells(row.row)
        return row

    @property
    def controls(self) -> dict[str, Control]:
        """The rows created so far, by parameter."""
        return self.settings.controls

    @property
    def result(self) -> Any:
        """The result of the last sweep run here; None = none."""
        return self.conversation.result

    def unfold(self) -> None:
        """Show all settings."""
        self.settings.unfold()

    def _rows(self) -> list[Any]:
        buttons = self._factory.make(
            HBox,
            [self._box.send, self._box.stop, *self._box.choices, self.sizing.line],
            classes="nbchat-buttons",
        )
        page = ReloadDetector(self._factory, self._factory.note(buttons))
        talk = [
            self._box.message,
            buttons,
            self.conversation.approval.widget,
            self._history.widget,
            self._history.rating.widget,
        ]
        reply = self._factory.make(VBox, [self._box.status, self.conversation.area.widget], classes="nbchat-scroll")
        return [
            style.style(self._factory),
            style.keys(self._factory),
            page.widget,
            self.sizing.draft,
            self._box.handshake.widget,
            self._factory.make(
                HBox,
                [
                    self._factory.make(VBox, [*talk, reply], classes="nbchat-talk"),
                    self.settings.widget,
                ],
                classes="nbchat-columns",
            ),
        ]

    def _actions(self) -> dict[str, Callable[[], None]]:
        return {
            "Continue": lambda: self._ask_from(self.conversation.resume),
            "Retry": lambda: self._ask_from(self.conversation.retry),
            "Undo": self._undo,
            "Fork": self._fork,
            "Use settings": lambda: self._with_turn(lambda turn: self._assign(lambda _params: turn.params)),
        }

    # Changes of the session

    def _watch(self) -> None:
        self._unwatch = [self.session.on_params(self.refresh), self.session.on_turns(self.refresh)]
        self.refresh()

    def _stop_watching(self) -> None:
        unwatch, self._unwatch = self._unwatch, []
        for stop in unwatch:
            stop()

    def close(self) -> None:
        """Close the panel and detach it from the session. A running answer continues and joins the history."""
        self._stop_watching()
        self.conversation.when_over(None)
        self._place.leave()
        self._server_form.close()
        self.conversation.approval.dismiss()  # it can no longer be answered here
        self._factory.close()
        self.layout.close()
        super().close()

    def switch(self, session: Session) -> None:
        """Show another session."""
        self._stop_watching()
        self.conversation.when_over(None)  # the message was meant for the other session
        self.session = session
        self.conversation.switch(session)
        if (answering := self.conversation.asking) is not None:
            self._box.say("" if answering is session else f"Session {answering.name} is still answering; Stop ends it.")
        self._watch()

    def refresh(self, *_event: Any) -> None:
        """Show the session's current state. Thread-safe; unchanged widgets cost nothing."""
        if self._follows and self._sessions.current is not self.session:
            self.switch(self._sessions.current)
            return
        with self._refreshing:
            session, params, endpoint = self.session, self.session.params, self.session.endpoint
            model = params.model or endpoint.model
            self.settings.reveal([name for name in (*PARAMETERS, EXTRA.name) if _value(params, name) is not None])
            for name, row in self.controls.items():
                row.show(_value(params, name))
            self._model.usual(model)
            self._server_form.show(session, endpoint, self._sessions.names())
            self.presets.show(params)
            self.settings.summarize(option_line(dict(params.items())))
            self._cell.show(params.replace(model=model), session.system, endpoint, self.tried)
            if self._history.show(session.turns, busy=self.conversation.busy) and not self.conversation.busy:
                self._box.say("")  # it was said of another answer
                self.conversation.follow(self._history.turn)
            refused = self._refused()
            for name, row in self.controls.items():
                row.refuse(refused.get(name, ""))

    def _refused(self) -> Mapping[str, str]:
        """Return the parameters that the server refuses for the current model, each with the server's words."""
        endpoint = self.session.endpoint
        return process.capabilities.refused(endpoint.base_url, self.session.params.model or endpoint.model or "")

    # Changes by the user

    def _move(self, name: str, value: Any) -> None:
        if name == "extra":
            value = {**dict.fromkeys(self.session.params.extra), **(value or {})}
        self.session.set(**{name: value})
        self.refresh()  # also if only the tried values have changed

    @property
    def tried(self) -> Tried:
        """Return what makes Send a sweep: rows with several values, and options loaded from a cell."""
        rows = {name: row.tried for name, row in self.controls.items() if row.tried}
        return Tried({**rows, **self._tried.axes}, self._tried.own)

    def _assign(self, change: Callable[[Any], Any]) -> None:
        self.session.params = change(self.session.params)

    def _retarget(self, name: str, text: str | None) -> None:
        try:
            if name == "system":
                self._tried = Tried({}, self._tried.own)
                self.session.system = text
                self.refresh()
            elif name == "session" and text is not None:
                self._go_to(text)
            elif name == "endpoint" and text is not None:
                self._connect(text)
        except NbchatError as error:
            self._server_form.refuse(str(error))

    def _go_to(self, name: str) -> None:
        if name != self.session.name:
            self.switch(self._sessions.switch(name) if self._follows else self._sessions.open(name))

    def _connect(self, where: str, key_env: str | None = None) -> None:
        """Connect like `%chat connect`, or change the session's own server if it has one."""
        if self.session.base_url is None:
            process.connected = connection.endpoint_for(where, key_env=key_env)
        else:
            self.session.connect(where, key_env=key_env)
        self.session.set(model=None)  # another server's model means nothing here
        self.refresh()

    def _load(self, loaded: Loaded) -> None:
        if loaded.where is not None:
            self._connect(loaded.where, loaded.key_env)
        model = loaded.params.model or self.session.params.model
        self.session.params = loaded.params.replace(model=model)
        if loaded.system is not None:
            self.session.system = loaded.system
        self._try(loaded.tried)
        if loaded.body:
            self._box.message.value = loaded.body

    def _try(self, tried: Tried) -> None:
        """Keep the values that a cell tries: in their rows, if they have one."""
        self._tried = Tried({name: values for name, values in tried.axes.items() if name == "system"}, tried.own)
        self.settings.reveal([name for name in tried.axes if name != "system"])
        for name, row in self.controls.items():
            row.try_values(tried.axes.get(name, ()))
        self.refresh()

    def _token_ids(self, text: str) -> list[int]:
        endpoint = connection.ready(self.session.endpoint)
        engine = process.engine()
        return engine.run(engine.client.token_ids(endpoint, self.session.model or "", text))

    # Asking

    def _submit(self) -> None:
        text = self._box.message.value
        if self._is_next(text):
            return
        if not text.strip():
            text = self._last_question()
        if not text:
            self._box.say("The message is empty: write what you want to ask. Nothing was sent.", wrong=True)
        elif self._is_ready():
            begun, alone = (lambda: self._began(text)), self._box.alone.value
            if tried := self.tried:
                self.conversation.sweep(text, tried, begun, alone=alone)
            else:
                self.conversation.ask(text, begun, alone=alone)

    def _is_next(self, text: str) -> bool:
        """Whether an answer is arriving, so that the message waits for its end; it stays in the box until then."""
        sent_already = self._box.keeps.value and text == self._sent
        typed = self._typed()

        def send(failure: BaseException | None) -> None:
            if failure is None and self._typed() == typed:
                self._submit()
            elif failure is None:
                self._box.say("The message was edited meanwhile, so it was not sent.")

        if not text.strip() or sent_already or not self.conversation.when_over(send):
            return False
        self._box.say("This message will be sent when the answer is complete, unless you edit it.")
        return True

    def _typed(self) -> tuple[str, str]:
        """Return the message, and what the page has reported of it since."""
        return self._box.message.value, self.sizing.draft.value

    def _last_question(self) -> str:
        """Return the message that Send repeats if the box is empty: the panel's last, else the history's; empty = none."""
        return self._sent or next((turn.message.as_typed for turn in reversed(self.session.turns)), "")

    def _size(self, text: str) -> str:
        """Return the size of the request for a message."""
        return request_size(self.session, composed(text).message, once=self._box.alone.value)

    def _ask_from(self, ask: Callable[[Turn, Callable[[], None]], None]) -> None:
        if (turn := self._history.turn) is not None and self._is_ready():
            ask(turn, self._began)

    def _is_ready(self) -> bool:
        """Whether all fields are valid; if not, show the error."""
        problems = [self._server_form.problem, self._cell.problem]
        problems += [row.problem or row.waiting for row in self.controls.values()]
        problem = next(filter(None, problems), "")
        if problem:
            self._box.say(f"{problem} Nothing was sent.", wrong=True)
        return not problem

    def _began(self, text: str = "") -> None:
        """Prepare for a request; `text` is the message that was sent for it."""
        self._sent = text
        if text:
            self._box.take()
            self.sizing.draft.value = self._box.message.value
        self._box.say("")
        self._box.running(True)
        self._history.show(self.session.turns, busy=True)

    def _over(self, failure: BaseException | None) -> None:
        """Handle the end of a request, in the thread that made it."""
        self._box.running(False)
        self._box.say(
            UNSET.sub(" with the × beside it", str(failure or "")),
            wrong=failure is not None and not isinstance(failure, Interrupted),
        )
        partial = getattr(failure, "reply", None) or getattr(failure, "sweep", None)
        if partial is None and failure is not None:
            self._box.give_back(self._sent)  # it failed: give the text back
        comms.answer_during_cells(self)
        self.refresh()

    # History

    def _with_turn(self, act: Callable[[Turn], None]) -> None:
        if (turn := self._history.turn) is not None:
            act(turn)

    def _show(self, turn: Turn) -> None:
        if not self.conversation.busy:
            self._box.say("")
            self.conversation.show(turn)

    def _rate(self, turn: Turn, rating: Rating) -> None:
        self.session.rate(turn, thumb=rating.thumb, score=rating.score, note=rating.note)

    def _choose(self, turn: Turn, version: int) -> None:
        self.session.choose(turn, version)
        self._with_turn(self.conversation.show)

    def _undo(self) -> None:
        if self.conversation.busy or self._history.turn is None:
            return
        taken = self.session.undo(self._history.later + 1)
        if not self._box.message.value:
            self._box.message.value = taken[0].message.as_typed
        self._box.say(f"undid {pluralize(len(taken), 'turn')}")

    def _fork(self) -> None:
        later = self._history.later
        branch = self.session.fork(self._sessions.free_name(self.session.name))
        if later:
            branch.undo(later)
        self._sessions.add(branch, current=self._follows)
        self.switch(branch)
        self._box.say(f"now in session {branch.name}")

    # Display

    def _ipython_display_(self, **_options: Any) -> None:
        self.display(running_shell())

    def display(self, shell: Any) -> None:
        """Show the panel, and the transcript, in the running cell; `Out` keeps it. Raises ConfigError outside a notebook."""
        if shell is None or not is_notebook(shell):
            self.close()
            raise ConfigError("A panel needs a notebook; this is not one.")
        shell.display_pub.publish(widget_bundle(self, "[nbchat panel: run the cell again to use it]"))
        shell.displayhook.update_user_ns(self)
        self.conversation.result_name = f"Out[{shell.displayhook.prompt_count}].result"
        self.conversation.pin(PinnedCanvas(shell))
        comms.answer_during_cells(self)
        self._place.take(shell, self.session.name)


def _value(params: Params, name: str) -> Any:
    """Return the value that a row shows; None = unset."""
    return dict(params.extra) or None if name == EXTRA.name else getattr(params, name)
