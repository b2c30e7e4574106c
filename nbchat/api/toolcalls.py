"""The tool calls of one choice, from the pieces in which they come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nbchat.api.keys import Key
from nbchat.api.textflow import Joiner, paired
from nbchat.values.events import Event, ToolCallDelta
from nbchat.values.limits import LIMITS

__all__ = ["ToolCallFlow", "index_of"]


class ToolCallFlow:
    """Pieces of calls in, events out.

    A piece belongs to the call of its `index`; without one, to that of its id; without either, to the last call, or
    to the next where several such pieces stand in one chunk.
    """

    def __init__(self, index: int, key: Key | None = None) -> None:
        self._index = index
        self._key = key
        self._modern = False  # whether `tool_calls` was seen: then the old `function_call` is an echo
        self._by_id: dict[str, int] = {}
        self._next = 0
        self._arguments: dict[int, Joiner] = {}

    def read(self, calls: list[Any], events: list[Event]) -> None:
        """The `tool_calls` of a delta or of a message."""
        self._modern = self._modern or bool(calls)
        for position, call in enumerate(calls[: LIMITS.calls.most + 1]):
            if isinstance(call, Mapping):
                call_id = call.get("id")
                call_id = paired(str(call_id)) if isinstance(call_id, (str, int)) and call_id != "" else ""
                number = self._number(call.get("index"), call_id, position)
                self._next = max(self._next, number + 1)
                if call_id:
                    self._by_id.setdefault(call_id, number)
                self._read_function(call.get("function"), number, call_id, events)

    def read_old(self, function: object, events: list[Event]) -> None:
        """The `function_call` that came before there were `tool_calls`."""
        if not self._modern and isinstance(function, Mapping):
            self._read_function(function, 0, "", events)

    def flush(self, events: list[Event]) -> None:
        """Give out what was held back: no more comes."""
        for number, joiner in self._arguments.items():
            if rest := joiner.flush():
                events.append(ToolCallDelta(number, arguments=rest, index=self._index))

    def _number(self, given: object, call_id: str, position: int) -> int:
        if given is not None:
            return index_of(given, position)
        if not call_id:
            return max(self._next - 1, position)
        return self._by_id.get(call_id, self._next)

    def _read_function(self, function: object, number: int, call_id: str, events: list[Event]) -> None:
        function = function if isinstance(function, Mapping) else {}
        name, arguments = function.get("name"), function.get("arguments")
        if arguments is None:
            arguments = ""
        elif not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        joiner = self._arguments.get(number)
        if joiner is None:
            joiner = self._arguments[number] = Joiner(self._key)
        name = paired(name) if isinstance(name, str) else ""
        events.append(ToolCallDelta(number, call_id, name, joiner.feed(arguments), self._index))


def index_of(given: object, position: int) -> int:
    """An `index` as servers write it; what is no count stands for the place in the list."""
    if isinstance(given, str) and given.isdecimal() and len(given) < 9:
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else position
