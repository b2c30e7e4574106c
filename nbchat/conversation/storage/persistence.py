"""Persistence of sessions in the journal."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from nbchat.api.keys import Key
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.storage.replaying import request_name
from nbchat.conversation.turn import Turn, Version, joined, read_rating
from nbchat.store.journal import Journal
from nbchat.store.ledger.entries import Entry
from nbchat.store.opening import notebook_path
from nbchat.store.records import STREAMING, Answer, OpenSession, Place, Recording, SessionRow, Stored
from nbchat.store.writer import Operation
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import Event
from nbchat.values.answer.rating import Rating
from nbchat.values.answer.reply import Choice, Reply, Timing
from nbchat.values.json_fields import UNREADABLE, readable
from nbchat.values.messages import Message
from nbchat.values.params import Params
from nbchat.values.request import Request
from nbchat.values.wording import pluralize

__all__ = ["Persistence", "Reopened", "reopened"]

MARKS = {"edited": "before_edit", "pinned": "pinned", "dropped": "dropped"}
"""Marks of a version in the journal, and their fields."""

LOST = "(this message can't be read: the journal is damaged)"
"""Stands for a message that can't be read."""

KERNEL_ENDED = "the kernel stopped while this answer was arriving"


class Persistence:
    """Writes one session to the journal. Callers hold a lock; no method waits for the disk.

    `describe` gives its name and settings. A reopened session has a `session_id`, and `written` are its turns in the
    journal. `known` are turns whose answers at least are there: a fork shares its parent's. `absorbed` are answers
    whose text is now part of another answer.
    """

    def __init__(
        self,
        journal: Journal,
        describe: Callable[[], tuple[str, Mapping[str, Any]]],
        *,
        session_id: str = "",
        written: Sequence[Turn] = (),
        known: Sequence[Turn] = (),
        absorbed: Sequence[str] = (),
    ) -> None:
        name, settings = describe()
        self.journal = journal
        self._describe = describe
        self._session = OpenSession(name, notebook_path(), settings, id=session_id)
        self._written: Sequence[Turn] = written
        self._known = known
        self._absorbed = absorbed
        self._entries = 0
        self._recordings: dict[str, Recording] = {}
        if session_id:
            journal.take(self._session, [_place(turn) for turn in written])

    @property
    def session_id(self) -> str:
        """The session's journal id."""
        return self._session.id

    def skip(self, entries: int) -> None:
        """Treat the first `entries` ledger rows as already written."""
        self._entries = entries

    # An answer that is coming

    def begin(self, exchange: Exchange, request: Request, events: deque[Sequence[Event]]) -> None:
        """Start journalling a request, whose events are put into `events`."""
        ask, resumes = exchange.ask, exchange.options.resumes
        turn: dict[str, Any] = {"message": ask.message.to_dict(), "params": ask.params.to_dict()}
        if exchange.steps:
            turn["steps"] = [step.to_dict() for step in exchange.steps]
        if exchange.options.values:
            turn["values"] = dict(exchange.options.values)
        if resumes is not None:
            turn["resumes"] = resumes.answer_id
        keys = _keys(exchange)
        self._pause(exchange)
        answer = Answer(
            exchange.id,
            turn,
            STREAMING,
            time.time(),
            exchange.options.cell_id,
            functools.partial(request_name, ask.endpoint, request),
            keys,
        )
        self._recordings[exchange.id] = self.journal.begin(self._session, answer, events)

    def end(self, exchange: Exchange, *, joins: bool) -> None:
        """Record the end of an exchange. `joins`: its answer belongs to a turn, which `sync` writes."""
        if self._pause(exchange) and not joins:
            turn = exchange.turn
            if turn is None or exchange.options.resumes is not None:
                self.journal.drop(exchange.id)
            else:
                self.journal.finish(self._session, _answer(turn.version, turn.cell_id, _keys(exchange)))

    def _pause(self, exchange: Exchange) -> bool:
        recording = self._recordings.pop(exchange.id, None)
        if recording is not None:
            self.journal.pause(recording)
        return recording is not None

    # What has changed

    def sync(self, turns: Sequence[Turn], entries: Sequence[Entry], ended: Exchange | None = None) -> None:
        """Write changes to turns and ledger since the last call; `ended` is the exchange that caused them."""
        keys = () if ended is None else _keys(ended)
        self._session.name, self._session.settings = self._describe()
        for entry in entries[self._entries :]:
            self.journal.ledger.add(entry, session=self._session, keys=keys)
        self._entries = len(entries)
        old, first = self._written, _first_difference(self._written, turns)
        if first == len(old) == len(turns):
            return
        known = {v.answer_id: v for turn in (*self._known, *old[first:]) for v in turn.versions}
        for answer in _answers(turns[first:], keys):
            version, before = answer.version, known.get(answer.version.answer_id)
            if before is None or before.reply is not version.reply:
                self.journal.finish(self._session, answer.written())
            elif before.rating != version.rating:
                self.rate(version.answer_id, version.rating)
        places = [_place(turn) for turn in turns[first:]]

        def whole() -> tuple[list[Place], list[Answer]]:
            return [_place(turn) for turn in turns], [answer.written() for answer in _answers(turns, keys)]

        self.journal.arrange(self._session, first, places, whole)
        for answer_id in self._absorbed:
            self.journal.drop(answer_id)
        self._written, self._known, self._absorbed = turns, (), ()

    def rate(self, answer: str, rating: Rating | None) -> None:
        """Store a reader's rating of an answer; None removes it."""
        self.journal.rate(answer, rating.to_dict() if rating else {})

    def growing(self, entry: Entry, keys: Sequence[Key]) -> Operation:
        """Return an operation that writes the current state of a ledger row that sums up many requests."""
        return self.journal.ledger.growing(entry, session=self._session, keys=keys)


class _Answered(Struct, frozen=True):
    """A version with the cell of its turn."""

    version: Version
    cell_id: str | None
    keys: Sequence[Key]

    def written(self) -> Answer:
        return _answer(self.version, self.cell_id, self.keys)


def _answers(turns: Sequence[Turn], keys: Sequence[Key]) -> Iterator[_Answered]:
    for turn in turns:
        for version in turn.versions:
            yield _Answered(version, turn.cell_id, keys)


def _answer(version: Version, cell_id: str | None, keys: Sequence[Key]) -> Answer:
    turn = version.to_dict()
    turn.pop("before_edit", None)  # stored with the turn, since forks don't share it
    return Answer(version.answer_id, turn, version.reply.status, time.time(), cell_id, keys=keys)


def _place(turn: Turn) -> Place:
    marks = [[word for word, name in MARKS.items() if getattr(version, name, False)] for version in turn.versions]
    current = len(turn.earlier)
    marks[current] += [word for word, name in MARKS.items() if name != "before_edit" and getattr(turn, name)]
    return Place(tuple(version.answer_id for version in turn.versions), current, tuple(map(" ".join, marks)))


def _first_difference(old: Sequence[Turn], new: Sequence[Turn]) -> int:
    """Return the number of leading turns that are identical objects."""
    return next(
        (index for index, (before, now) in enumerate(zip(old, new, strict=False)) if before is not now),
        min(len(old), len(new)),
    )


def _keys(exchange: Exchange) -> Sequence[Key]:
    key = exchange.ask.endpoint.secrets
    return () if key is None else (key,)


# Reading


class Reopened(Struct, frozen=True):
    """A session read from the journal.

    `written` are its turns in the journal, `turns` also include answers cut off when a kernel stopped.
    `absorbed` are the ids of answers merged into those they continue.
    """

    row: SessionRow
    written: tuple[Turn, ...]
    turns: tuple[Turn, ...]
    absorbed: tuple[str, ...]
    system: str | None
    params: Params
    newest: str | None = None
    """The id of the answer that was asked for last; None = there is none."""
    damaged: int = 0
    """Answers of which something could not be read."""

    def cut_off(self) -> set[str]:
        """Ids of the current answers that were cut off when a kernel ended: a restart first interrupts the running cell."""
        return {
            turn.answer_id
            for turn in self.turns
            if KERNEL_ENDED in turn.reply.notices
            or (turn.answer_id == self.newest and turn.reply.text and turn.reply.status != "complete")
        }

    def notices(self) -> list[str]:
        """Return notices for the user."""
        where = " of this notebook" if self.row.notebook is not None and self.row.notebook == notebook_path() else ""
        text = f"continues session {self.row.name}{where}: {pluralize(len(self.turns), 'turn')}, {_ago(self.row.used)}"
        lost = f"{pluralize(self.damaged, 'answer')} of it could not be read in full, since the journal is damaged"
        return [f"{text}; %chat clear starts afresh", *([lost] if self.damaged else [])]


def reopened(journal: Journal, row: SessionRow) -> Reopened:
    """Read a session. Raises SessionError."""
    places, answers = journal.contents(row.id)
    known: dict[str, Params] = {}
    damaged: set[str] = set()
    versions = {answer_id: _version(stored, known, damaged) for answer_id, stored in answers.items()}
    damaged |= {answer_id for place in places for answer_id in place.versions if answer_id not in answers}
    written = [turn for place in places if (turn := _turn(place, versions, answers)) is not None]
    placed = {version.answer_id for turn in written for version in turn.versions}
    turns, absorbed = list(written), []
    for answer_id, stored in answers.items():
        version = versions[answer_id]
        if answer_id not in placed and version is not None and not version.reply.empty:
            absorbed += _rescue(turns, version, stored)
    system = row.settings.get("system")
    return Reopened(
        row,
        tuple(written),
        tuple(turns),
        tuple(absorbed),
        system if isinstance(system, str) else None,
        Params.from_dict(readable(Params.from_dict, row.settings.get("params"), {})),
        max(answers.values(), key=lambda stored: stored.at).id if answers else None,
        len(damaged),
    )


def _ago(used: float) -> str:
    """Format the time since then, in words."""
    seconds = time.time() - used
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"last used {pluralize(int(seconds // length), name)} ago"
    return "last used a moment ago"


def _turn(place: Place, versions: Mapping[str, Version | None], answers: Mapping[str, Stored]) -> Turn | None:
    """Rebuild a turn; None = none of its answers can be read."""
    known = [
        (number, version)
        for number, answer_id in enumerate(place.versions)
        if (version := versions.get(answer_id)) is not None
    ]
    if not known:
        return None
    marked = [_marked(version, place.marks[number]) for number, version in known]
    current = next((index for index, (number, _) in enumerate(known) if number == place.chosen), len(known) - 1)
    words = place.marks[place.chosen].split()
    return Turn(
        **_fields(marked[current]),
        cell_id=answers[marked[current].answer_id].cell,
        earlier=tuple(marked[:current]),
        later=tuple(marked[current + 1 :]),
        pinned="pinned" in words,
        dropped="dropped" in words,
    )


def _marked(version: Version, marks: str) -> Version:
    return replace(version, before_edit=True) if "edited" in marks.split() else version


_NAMES = Version.__struct_fields__


def _fields(version: Version) -> dict[str, Any]:
    return {name: getattr(version, name) for name in _NAMES}


def _version(stored: Stored, known: dict[str, Params], damaged: set[str]) -> Version | None:
    """Rebuild a version; an unfinished answer keeps what arrived. None = unreadable.

    `known` are parameters that were read before: most turns of a session share theirs. The ids of answers of which
    something can't be read are added to `damaged`.
    """
    turn = stored.turn
    try:
        written = turn.get("params", {})
        if (params := known.get(name := repr(written))) is None:
            params = known[name] = Params.from_dict(written)
        return Version(
            Message.from_dict(turn["message"]),
            Reply.from_dict(turn["reply"]) if "reply" in turn else _rescued_reply(stored),
            params,
            tuple(map(Message.from_dict, turn.get("steps", ()))),
            values=dict(turn.get("values", {})),
            rating=read_rating(turn.get("rating")),
            answer_id=stored.id,
        )
    except UNREADABLE:
        damaged.add(stored.id)
        return _salvaged(stored)


def _salvaged(stored: Stored) -> Version | None:
    """Return the readable fields of a damaged version; None = neither its question nor its answer can be read."""
    turn, message = stored.turn, {"role": "user", "content": LOST}
    params = readable(Params.from_dict, turn.get("params"), {})
    reply = _salvaged_reply(turn["reply"]) if "reply" in turn else _rescued_reply(stored).to_dict()
    found = readable(
        Version.from_dict, {**turn, "params": params, "reply": reply}, {"message": message, "reply": _NO_REPLY}
    )
    version = replace(Version.from_dict(found), answer_id=stored.id)
    return None if version.message.text == LOST and version.reply.empty else version


def _salvaged_reply(written: object) -> dict[str, Any]:
    reply = readable(Reply.from_dict, written, _NO_REPLY)
    choices = written.get("choices") if isinstance(written, Mapping) else None
    if "choices" not in reply and isinstance(choices, list):
        reply["choices"] = [readable(Choice.from_dict, choice, {}) for choice in choices]
    return reply


_NO_REPLY: Mapping[str, Any] = {"status": "interrupted"}


def _rescued_reply(stored: Stored) -> Reply:
    """Return the partial reply of an answer whose process ended."""
    params = stored.turn.get("params")
    model = params.get("model") if isinstance(params, Mapping) else None
    body = {"model": model if isinstance(model, str) else None, "messages": [_question(stored.turn)]}
    draft = Draft(Request("", body))
    draft.add(stored.events)
    reply = draft.reply(interrupted=True)
    return replace(reply, timing=Timing(), request=None, notices=(*reply.notices, KERNEL_ENDED))


def _rescue(turns: list[Turn], version: Version, stored: Stored) -> list[str]:
    """Add an unfinished answer to the turns: to the answer it continues, to its cell's turn, or at the end.

    Returns the ids of the answers that it makes obsolete.
    """
    for index, turn in enumerate(turns):
        if stored.turn.get("resumes") == turn.answer_id:
            turns[index] = replace(turn, reply=joined(turn.reply, version.reply))
            return [stored.id]
        if stored.cell is not None and turn.cell_id == stored.cell:
            turns[index] = turn.answered(version)
            return []
    turns.append(Turn(**_fields(version), cell_id=stored.cell))
    return []


def _question(turn: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return Message.from_dict(turn["message"]).to_dict()
    except UNREADABLE:
        return {"role": "user", "content": LOST}
