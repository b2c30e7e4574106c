"""The history of a conversation: an immutable sequence of turns."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from nbchat.conversation.turn import Turn, joined
from nbchat.values.answer.rating import Rating
from nbchat.values.answer.reply import Reply
from nbchat.values.errors import SessionError
from nbchat.values.wording import pluralize, shown

__all__ = ["History"]


class History(Struct, frozen=True):
    """Turns, oldest first. Frozen: each change returns a new history, so that copies are free.

    A turn is identified by its `id`, which it keeps when it is answered again, or by its cell. Changing a turn marks
    later ones as `before_edit`.
    """

    turns: tuple[Turn, ...] = ()

    def __len__(self) -> int:
        return len(self.turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def place(self, turn: Turn) -> int | None:
        """Return the index of the turn with this turn's id; None = not in the history."""
        return next((index for index, each in enumerate(self.turns) if each.id == turn.id), None)

    def place_of_cell(self, cell_id: str | None) -> int | None:
        """Return the index of this cell's turn; None = none yet."""
        if cell_id is None:
            return None
        return next((index for index, each in enumerate(self.turns) if each.cell_id == cell_id), None)

    def find(self, turn: Turn) -> Turn:
        """Return the current turn with this turn's id. Raises SessionError if it is not in the history."""
        if (place := self.place(turn)) is None:
            raise SessionError("That turn is not in this session's history. Choose one of session.turns.")
        return self.turns[place]

    def last(self, purpose: str) -> Turn:
        """Return the last turn. Raises SessionError, which names the purpose, if there is none."""
        if not self.turns:
            raise SessionError(f"There is no turn yet {purpose}.")
        return self.turns[-1]

    def answered(self, turn: Turn, *, replaces: Turn | None = None) -> History:
        """Return the history with this turn: as a new version of the turn it replaces or of its cell's turn, else appended.

        A turn that is answered again keeps its id and cell.
        """
        place = self.place_of_cell(turn.cell_id) if replaces is None else self.place(replaces)
        if place is None:
            return History((*self.turns, turn))
        return self._with(place, self.turns[place].answered(turn.version))

    def continued(self, turn: Turn, more: Reply) -> History:
        """Return the history with this turn's answer continued; as a new version if the answer has changed since."""
        whole = replace(turn, reply=joined(turn.reply, more))
        place = self.place(turn)
        if place is None or self.turns[place].reply is not turn.reply:
            return self.answered(whole, replaces=turn)
        return self._with(place, replace(self.turns[place], reply=whole.reply))

    def choose(self, turn: Turn, index: int) -> History:
        """Return the history with `turn.versions[index]` as the current version. Raises SessionError if there is none."""
        here = self.find(turn)
        try:
            chosen = here.choose(index)
        except IndexError:
            raise SessionError(
                f"The turn has {pluralize(len(here.versions), 'version')}; there is no version {index}."
            ) from None
        place = self.place(turn)
        return self if place is None or chosen == here else self._with(place, chosen)

    def marked(self, turn: Turn, *, pinned: bool | None = None, dropped: bool | None = None) -> History:
        """Return the history with this turn's `pinned` and `dropped` set; None = unchanged. Raises SessionError."""
        here = self.find(turn)
        marked = replace(
            here,
            pinned=here.pinned if pinned is None else pinned,
            dropped=here.dropped if dropped is None else dropped,
        )
        return History(tuple(marked if each is here else each for each in self.turns))

    def rated(self, turn: Turn, rating: Rating | None) -> History:
        """Return the history with this turn's current answer rated; None removes the rating. Raises SessionError."""
        here = self.find(turn)
        rated = replace(here, rating=rating)
        return History(tuple(rated if each is here else each for each in self.turns))

    def undo(self, count: int = 1) -> tuple[History, tuple[Turn, ...]]:
        """Return the history without its last `count` turns, and these turns. Raises SessionError if there are fewer."""
        if not isinstance(count, int) or not 1 <= count <= len(self.turns):
            raise SessionError(f"The session has {pluralize(len(self.turns), 'turn')}; {shown(count)} can't be undone.")
        return History(self.turns[:-count]), self.turns[-count:]

    def _with(self, place: int, turn: Turn) -> History:
        later = (each.answered_before_edit() for each in self.turns[place + 1 :])
        return History((*self.turns[:place], turn, *later))
