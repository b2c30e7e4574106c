"""The session, server, model and system text fields of the panel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ipywidgets import Button, Combobox, Dropdown, HBox, Textarea

from nbchat.api.endpoints import BUILTIN, ENDPOINTS, LOCAL_SERVERS, Endpoint
from nbchat.api.http.addresses import public_url
from nbchat.conversation.servers.connection import models
from nbchat.conversation.session import Session
from nbchat.display.widget_factory import WidgetFactory, mark
from nbchat.panel.redraw import Redraw
from nbchat.panel.settings.controls import TextControl
from nbchat.values.errors import NbchatError
from nbchat.values.modelname import SMOLLM2, same_model
from nbchat.values.wording import nearest

__all__ = ["ModelControl", "ServerForm"]

FETCH_AFTER = 0.2
"""Seconds to wait before fetching the models, so that the panel is drawn first."""


class ModelControl(TextControl):
    """The model field: a searchable list that takes free text. Unset = the default, shown dimmed."""

    def _build(self) -> list[Any]:
        meaning = f"{self.parameter.meaning}, from the server's list or typed. Unset = the server's default"
        self._box = self._factory.make(
            Combobox, description="Model", continuous_update=False, ensure_option=False, tooltip=meaning
        )
        self._box.observe(lambda change: self._read(change["new"].strip()), "value")
        return [self._box]

    def _draw(self, value: Any) -> None:
        typed = self._box.value.strip()
        if (self.parameter.parse(typed) if typed else None) != value:  # keep what is being typed
            super()._draw(value)

    def offer(self, names: Sequence[str]) -> None:
        """Set the models to choose from."""
        self._box.options = tuple(names)
        self._doubt()

    def _redraw(self) -> None:
        super()._redraw()
        self._doubt()

    def _doubt(self) -> None:
        """Note that a model is not on the server's list, which may be incomplete."""
        names, value = self._box.options, self._value
        if not self.problem and value is not None:
            unknown = bool(names) and not any(same_model(value, name) for name in names)
            self._note.say(f"not on the server's list of {len(names)}.{nearest(value, names)}" if unknown else "")

    def usual(self, name: str | None) -> None:
        """Set the model used while none is chosen."""
        self._box.placeholder = name or "none chosen yet"


class ServerForm:
    """`moved` is called with "session", "endpoint" or "system" and its new value (None = unset)."""

    def __init__(self, factory: WidgetFactory, model: ModelControl, moved: Callable[[str, str | None], None]) -> None:
        self._moved = moved
        self.problem = ""
        """The error in the server or session that was entered; empty = none."""
        self._redrawing = Redraw()
        self._listed: tuple[str, str] | None = None
        self._timer: threading.Timer | None = None
        self._model = model
        self.session = factory.make(Dropdown, description="Session", tooltip="The session that this panel shows")
        self.endpoint = factory.make(
            Combobox,
            description="Endpoint",
            options=(BUILTIN, SMOLLM2, *ENDPOINTS, *LOCAL_SERVERS),
            continuous_update=False,
            ensure_option=False,
            classes="nbchat-endpoint",
            tooltip="The server: type a known name or a base URL. Its key comes from its variable or %chat key",
        )
        self.system = factory.make(
            Textarea,
            description="System",
            rows=1,
            continuous_update=False,
            placeholder="not sent",
            tooltip="Instructions sent before the conversation. Empty = not sent",
            classes="nbchat-system",
        )
        for name in ("session", "endpoint", "system"):
            getattr(self, name).observe(lambda change, name=name: self._changed(name, change["new"]), "value")
        unset = factory.make(Button, description="×", tooltip="unset the system text", classes="nbchat-unset-button")
        unset.on_click(lambda _button: self._moved("system", None))
        self.system_row = factory.make(HBox, [self.system, unset], classes="nbchat-control nbchat-unset")
        self.endpoint_row = factory.make(HBox, [self.endpoint], classes="nbchat-control nbchat-wide nbchat-choice")
        self.note = factory.note(self.endpoint_row)

    def show(self, session: Session, endpoint: Endpoint, names: Sequence[str]) -> None:
        """Show a session's state; `names` are all sessions."""
        with self._redrawing:
            options = tuple(dict.fromkeys([session.name, *names]))
            if self.session.options != options:
                self.session.options = options
            self.session.value = session.name
            self.endpoint.placeholder = endpoint.name or public_url(endpoint.base_url)
            if not self.problem:  # keep it, to be corrected
                self.endpoint.value = ""
            self.system.value = session.system or ""
            self.system.rows = min(6, 1 + (session.system or "").count("\n"))
            mark(self.system_row, "nbchat-unset", not session.system)
        self._list_models(endpoint)

    def _changed(self, name: str, text: str) -> None:
        if self._redrawing.active:
            return
        self.refuse("")
        if name == "system" or text:
            self._moved(name, text if text.strip() else None)

    def refuse(self, problem: str) -> None:
        """Show the error in what was entered; empty = none."""
        if problem or self.problem:
            self.problem = problem
            self.note.say(problem, wrong=bool(problem))

    def _list_models(self, endpoint: Endpoint) -> None:
        """Fetch the server's models in the background, once for each server."""
        where = (endpoint.name, endpoint.base_url)
        if where == self._listed:
            return
        self._listed = where

        def fetch() -> None:
            names: Sequence[str] = ()
            problem = ""
            try:
                names = models(endpoint)
            except NbchatError as error:
                problem = f"Can't list the models: {error}"
            except Exception:  # noqa: BLE001  # the engine was stopped meanwhile, or the process is ending
                return
            if self._listed == where:
                self._model.offer(names)
                if not self.problem:
                    self.note.say(problem)

        self.close()
        self._timer = threading.Timer(FETCH_AFTER, fetch)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        """Stop fetching."""
        if self._timer is not None:
            self._timer.cancel()
