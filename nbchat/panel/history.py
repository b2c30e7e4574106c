"""The panel's history: the session's turns as a list, with actions, versions and rating of the selected one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ipywidgets import Button, Dropdown, HBox, Text
from msgspec.structs import replace

from nbchat.conversation.turn import Turn
from nbchat.display.footer import made_with
from nbchat.display.widget_factory import WidgetFactory, mark
from nbchat.markdown.html import first_words
from nbchat.markdown.inline import visible
from nbchat.panel.redraw import Redraw
from nbchat.values.answer.rating import Rating, score_of
from nbchat.values.answer.reply import Reply
from nbchat.values.errors import ParameterError
from nbchat.values.limits import one_line

__all__ = ["History"]

MOST_SHOWN = 200
"""Most turns listed, the latest ones; browsers are slow with thousands."""

TOOLTIPS = {
    "Continue": "Continue the selected answer where it stopped",
    "Retry": "Ask the selected message again with the current settings; the old answer stays as a version",
    "Undo": "Undo the selected turn and those after it",
    "Fork": "Continue from the selected turn in a new session; this one stays as it is",
    "Use settings": "Apply the parameters of the selected turn",
    "👍": "Rate the selected answer as good; click again to remove the rating",
    "👎": "Rate the selected answer as bad; click again to remove the rating",
    "Rate…": "Give the selected answer a score and a note",
}


class History:
    """The list of turns. `chosen` is called with the selected turn; `actions` maps button names to functions.

    `versions` is called with the version to continue with, and `compare` with the two versions to compare, as indices
    into `turn.versions`. `rate` is called with a turn and its new rating.
    """

    def __init__(
        self,
        factory: WidgetFactory,
        chosen: Callable[[Turn], None],
        actions: Mapping[str, Callable[[], None]],
        version: Callable[[Turn, int], None],
        compare: Callable[[Turn, int, int], None],
        rate: Callable[[Turn, Rating], None],
    ) -> None:
        self._turns: tuple[Turn, ...] = ()
        self._busy = False
        self._chosen = chosen
        self._redrawing = Redraw()
        self._list = factory.make(Dropdown, options=[], description="History")
        self._list.observe(self._moved, "index")
        self._rate = rate
        actions = {
            **actions,
            "👍": lambda: self._thumb(up=True),
            "👎": lambda: self._thumb(up=False),
            "Rate…": lambda: self.rating.toggle(),
        }
        self.buttons = {
            name: factory.make(Button, description=name, tooltip=TOOLTIPS[name], disabled=True) for name in actions
        }
        for name, act in actions.items():
            self.buttons[name].on_click(lambda _button, act=act: act())
        self._versions = VersionBar(
            factory,
            lambda step: self._step(step, version),
            lambda: self._with_place(lambda turn, at: compare(turn, max(at - 1, 0), max(at, 1))),
        )
        self.rating = RatingRow(factory, lambda rating: self._with_place(lambda turn, _at: rate(turn, rating)))
        self.widget = factory.make(HBox, [self._list, *self.buttons.values()], classes="nbchat-history")

    @property
    def turn(self) -> Turn | None:
        """The selected turn; None = no turns."""
        turns, index = self._turns, self._list.index
        place = len(turns) - 1 if index is None else _offset(turns) + index
        return turns[place] if 0 <= place < len(turns) else None

    @property
    def later(self) -> int:
        """The number of turns after the selected one."""
        turn = self.turn
        return next((n for n, other in enumerate(reversed(self._turns)) if other is turn), 0)

    def show(self, turns: Sequence[Turn], *, busy: bool) -> bool:
        """Show these turns and select the last if they changed; the buttons are disabled during an answer.

        Return whether the selected turn has changed.
        """
        turns, before = tuple(turns), self.turn
        if len(turns) != len(self._turns) or any(a is not b for a, b in zip(turns, self._turns, strict=True)):
            self._draw(turns)
        self._enable(busy=busy)
        return self.turn is not before

    def _enable(self, *, busy: bool) -> None:
        self._busy = busy
        turn = self.turn
        self.rating.show(None if turn is None else turn.rating, disabled=busy or turn is None)
        for button in self.buttons.values():
            button.disabled = busy or turn is None
        if (button := self.buttons.get("Continue")) is not None:
            button.disabled = busy or turn is None or not _can_go_on(turn.reply)
        self._versions.show(self.widget, turn, busy=busy)

    def _with_place(self, act: Callable[[Turn, int], None]) -> None:
        if (turn := self.turn) is not None and not self._busy:
            act(turn, len(turn.earlier))

    def _thumb(self, *, up: bool) -> None:
        """Rate the selected answer with a thumb; the same thumb again removes it."""
        if (turn := self.turn) is not None:
            old = turn.rating or Rating()
            self._rate(turn, replace(old, thumb=None if old.thumb is up else up))

    def _step(self, step: int, version: Callable[[Turn, int], None]) -> None:
        self._with_place(lambda turn, at: version(turn, at + step) if 0 <= at + step < len(turn.versions) else None)

    def _draw(self, turns: tuple[Turn, ...]) -> None:
        chosen = self.turn if len(turns) == len(self._turns) else None  # a turn that is answered again stays selected
        with self._redrawing:
            self._turns = turns
            shown = turns[_offset(turns) :]
            self._list.options = [_label(number, turn) for number, turn in enumerate(shown, _offset(turns) + 1)]
            last = len(shown) - 1 if shown else None
            self._list.index = next((at for at, turn in enumerate(shown) if chosen and turn.id == chosen.id), last)

    def _moved(self, _change: Any) -> None:
        if not self._redrawing.active and (turn := self.turn) is not None:
            self._enable(busy=self._busy)
            self._chosen(turn)


def _can_go_on(reply: Reply) -> bool:
    """Whether an answer is incomplete and can be continued."""
    return bool(reply.text) and (reply.status != "complete" or reply.finish_reason in ("length", "max_tokens"))


def _offset(turns: Sequence[Turn]) -> int:
    return max(0, len(turns) - MOST_SHOWN)


def _label(number: int, turn: Turn) -> str:
    reply = turn.reply
    state = "" if reply.status == "complete" else f"[{reply.status.replace('_', ' ')}] "
    edited = "[before an edit] " if turn.before_edit else ""
    rated = f"{turn.rating.marks} " if turn.rating else ""
    made = made_with(reply.model, turn.params.to_dict())
    return visible(
        f"{number}  {one_line(turn.message.as_typed, 45)}  →  {rated}{state}{edited}{first_words(reply.text, 60)}  ({made})"
    )


class VersionBar:
    """Buttons that are created for the first turn that has several versions, behind the first widget of `box`.

    `step` is called with -1 or 1, for the previous or the next version.
    """

    def __init__(self, factory: WidgetFactory, step: Callable[[int], None], compare: Callable[[], None]) -> None:
        self._factory = factory
        self._step = step
        self._compare = compare
        self._buttons: list[Any] = []
        self._bar: Any = None

    def show(self, box: Any, turn: Turn | None, *, busy: bool) -> None:
        """Show the versions of a turn; None, or a single version = nothing is shown."""
        count = 0 if turn is None else len(turn.versions)
        if turn is None or count < 2:
            if self._bar is not None:
                mark(self._bar, "nbchat-none", True)
            return
        if self._bar is None:
            self._make(box)
        mark(self._bar, "nbchat-none", False)
        older, newer, compare = self._buttons
        place = len(turn.earlier) + 1
        older.description = f"‹ {place}/{count}"
        older.disabled = busy or place == 1
        newer.disabled = busy or place == count
        compare.disabled = busy

    def _make(self, box: Any) -> None:
        for name, tooltip, act in (
            ("‹", "Use the previous version", lambda: self._step(-1)),
            ("›", "Use the next version", lambda: self._step(1)),
            ("Compare", "Compare with the previous version", self._compare),
        ):
            button = self._factory.make(Button, description=name, tooltip=tooltip)
            button.on_click(lambda _button, act=act: act())
            self._buttons.append(button)
        self._bar = self._factory.make(HBox, self._buttons, classes="nbchat-versions")
        first, *others = box.children
        box.children = (first, self._bar, *others)


class RatingRow:
    """Two fields, created when they are first opened. `given` is called with the rating that they make."""

    def __init__(self, factory: WidgetFactory, given: Callable[[Rating], None]) -> None:
        self._factory = factory
        self._given = given
        self._rating = Rating()
        self._redrawing = Redraw()
        self._score: Any = None
        self._note: Any = None
        self._opened = False
        self._disabled = False
        self.widget = factory.make(HBox, classes="nbchat-rating nbchat-none")
        self._message = factory.note(self.widget)

    def toggle(self) -> None:
        """Open or close the row."""
        if self._score is None:
            self._score = self._factory.make(
                Text, description="Score", placeholder="any number", tooltip="Higher is better", continuous_update=False
            )
            self._note = self._factory.make(Text, description="Note", placeholder="why", continuous_update=False)
            for field in (self._score, self._note):
                field.observe(self._entered, "value")
            self.widget.children = (self._score, self._note)
        self.show(self._rating, disabled=self._disabled)
        self._opened = not self._opened
        mark(self.widget, "nbchat-none", not self._opened)

    def show(self, rating: Rating | None, *, disabled: bool) -> None:
        """Show the rating of another answer; None = it has none."""
        self._rating, self._disabled = rating or Rating(), disabled
        if self._score is not None:
            with self._redrawing:
                self._score.value = "" if self._rating.score is None else f"{self._rating.score:g}"
                self._note.value = self._rating.note
            self._score.disabled = self._note.disabled = disabled
            self._message.say("")

    def _entered(self, _change: Any) -> None:
        if self._redrawing.active:
            return
        try:
            rating = Rating(self._rating.thumb, score_of(self._score.value), self._note.value)
        except ParameterError as error:
            self._message.say(str(error), wrong=True)
            return
        self._message.say("")
        self._given(rating)
