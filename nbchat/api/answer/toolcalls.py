"""Assemble the tool calls of one choice from their pieces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from msgspec import Struct

from nbchat.api.answer.textflow import TextCleaner
from nbchat.api.keys import Key
from nbchat.values.answer.carried import attached_to_call
from nbchat.values.answer.events import CarriedDelta, Event, ToolCallDelta
from nbchat.values.answer.tool_arguments import is_object
from nbchat.values.limits import LIMITS
from nbchat.values.surrogates import paired

__all__ = ["ToolCallFlow", "index_of", "tool_names"]

_PREFIXES = ("functions.", "function.", "functions:", "tools.", "tool.", "default_api.", "default_api:")
"""Prefixes that models write before a tool's name."""

_SUFFIX = re.compile(r":\d+\Z")
_MARKS = re.compile(r'\\(?:.|\Z)|["{}\[\]]', re.DOTALL)

ARGUMENT_NAMES = ("arguments", "parameters", "input", "args")
"""Names of the arguments field, the usual one first."""


class _Piece(Struct, frozen=True):
    """One element of `tool_calls`. `index` None = not given; missing texts are empty."""

    index: int | None
    id: str
    name: str
    arguments: str
    extra: Mapping[str, Any]

    @property
    def begins(self) -> bool:
        """Whether it begins an object, or one encoded as a string."""
        return self.arguments.lstrip()[:1] in ("{", '"')


class _Call:
    """A call so far. `index` is the server's; None = not given."""

    def __init__(self, number: int, index: int | None, key: Key | None) -> None:
        self.number = number
        self.index = index
        self.id = ""
        self.name = ""
        self.emitted = ""  # of the name, in events
        self.cleaner = TextCleaner(key)
        self.named_again = False  # its name was repeated after its complete arguments: another call may follow
        self._arguments = StringIO()
        self._last = ""  # the previous piece of the arguments
        self.grows = True  # whether each piece begins with the previous one
        self._unread: list[str] = []  # of the arguments, for their marks
        self._depth = 0
        self._quoted = False
        self._escape = ""

    @property
    def begun(self) -> bool:
        """Whether any arguments have arrived."""
        return bool(self._last)

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are one complete value, judging by brackets and quotes."""
        self._read_marks()
        closed = self._depth <= 0 and not self._quoted and self._last.rstrip()[-1:] in ("}", "]", '"')
        return (closed and self.begun) or self._repeats_itself()

    @property
    def is_full(self) -> bool:
        """Whether its arguments are complete, and not just the `{}` that some servers send first."""
        return self.is_whole and bool(self.text.replace("{}", "").strip())

    @property
    def text(self) -> str:
        """Its arguments so far."""
        return self._last if self._repeats_itself() else self._arguments.getvalue()

    def add(self, arguments: str) -> None:
        """Add a piece of its arguments, and update whether they are complete."""
        if not arguments.strip():
            return
        self.grows = self.grows and arguments.startswith(self._last)
        self._last = arguments
        self._arguments.write(arguments)
        self._unread.append(arguments)

    def add_all(self, pieces: list[str]) -> None:
        """Add several pieces together, as `add` would one by one: only their joining costs less.

        Those after the first few can't each repeat all before them.
        """
        for place, piece in enumerate(pieces):
            if not self.grows and all(map(str.strip, pieces[place:])):
                self._last = pieces[-1]
                together = "".join(pieces[place:])
                self._arguments.write(together)
                self._unread.append(together)
                return
            self.add(piece)

    def _read_marks(self) -> None:
        """Count brackets and quotes in the unread part of the arguments."""
        marks, self._escape = _MARKS.findall(self._escape + "".join(self._unread)), ""
        self._unread.clear()
        for mark in marks:
            if mark == "\\":
                self._escape = mark
            elif mark == '"':
                self._quoted = not self._quoted
            elif len(mark) == 1 and not self._quoted:
                self._depth += 1 if mark in "{[" else -1

    def _repeats_itself(self) -> bool:
        """Whether each piece repeats all previous ones, and the last is the complete object."""
        return self.grows and len(self._last) < self._arguments.tell() and is_object(self._last)


class ToolCallFlow:
    """Turns pieces of calls into events, however a server uses `index` and `id`.

    A piece belongs to the call with its id, else to the last call with its index. A new id, or a new name after complete
    arguments, begins a new call; pieces without a name continue an incomplete call, even under a new id or index. Pieces
    of one chunk without an index are numbered by position. `names` are the offered tools, which help to tell part of a
    name from another name.
    """

    def __init__(self, index: int, key: Key | None = None, names: Iterable[str] = ()) -> None:
        self._index = index
        self._key = key
        self._names = frozenset(names)
        self._is_modern = False  # whether `tool_calls` was seen; the old `function_call` is then an echo
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}
        self._numbers: dict[int, _Call] = {}
        self._last: _Call | None = None
        self._loose_id = ""  # one that arrived alone, and may belong to the next call

    def read(self, calls: list[Any], events: list[Event]) -> None:
        """Read the `tool_calls` of a delta or message."""
        self._is_modern = self._is_modern or bool(calls)
        for position, call in enumerate(calls[: LIMITS.calls.most + 1]):
            if isinstance(call, Mapping):
                given = call.get("index")
                if given is not None or len(calls) > 1:
                    given = index_of(given, position)
                self._take(_piece(call, given), events)

    def continues(self, index: int) -> bool:
        """Whether a piece that holds only arguments, under this index, continues the call there."""
        call = self._by_index.get(index)
        return call is not None and not call.named_again and call.emitted == self._clean(call.name)

    def extend(self, index: int, pieces: list[str], events: list[Event]) -> None:
        """Add pieces that hold only arguments, if `continues` is true."""
        call = self._last = self._by_index[index]
        call.add_all(pieces)
        arguments = map(call.cleaner.feed, pieces if call.grows else ("".join(pieces),))
        events.extend(ToolCallDelta(call.number, call.id, "", new, self._index) for new in arguments if new)

    def read_old(self, function: object, events: list[Event]) -> None:
        """Read the deprecated `function_call`."""
        if not self._is_modern and isinstance(function, Mapping):
            self._take(_piece({"function": function}, 0), events)

    def flush(self, events: list[Event]) -> None:
        """Emit what was held back, at the end."""
        for number, call in self._numbers.items():
            name, rest = self._new_name(call, is_whole=True), call.cleaner.flush()
            if name or rest:
                events.append(ToolCallDelta(number, name=name, arguments=rest, index=self._index))

    def _take(self, piece: _Piece, events: list[Event]) -> None:
        call = self._call_of(piece)
        says_nothing = not piece.name and not piece.arguments and self._last is not None
        if piece.id and says_nothing and (call is None or call.id):
            self._loose_id = piece.id  # it belongs to a call that follows, or means nothing
            return
        inherited = ""
        if call is None:
            inherited = self._last.name if self._last is not None and self._last.named_again else ""
            call = self._begin(piece)
        self._last = call
        if piece.index is not None:
            self._by_index[piece.index] = call
        if piece.id:
            self._by_id.setdefault(piece.id, call)
        call.id = call.id or piece.id
        self._name(call, piece.name or inherited)
        name = self._new_name(call, is_whole=bool(piece.arguments))
        call.add(piece.arguments)
        events.append(ToolCallDelta(call.number, call.id, name, call.cleaner.feed(piece.arguments), self._index))
        if piece.extra:
            events.append(CarriedDelta(piece.extra, call.number, self._index))

    def _name(self, call: _Call, name: str) -> None:
        """Add a name or part of one."""
        if name and name == call.name:
            call.named_again = call.named_again or call.is_full
        elif name and self._continues_name(call, name):
            call.name = name if name.startswith(call.name) else call.name + name

    def _new_name(self, call: _Call, *, is_whole: bool) -> str:
        """Return the part of the name not yet emitted; a possible `functions.` waits for the rest."""
        name = self._clean(call.name)
        if name == call.emitted or (not is_whole and any(prefix.startswith(name) for prefix in _PREFIXES)):
            return ""
        call.emitted = name
        return name

    def _clean(self, name: str) -> str:
        """Return the name without decorations (`functions.`, `:0`), unless a tool has that very name."""
        name = name.strip()
        if name in self._names:
            return name
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        return _SUFFIX.sub("", name)

    def _continues_name(self, call: _Call, name: str) -> bool:
        """Whether a text continues or repeats this call's name, rather than naming another call."""
        if name == call.name or not call.name:
            return True
        if call.begun:
            return False
        if name.startswith(call.name):
            return True
        together = call.name + name
        if any((prefix + known).startswith(together) for known in self._names for prefix in ("", *_PREFIXES)):
            return True
        return self._names.isdisjoint((self._clean(call.name), self._clean(name)))

    def _begin(self, piece: _Piece) -> _Call:
        number = piece.index if piece.index is not None and piece.index not in self._numbers else None
        if number is None:
            number = max(self._numbers, default=-1) + 1
        call = self._numbers[number] = _Call(number, piece.index, self._key)
        if self._loose_id and self._loose_id not in self._by_id:
            call.id, self._loose_id = piece.id or self._loose_id, ""
            self._by_id[call.id] = call
        return call

    def _call_of(self, piece: _Piece) -> _Call | None:
        """Return the call that a piece belongs to; None = it begins one."""
        if piece.id and (known := self._by_id.get(piece.id)) is not None:
            return self._of_known_id(known, piece)
        call = self._last if piece.index is None else self._by_index.get(piece.index)
        if call is None:
            return self._of_new_index(piece)
        if piece.id and call.id:  # not the id of the call
            return call if self._completes(call, piece) else None
        return None if self._is_next(call, piece) else call

    def _of_known_id(self, call: _Call, piece: _Piece) -> _Call | None:
        """Some servers give all calls of an answer one id; others raise the index within one call."""
        if piece.index is not None and piece.index in self._by_index and piece.index != call.index:
            call = self._by_index[piece.index]  # the same id under two indices: the index tells them apart
        if piece.name and not self._continues_name(call, piece.name):
            return None
        if piece.index is not None and piece.index != call.index and piece.index not in self._by_index:
            return None if piece.name and call.is_full and piece.arguments.strip() != call.text.strip() else call
        return None if self._is_next(call, piece) else call

    def _of_new_index(self, piece: _Piece) -> _Call | None:
        """A piece without a known id under a new index continues a call only if it completes it."""
        call = self._last
        return call if call is not None and piece.index is not None and self._completes(call, piece) else None

    def _completes(self, call: _Call, piece: _Piece) -> bool:
        """Whether a piece that looks like another call continues this incomplete one."""
        if not piece.name:
            return not (call.is_full and piece.begins and piece.arguments.strip() != call.text.strip())
        goes_on = call.begun and not call.is_whole and bool(piece.arguments) and not piece.begins
        return goes_on and piece.name == call.name

    def _is_next(self, call: _Call, piece: _Piece) -> bool:
        """Whether a piece at a call's index begins another call."""
        if piece.name and call.name and not self._continues_name(call, piece.name):
            return True
        if not piece.begins or not call.is_full or piece.arguments.strip() == call.text.strip():
            return False
        return bool(piece.name) or call.named_again


def tool_names(tools: object) -> list[str]:
    """Return the names of the functions in a request's `tools`."""
    functions = (
        tool.get("function") for tool in (tools if isinstance(tools, list) else ()) if isinstance(tool, Mapping)
    )
    names = (function.get("name") for function in functions if isinstance(function, Mapping))
    return [name for name in names if isinstance(name, str)]


def _piece(call: Mapping[str, Any], index: int | None) -> _Piece:
    """Parse an element, with a nested function object or flat fields."""
    functions = (call.get("function"), call.get("custom"), call)
    function = next(each for each in functions if isinstance(each, Mapping))
    given, name = call.get("id"), function.get("name")
    return _Piece(
        index,
        paired(str(given)) if isinstance(given, (str, int)) and given != "" else "",
        paired(name) if isinstance(name, str) else "",
        _arguments(function),
        attached_to_call(call),
    )


def _arguments(function: Mapping[str, Any]) -> str:
    """Return the arguments as text; some servers send an object."""
    given = next((function[name] for name in ARGUMENT_NAMES if function.get(name) is not None), "")
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def index_of(given: object, position: int) -> int:
    """Parse an `index`; an invalid one means the position in the list."""
    if isinstance(given, str) and given.isdecimal() and len(given) < 9:
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else position
