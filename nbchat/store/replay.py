"""The replay cache: the events of a completely answered request, for the next identical one."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbchat.api.keys import Key
from nbchat.store import tape
from nbchat.store.database import Database, Unusable
from nbchat.store.encoding import decoded, encoded
from nbchat.store.writer import Writer
from nbchat.values.answer.events import Event
from nbchat.values.errors import ConfigError
from nbchat.values.regular_file import regular

__all__ = ["SUFFIX", "Replays", "Tape", "cell_ids", "read_file", "request_hash", "write_file"]

SUFFIX = ".nbchat-cache.jsonl"
"""The suffix of an exported cache file, after its notebook's name."""

FORMAT = 1

IMMATERIAL = frozenset({"stream", "stream_options"})
"""Fields of a body that change how an answer comes, not what it is."""

Tape = list[tuple[float, list[Event]]]
"""The events of an answer in the batches they came in, each with its seconds since the request."""


def request_hash(server: str, body: Mapping[str, Any]) -> str:
    """Hash a request: its server and every field of the body that affects the answer. The key is not part of it."""
    material = {name: value for name, value in body.items() if name not in IMMATERIAL}
    text = json.dumps([server, material], sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    """Convert a body's other mappings and sequences to dicts and lists."""
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, Iterable) else str(value)


class Replays:
    """The recorded answers in the journal's file."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def keep(self, request: str, number: int, recorded: Tape, keys: Sequence[Key] = ()) -> None:
        """Store the answer to the `number`th identical request of a run (0 = the first), replacing an older one."""

        def write(connection: sqlite3.Connection) -> None:
            packed = _packed(recorded, keys)
            connection.execute(
                "INSERT OR REPLACE INTO replays VALUES (?, ?, ?, ?)", (request, number, time.time(), packed)
            )

        self._writer.put(write)

    def find(self, request: str, number: int = 0) -> Tape | None:
        """Return the answer to replay; None = none, or the file can't be read."""
        self._writer.flush(0.25)
        try:
            row = self._database.read(
                lambda connection: connection.execute(
                    "SELECT tape FROM replays WHERE request = ? AND number = ?", (request, number)
                ).fetchone()
            )
        except Unusable:
            return None
        return None if row is None else _unpacked(row[0])

    def of_notebook(self, notebook: str, cells: Iterable[str]) -> list[tuple[str, int, bytes]]:
        """Return hash, number and tape of the answers to a notebook's calls, given its path or the ids of its cells."""
        ids = json.dumps(list(cells))
        return self._database.look_up(
            lambda connection: connection.execute(
                "SELECT request, number, tape FROM replays WHERE request IN (SELECT request FROM calls WHERE"
                " notebook = ? OR cell IN (SELECT value FROM json_each(?))) ORDER BY request, number",
                (notebook, ids),
            ).fetchall()
        )


def cell_ids(notebook: Path) -> list[str]:
    """Return the ids of a notebook's cells. Raises ConfigError if the file is not a notebook."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [cell["id"] for cell in cells if isinstance(cell.get("id"), str)]
    except OSError as error:
        raise ConfigError(f"{notebook} can't be read: {error.strerror or error}.") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ConfigError(f"{notebook} is not a notebook.") from None


def write_file(path: Path, tapes: Iterable[tuple[str, int, bytes]]) -> int:
    """Write tapes to a file for `read_file`; return their number. Raises ConfigError."""
    from nbchat.store.private_file import write_private  # only exports need it

    lines = [json.dumps({"nbchat-cache": FORMAT})]
    for request, number, packed in tapes:
        if (recorded := _unpacked(packed)) is not None:
            portions = [[at, tape.written(events)] for at, events in recorded]
            lines.append(json.dumps({"request": request, "number": number, "tape": portions}))
    try:
        write_private(path, ("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror or error}.") from None
    return len(lines) - 1


def read_file(path: Path) -> dict[tuple[str, int], Tape]:
    """Return the tapes of an exported file, by request hash and number. Raises ConfigError if it is not one."""
    try:
        lines = regular(path).read_text(encoding="utf-8").splitlines()
        if json.loads(lines[0])["nbchat-cache"] != FORMAT:
            raise ValueError("another format")
        rows = [json.loads(line) for line in lines[1:]]
        return {(row["request"], int(row["number"])): _portions(row["tape"]) for row in rows}
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.") from None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path} is not an exported nbchat cache: {error}.") from None


def _packed(recorded: Tape, keys: Sequence[Key]) -> bytes:
    return zlib.compress(encoded([[round(at, 4), tape.written(events)] for at, events in recorded], keys), 1)


def _unpacked(packed: bytes) -> Tape | None:
    """The tape that was packed; None = it is damaged, and the server is asked again."""
    try:
        return _portions(decoded(zlib.decompress(packed)))
    except (ValueError, TypeError, zlib.error):
        return None


def _portions(rows: Sequence[Any]) -> Tape:
    return [(float(at), tape.read(events)) for at, events in rows]
