"""Fast path for plain chunks: one choice with one piece of text, reasoning or a call's arguments.

Nearly all chunks of a stream are plain. msgspec decodes them into structs with exactly the expected fields, in a quarter
of the time of `json`. Anything else (another field or type, invalid JSON) goes to the general reader, so the structs
affect only speed. Pieces that arrive together are passed on as one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from types import GenericAlias
from typing import Any

import msgspec

from nbchat.api.answer.payload import PayloadReader, is_meant
from nbchat.values.answer.events import Event

__all__ = ["PlainChunks"]

ABSENT = msgspec.Raw(b"")
"""Marks a missing field."""

SILENT = {
    "chunk": ("object", "created", "system_fingerprint", "service_tier", "provider", "obfuscation", "request_id"),
    "choice": ("native_finish_reason", "content_filter_results", "stop_reason", "matched_stop"),
    "delta": ("role", "name", "obfuscation"),
    "usage": (),
}
"""Fields that the reader ignores, by kind of object; others are learned as they arrive."""

COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
DETAILS = ("prompt_tokens_details", "completion_tokens_details")

MOST_LEARNT = 24
"""Most further ignored fields that are learned from one stream."""

MOST_MISSES = 16
"""Consecutive misses after which only one chunk in as many is tried."""

_UNKNOWN = r"unknown field `([\w.-]{1,80})`(?: - at `\$([^`]*)`)?"
_PLACES = {"": "chunk", ".choices[0]": "choice", ".choices[0].delta": "delta", ".usage": "usage"}

Silent = tuple[tuple[str, ...], ...]
"""The ignored fields of each kind of object, in the order of `SILENT`."""


class _Function(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    arguments: str
    name: str | None = None


class _Call(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    index: int
    function: _Function
    id: str | None = None
    type: str | None = None


@functools.lru_cache
def _decoder(silent: Silent) -> Callable[[bytes], Any]:
    """Return a decoder of plain chunks in which these fields are ignored."""
    struct = functools.partial(msgspec.defstruct, module=__name__, forbid_unknown_fields=True, gc=False)
    raw = msgspec.Raw

    def fields(known: list[Any], names: tuple[str, ...]) -> dict[str, Any]:
        more = [(f"silent_{number}", raw, ABSENT) for number in range(len(names))]
        return {"fields": [*known, *more], "rename": {f"silent_{n}": name for n, name in enumerate(names)}}

    of_chunk, of_choice, of_delta, of_usage = silent
    counts: list[Any] = [(name, int, 0) for name in COUNTS]
    details: list[Any] = [(name, raw, ABSENT) for name in DETAILS]
    texts: list[Any] = [(name, str | None, None) for name in ("content", "reasoning_content", "reasoning")]
    nothing: list[Any] = [(name, None, None) for name in ("refusal", "function_call", "audio")]
    delta = struct("_Delta", **fields([*texts, ("tool_calls", list[_Call] | None, None), *nothing], of_delta))
    usage = struct("_Usage", **fields([*counts, *details], of_usage))
    choice = struct(
        "_Choice",
        **fields(
            [("delta", delta), ("index", int, 0), ("finish_reason", str | None, None), ("logprobs", None, None)],
            of_choice,
        ),
    )
    chunk = struct(
        "_Chunk",
        **fields(
            [
                ("choices", GenericAlias(list, (choice,))),
                ("usage", usage | None, None),
                ("id", raw, ABSENT),
                ("model", raw, ABSENT),
            ],
            of_chunk,
        ),
    )
    return msgspec.json.Decoder(chunk).decode


class PlainChunks:
    """Reads plain chunks into a `PayloadReader`; pieces wait in a run until another kind of piece, or `settle`."""

    def __init__(self, reader: PayloadReader) -> None:
        self._reader = reader
        self._silent = {kind: [*names] for kind, names in SILENT.items()}
        self._learnt = 0
        self._misses = 0
        self._skipped = 0
        self._decode = _decoder(tuple(SILENT.values()))
        self._run: tuple[str, int, int] | None = None  # kind, choice, and the call in it
        self._room = 0  # the length from which a piece must be examined by itself
        self._starts = False  # whether the reader waits for the answer's model, or its id
        self._pieces: list[str] = []
        self._usage: Any = None

    def read(self, data: bytes, events: list[Event]) -> bool:
        """Read a chunk if it is plain; append the events of a preceding run that it ends."""
        if self._misses > MOST_MISSES:
            self._skipped += 1
            if self._skipped % MOST_MISSES:
                return False
        try:
            chunk = self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._learn_ignored(error)
            return False
        choices = chunk.choices
        if len(choices) != 1:
            return False
        choice = choices[0]
        delta = choice.delta
        piece = delta.content
        thought = delta.reasoning_content or delta.reasoning
        calls = delta.tool_calls
        if choice.finish_reason or (piece and thought) or (calls and (piece or thought)):
            return False
        if piece:
            run = ("text", choice.index, 0)
        elif thought:
            run, piece = ("reasoning", choice.index, 0), thought
        elif calls and len(calls) == 1 and not calls[0].id and not calls[0].function.name:
            run, piece = ("arguments", choice.index, calls[0].index), calls[0].function.arguments
        else:
            return False
        if run != self._run and not self._begin(run, events):
            return False
        if self._starts and self._may_name_answer(chunk):
            return False
        if len(piece) >= self._room or (chunk.usage is not None and not self._count(chunk.usage)):
            return False
        self._pieces.append(piece)
        self._misses = 0
        return True

    def settle(self, events: list[Event]) -> None:
        """Append the events of the waiting run."""
        if self._run is not None:
            (kind, index, call), pieces = self._run, self._pieces
            self._run, self._pieces = None, []
            if pieces:
                self._reader.read_run(kind, index, call, pieces, events)
        if self._usage is not None:
            usage, self._usage = self._usage, None
            self._reader.read_usage(_usage_object(usage), events)

    def _begin(self, run: tuple[str, int, int], events: list[Event]) -> bool:
        """Begin a run of pieces, if the reader has seen enough to join them."""
        self.settle(events)
        self._room = self._reader.room_for(*run)
        self._starts = not all(self._reader.knows_start)
        if self._room:
            self._run = run
        return self._room > 0

    def _may_name_answer(self, chunk: Any) -> bool:
        """Whether a chunk may be the first to name the answer's model or id."""
        model, reply_id = self._reader.knows_start
        return not (model or chunk.model is ABSENT) or not (reply_id or chunk.id is ABSENT)

    def _count(self, usage: Any) -> bool:
        """Replace the waiting usage count by a later one if the later one covers all of its fields."""
        before = self._usage
        if not (usage.prompt_tokens and usage.completion_tokens and usage.total_tokens) or self._reader.choices > 1:
            return False
        if before is not None and any(getattr(before, name) not in (ABSENT, getattr(usage, name)) for name in DETAILS):
            return False
        self._usage = usage
        return True

    def _learn_ignored(self, error: Exception) -> None:
        """Learn the name of an ignored field, so that the next chunk fits."""
        self._misses += 1
        unknown = re.search(_UNKNOWN, str(error), re.ASCII)
        kind = _PLACES.get((unknown[2] or "").replace("[...]", "[0]")) if unknown is not None else None
        if unknown is None or kind is None or is_meant(kind, unknown[1]) or self._learnt >= MOST_LEARNT:
            return
        self._learnt += 1
        self._misses -= 1
        self._silent[kind].append(unknown[1])
        self._decode = _decoder(tuple(tuple(names) for names in self._silent.values()))


def _usage_object(usage: Any) -> dict[str, Any]:
    """A usage count in the server's JSON form."""
    counts: dict[str, Any] = {name: getattr(usage, name) for name in COUNTS}
    for name in DETAILS:
        if (details := getattr(usage, name)) is not ABSENT:
            counts[name] = msgspec.json.decode(details)
    return counts
