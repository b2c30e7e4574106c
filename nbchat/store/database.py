"""The SQLite file: opening, migration, recovery from damage, and forks."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from nbchat.store.migrations import APPLICATION_ID, VERSION, migrate

__all__ = ["Database", "Unusable"]

BUSY_MILLISECONDS = 250
"""How long one attempt waits for another process's write lock; the writer retries."""

MAGIC = b"SQLite format 3\0"

PATIENCE_SECONDS = 3.0

FORK_SECONDS = 3.0
"""Seconds that a fork waits for a write in progress; after that, the child has no journal."""

COMPANIONS = ("", "-wal", "-shm")
"""Suffixes of the files that make up a database."""

PERMISSION, BUSY, LOCKED, READ_ONLY, IO_ERROR, FULL, CANT_OPEN = 3, 5, 6, 8, 10, 13, 14
ERROR, CORRUPT, NOT_A_DATABASE = 1, 11, 26

_BROKEN_SCHEMA = re.compile("no such table|no such column|has no column|already exists|unsupported file format")
"""What SQLite says of a damaged schema, with the code of errors in SQL."""

REASONS = {
    FULL: "the disk is full",
    READ_ONLY: "it can't be written to",
    PERMISSION: "it can't be written to",
    CANT_OPEN: "it can't be opened",
    IO_ERROR: "reading or writing it failed",
    BUSY: "another program holds it",
    LOCKED: "another program holds it",
}

_FAILURES = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What a file raises: its messages quote a damaged schema, whose bytes Python may not be able to read."""

_T = TypeVar("_T")


class Unusable(Exception):
    """The file can't be used now; the message says why. `busy`: another process has it locked."""

    def __init__(self, message: str, *, busy: bool = False) -> None:
        super().__init__(message)
        self.busy = busy


class _Damaged(Exception):
    """The file is not an intact database."""


class Database:
    """One file, one connection, used by one thread at a time.

    Opened on first use. A damaged file is renamed, one of a newer nbchat is left alone; either way a new file is created
    and `notices` says so.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []
        self.generation = 0
        """Number of files opened under the path so far: a new one holds nothing that was written before."""
        self._file: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.RLock()
        self._abandoned = False

    def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work` with the connection. Raises Unusable."""
        with self._lock:
            try:
                return work(self._open())
            except _FAILURES as error:
                if not _is_damage(error):
                    raise self._unusable(error) from None
                self._set_aside()
                return self._again(work)

    def look_up(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Like `read`, but retried for a few seconds while another process locks the file, for example to recover from a kill."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.read(work)
            except Unusable as problem:
                if not problem.busy or time.monotonic() > deadline:
                    raise

    def write(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `work` in one transaction. Raises Unusable."""

        def whole(connection: sqlite3.Connection) -> _T:
            with _transaction(connection):
                return work(connection)

        return self.read(whole)

    def _again(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return work(self._open())
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from None

    def close(self) -> None:
        """Close the file; the next use reopens it."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()

    def __del__(self) -> None:
        self.close()  # a journal that was replaced is used once more by what still held it

    def _unusable(self, error: Exception) -> Unusable:
        code = _code(error)
        if code in (IO_ERROR, CANT_OPEN, READ_ONLY):
            self.close()  # the next use reopens it
        return Unusable(f"{self.path}: {REASONS.get(code, str(error))}", busy=code in (BUSY, LOCKED))

    # Opening

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and _identity(self.path) != self._file:
            self.close()  # the file was moved or deleted
            self._file = None  # a new file may get the same inode
        if self._connection is None:
            if self._abandoned:
                raise Unusable(f"{self.path} was in use when this process was forked")
            try:
                self._connection = self._opened()
            except _Damaged:
                self._set_aside()
                self._connection = self._opened()
            except OSError as error:
                raise Unusable(f"{self.path}: {error.strerror or error}") from None
            if (file := _identity(self.path)) != self._file:
                self._file, self.generation = file, self.generation + 1
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        _make_private(self.path)
        if not _may_be_database(self.path):
            raise _Damaged
        connection = sqlite3.connect(
            self.path, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
        try:
            version = self._checked_version(connection)
            if version > VERSION:
                return self._beside(connection, version)
            _set_up(connection, version)
        except BaseException as error:
            connection.close()
            if isinstance(error, _FAILURES) and _is_damage(error):
                raise _Damaged from None
            raise
        return connection

    def _checked_version(self, connection: sqlite3.Connection) -> int:
        """Return the file's schema version. Raises Unusable for another program's file."""
        connection.execute("BEGIN")  # all of one moment: another process may be creating the tables
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("COMMIT")
        if application != APPLICATION_ID and (application or tables):
            raise Unusable(f"{self.path} is another program's database")
        return int(version)

    def _beside(self, connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
        """Open the file that this version uses beside one written by a newer nbchat."""
        connection.close()
        newer = self.path
        self.path = newer.with_name(f"{newer.stem}.v{VERSION}{newer.suffix}")
        self.notices.append(
            f"{newer} was written by a newer nbchat (format {version}; this version reads up to {VERSION}): it is left unchanged,"
            f" and this version uses {self.path.name} beside it"
        )
        return self._opened()

    def _set_aside(self) -> None:
        """Rename a damaged file, unless another process already has. Raises Unusable."""
        self.close()
        self._file = None
        try:
            with _locked(self.path) as same:
                if not same:
                    return
                aside = _free_name(self.path)
                for companion in reversed(COMPANIONS):  # the main file last, so that an interrupted rename is resumed
                    with contextlib.suppress(FileNotFoundError):
                        os.rename(f"{self.path}{companion}", f"{aside}{companion}")  # noqa: PTH104  # names, not paths
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unusable(f"{self.path} is damaged and can't be renamed ({error.strerror})") from None
        self.notices.append(f"the journal was damaged: it was renamed to {aside} and a new one was started")

    # Forking

    def before_fork(self) -> bool:
        """Close the connection so that no child inherits it; return whether it was free."""
        free = self._lock.acquire(timeout=FORK_SECONDS)
        if free:
            self.close()
        return free

    def after_fork(self, *, child: bool, free: bool) -> None:
        """Continue in the parent; in the child start afresh, or become unusable if the connection was in use."""
        if child:
            self._lock = threading.RLock()
            self._abandoned = self._abandoned or not free
        elif free:
            self._lock.release()


def _identity(path: Path) -> tuple[int, int] | None:
    """The device and inode of the file at the path; None = no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_private(path: Path) -> None:
    """Create the file with access for its owner only. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with contextlib.suppress(OSError):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _may_be_database(path: Path) -> bool:
    """Whether the file is empty or has SQLite's header: SQLite treats a short file of any content as empty."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) in (b"", MAGIC)


def _set_up(connection: sqlite3.Connection, version: int) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA journal_mode = WAL")  # no effect on file systems without shared memory
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 4194304")
    if version < VERSION:
        with _transaction(connection):
            (version,) = connection.execute("PRAGMA user_version").fetchone()  # another process may have migrated it
            if version < VERSION:
                migrate(connection, version)
    else:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_damage(error: Exception) -> bool:
    code = _code(error)
    return (
        isinstance(error, UnicodeDecodeError)
        or code in (CORRUPT, NOT_A_DATABASE)
        or (code == ERROR and bool(_BROKEN_SCHEMA.search(str(error))))
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock the file at this path; yield whether it is still at the path once locked."""
    try:
        import fcntl
    except ImportError:  # Windows does not rename a file in use anyway
        yield True
        return
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        locked = os.fstat(file)
        yield _identity(path) == (locked.st_dev, locked.st_ino)
    finally:
        os.close(file)


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (
        path.with_name(f"{path.stem}.damaged-{stamp}{more}{path.suffix}")
        for more in ("", *map("-{}".format, range(2, 100)))
    )
    return next(name for name in names if not name.exists())
