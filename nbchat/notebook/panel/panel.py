"""The panel: one session as widgets, assembled and wired."""

from __future__ import annotations

import threading
from typing import Any

from ipywidgets import Box, HBox, VBox

from nbchat.notebook.cell import presentation
from nbchat.notebook.options import CellOptions
from nbchat.notebook.painter import Painter
from nbchat.notebook.panel import style
from nbchat.notebook.panel.answer import ReplyArea
from nbchat.notebook.panel.asking import MessageBox, Worker
from nbchat.notebook.panel.controls import Control, control
from nbchat.notebook.panel.target import ModelControl, Target
from nbchat.session.session import Session
from nbchat.values.params import PARAMETERS, Parameter

__all__ = ["Panel"]

EXTRA = Parameter("extra", "json", "anything else that the server takes, by wire name", sampling=False)


class Panel(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A session as widgets."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.RLock()
        self._worker = Worker(self._over)
        model = ModelControl(PARAMETERS["model"], self._move)
        self.controls: dict[str, Control] = {"model": model}
        rows = [row for name, row in PARAMETERS.items() if name != "model"]
        self.controls |= {row.name: control(row, self._move) for row in (*rows, EXTRA)}
        self._target = Target(model, self._retarget)
        self._area = ReplyArea()
        self._box = MessageBox(self._submit, lambda: self._session.stop())
        grid = Box([self.controls[row.name].row for row in rows if row.sampling])
        grid.add_class("nbchat-grid")
        top = Box([self._target.session, self._target.endpoint, self.controls["model"].row])
        top.add_class("nbchat-grid")
        buttons = HBox([self._box.send, self._box.stop, self._box.status])
        buttons.add_class("nbchat-buttons")
        super().__init__(
            [
                style.style(),
                style.keys(),
                top,
                self._target.note,
                self._target.system_row,
                grid,
                self._box.message,
                buttons,
                self._area.widget,
            ]
        )
        self.add_class("nbchat-panel")
        session.on_params(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        session = self._session
        for name, row in self.controls.items():
            row.show(getattr(session.params, name) or None if name == "extra" else getattr(session.params, name))
        self._target.show(session, [])

    def _move(self, name: str, value: Any) -> None:
        self._session.set(**{name: value})

    def _retarget(self, name: str, text: str | None) -> None:
        pass

    def _submit(self) -> None:
        text = self._box.message.value
        self._box.running(True)
        session = self._session

        def work() -> None:
            self._area.clear()
            session.ask(text, display=Painter(self._area, **presentation(session, CellOptions())))

        self._worker.start(work)

    def _over(self, failure: BaseException | None) -> None:
        self._box.running(False)
        self._box.say(str(failure or ""))
