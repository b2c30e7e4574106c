"""A session in the journal: written as it changes, read when it is opened again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

from nbchat.api.keys import Key
from nbchat.conversation.exchange import Exchange
from nbchat.conversation.turn import Turn, Version, joined
from nbchat.store.journal import STREAMING, Answer, Journal, Place, Recording, SessionRow, Stored
from nbchat.store.ledger import Entry
from nbchat.store.replay import request_hash
from nbchat.store.sessions import OpenSession
from nbchat.values.draft import Draft
from nbchat.values.events import Event
from nbchat.values.messages import Message
from nbchat.values.params import Params
from nbchat.values.reply import Timing, Reply
from nbchat.values.request import Request

__all__ = ["Persistence", "Reopened", "reopened"]

MARKS = {"edited": "before_edit", "pinned": "pinned", "dropped": "dropped"}
"""Words that mark a version in the journal, and the fields they stand for."""

KERNEL_ENDED = "the kernel ended while this came"


class Persistence:
    """Keeps one session in the journal. Its owner calls it with a lock held; none of it waits for a disk.

    `known` are turns whose answers are in the journal already: a fork shares its parent's.
    """

    def __init__(
        self, journal: Journal, session: OpenSession, *, written: Sequence[Turn] = (), known: Sequence[Turn] = ()
    ) -> None:
        self._journal = journal
        self._session = session
        self._written: Sequence[Turn] = written
        self._known = known
        self._entries = 0
        self._recordings: dict[str, Recording] = {}

    @property
    def journal(self) -> Journal:
        """The journal that it writes to."""
        return self._journal

    @property
    def session_id(self) -> str:
        """The session's id in the journal."""
        return self._session.id

    def describe(self, name: str, settings: Mapping[str, Any]) -> None:
        """The session's name and settings, to be written with its next change."""
        self._session.name, self._session.settings = name, settings

    # An answer that is coming

    def begin(self, exchange: Exchange, request: Request) -> Callable[[Sequence[Event]], None]:
        """Journal what comes of a request; what is returned is to be shown the events."""
        ask, resumes = exchange.ask, exchange.options.resumes
        turn: dict[str, Any] = {"message": ask.message.to_dict(), "params": ask.params.to_dict()}
        if exchange.steps:
            turn["steps"] = [step.to_dict() for step in exchange.steps]
        if exchange.options.values:
            turn["values"] = dict(exchange.options.values)
        if resumes is not None:
            turn["resumes"] = resumes.answer_id
        server = ask.endpoint.name if ask.endpoint.is_builtin else request.url
        keys = _keys(exchange)
        self._pause(exchange)
        answer = Answer(
            exchange.id,
            turn,
            STREAMING,
            time.time(),
            exchange.parent,
            exchange.options.cell_id,
            lambda: request_hash(server, request.body),
            keys,
        )
        recording = self._recordings[exchange.id] = self._journal.begin(self._session, answer)
        return recording.add

    def end(self, exchange: Exchange, *, joins: bool) -> None:
        """Journal that an exchange is over. `joins`: its answer is a turn's, which `sync` writes."""
        if self._pause(exchange) and not joins:
            turn = exchange.turn
            if turn is None:
                self._journal.drop(exchange.id)
            else:
                self._journal.finish(self._session, _answer(turn.version, None, turn.cell_id, _keys(exchange)))

    def _pause(self, exchange: Exchange) -> bool:
        recording = self._recordings.pop(exchange.id, None)
        if recording is not None:
            self._journal.pause(recording)
        return recording is not None

    # What has changed

    def sync(self, turns: Sequence[Turn], entries: Sequence[Entry], keys: Sequence[Key] = ()) -> None:
        """Write what has changed of the turns and the ledger since the last time."""
        for entry in entries[self._entries :]:
            self._journal.ledger.add(entry, session=self._session, keys=keys)
        self._entries = len(entries)
        old, first = self._written, _first_difference(self._written, turns)
        if first == len(old) == len(turns):
            return
        known = {v.answer_id: v.reply for turn in (*self._known, *old[first:]) for v in turn.versions}
        for answer in _answers(turns, first, keys):
            if known.get(answer.version.answer_id) is not answer.version.reply:
                self._journal.finish(self._session, answer.written())
        places = [_place(turn) for turn in turns[first:]]

        def whole() -> tuple[list[Place], list[Answer]]:
            return [_place(turn) for turn in turns], [answer.written() for answer in _answers(turns, 0, keys)]

        self._journal.arrange(self._session, first, places, whole)
        self._written, self._known = turns, ()

    def drop(self, answer_id: str) -> None:
        """Strike off an answer whose text is part of another one now."""
        self._journal.drop(answer_id)


class _Answered(NamedTuple):
    """A version with where it stands."""

    version: Version
    parent: str | None
    cell_id: str | None
    keys: Sequence[Key]

    def written(self) -> Answer:
        return _answer(self.version, self.parent, self.cell_id, self.keys)


def _answers(turns: Sequence[Turn], first: int, keys: Sequence[Key]) -> Iterator[_Answered]:
    parent = turns[first - 1].answer_id if first else None
    for turn in turns[first:]:
        for version in turn.versions:
            yield _Answered(version, parent, turn.cell_id, keys)
        parent = turn.answer_id


def _answer(version: Version, parent: str | None, cell_id: str | None, keys: Sequence[Key]) -> Answer:
    turn = version.to_dict()
    turn.pop("before_edit", None)  # that is a matter of the place, which forks do not share
    return Answer(version.answer_id, turn, version.reply.status, time.time(), parent, cell_id, keys=keys)


def _place(turn: Turn) -> Place:
    marks = [[word for word, name in MARKS.items() if getattr(version, name, False)] for version in turn.versions]
    current = len(turn.earlier)
    marks[current] += [word for word, name in MARKS.items() if name != "before_edit" and getattr(turn, name)]
    return Place(tuple(version.answer_id for version in turn.versions), current, tuple(map(" ".join, marks)))


def _first_difference(old: Sequence[Turn], new: Sequence[Turn]) -> int:
    """How many turns at the beginning are the same objects."""
    return next(
        (index for index, (before, now) in enumerate(zip(old, new, strict=False)) if before is not now),
        min(len(old), len(new)),
    )


def _keys(exchange: Exchange) -> Sequence[Key]:
    key = exchange.ask.endpoint.key
    return () if key is None else (key,)


# Reading


class Reopened(NamedTuple):
    """A session as the journal has it. `rescued` are the turns whose answers a kernel's end cut off."""

    row: SessionRow
    turns: tuple[Turn, ...]
    system: str | None
    params: Params
    rescued: tuple[Turn, ...]


def reopened(journal: Journal, row: SessionRow) -> Reopened:
    """Read a session. Raises SessionError."""
    answers = journal.answers(row.id)
    versions = {answer_id: _version(stored) for answer_id, stored in answers.items()}
    turns = [turn for place in journal.places(row.id) if (turn := _turn(place, versions, answers)) is not None]
    placed = {version.answer_id for turn in turns for version in turn.versions}
    rescued: list[Turn] = []
    for answer_id, stored in answers.items():
        version = versions[answer_id]
        if answer_id not in placed and version is not None and not version.reply.empty:
            rescued.append(_rescued(turns, version, stored))
    settings = row.settings
    system = settings.get("system")
    return Reopened(
        row,
        tuple(turns),
        system if isinstance(system, str) else None,
        _params(settings.get("params")),
        tuple(rescued),
    )


def _turn(place: Place, versions: Mapping[str, Version | None], answers: Mapping[str, Stored]) -> Turn | None:
    """The turn of a place; None = none of its answers can be read."""
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


def _fields(version: Version) -> dict[str, Any]:
    return {field.name: getattr(version, field.name) for field in fields(Version)}


def _version(stored: Stored) -> Version | None:
    """The version of an answer; of one that never ended, with what had come. None = it can't be read."""
    turn = stored.turn
    try:
        if "reply" not in turn:
            turn = {**turn, "reply": _rescued_reply(stored).to_dict()}
        return replace(Version.from_dict(turn), answer_id=stored.id)
    except (ValueError, KeyError):
        return None


def _rescued_reply(stored: Stored) -> Reply:
    """What had come of an answer whose process ended."""
    message = Message.from_dict(stored.turn["message"])
    body = {"model": stored.turn.get("params", {}).get("model"), "messages": [message.to_dict()]}
    draft = Draft(Request("", body))
    draft.add(stored.came)
    reply = draft.reply(interrupted=True)
    return replace(reply, timing=Timing(), request=None, notices=(*reply.notices, KERNEL_ENDED))


def _rescued(turns: list[Turn], version: Version, stored: Stored) -> Turn:
    """Take an answer that never ended into the turns: behind the part it continues, into its cell's turn, or at the end."""
    for index, turn in enumerate(turns):
        if stored.turn.get("resumes") == turn.answer_id:
            whole = joined(turn.reply, version.reply)
            turns[index] = replace(turn, reply=whole)
            return turns[index]
    for index, turn in enumerate(turns):
        if stored.cell is not None and turn.cell_id == stored.cell:
            turns[index] = turn.answered(version)
            return turns[index]
    turns.append(Turn(**_fields(version), cell_id=stored.cell))
    return turns[-1]


def _params(written: object) -> Params:
    try:
        return Params.from_dict(written) if isinstance(written, Mapping) else Params()
    except ValueError:
        return Params()
