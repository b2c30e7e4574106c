"""An unusable file never costs an answer: damaged, newer, foreign, locked, read-only, full, or deleted."""

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from contextlib import closing
from pathlib import Path

import pytest

from nbchat.store import migrations
from nbchat.store.database import Database
from nbchat.store.rows import RowAnswer
from nbchat.values.answer.events import TextDelta
from tests.environment import PATIENCE, ROOT
from tests.store.turns import answer, text_of, until, write_turn
from tests.store.turns import opened as session_of

OLD = sorted((Path(__file__).parent / "schemas").glob("*.sql"))


def aside(path):
    return [file for file in path.parent.iterdir() if "damaged" in file.name and file.suffix == ".sqlite"]


def run(code, *arguments, **options):
    """Return what a fresh process prints when it runs this code."""
    code = textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        **options,
    ).stdout


def changed(data, statement):
    """The file after this SQL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "changed.sqlite")
        path.write_bytes(data)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()
        return path.read_bytes()


DAMAGES = {
    "no database": lambda data: b"these are notes, not a database\n" * 40,
    "header": lambda data: b"\0" * 100 + data[100:],
    "cut": lambda data: data[: len(data) // 2 + 17],
    "first pages": lambda data: data[:100] + b"\xff" * 8000 + data[8100:],
    "one byte": lambda data: b"X",
    "schema format": lambda data: data[:47] + b"\x05" + data[48:],
    "words of the schema": lambda data: data.replace(b"CREATE TABLE answers", b"CREATE T\xc2\xffLE answers"),
    "no table": lambda data: changed(data, "DROP TABLE answers"),
    "no column": lambda data: changed(data, "ALTER TABLE answers RENAME COLUMN turn TO turned"),
    "no version": lambda data: changed(data, "PRAGMA user_version = 0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_kept_under_another_name_and_said(opened, path, damage):
    journal = opened(path)
    for number in range(50):
        write_turn(journal, "s", number, f"q{number}", "a" * 300)
    journal.close(PATIENCE)
    spoiled = DAMAGES[damage](path.read_bytes())
    path.write_bytes(spoiled)
    journal = opened(path)
    write_turn(journal, "new", 0, "a", "b")
    assert journal.flush(PATIENCE)
    (kept,) = aside(path)
    assert kept.read_bytes() == spoiled
    assert str(kept) in journal.warning()
    assert journal.warning() is None
    assert [row.id for row in journal.sessions()] == ["new"]


def test_damage_that_shows_later_is_kept_and_said_too(opened, path):
    journal = opened(path)
    for number in range(200):
        write_turn(journal, "s", number, f"q{number}", "a" * 900)
    journal.close(PATIENCE)
    data = bytearray(path.read_bytes())
    draw = random.Random(1)
    for start in range(8192, len(data), 4096):  # every page but the first two
        data[start : start + 40] = draw.randbytes(40)
    path.write_bytes(data)
    journal = opened(path)
    for number in range(3):
        write_turn(journal, "new", number, "a", "b")
    assert journal.flush(PATIENCE)
    assert len(aside(path)) == 1
    assert [row.id for row in journal.sessions()] == ["new"]


def test_several_processes_that_find_the_damage_at_once_set_it_aside_once(opened, path):
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 500)
    code = """
        import sys
        from pathlib import Path
        from nbchat.store.journal import Journal
        from tests.store.turns import write_turn
        journal = Journal(Path(sys.argv[1]))
        input()
        write_turn(journal, sys.argv[2], 0, "a", "b")
        print(journal.flush(20.0))
        journal.close(5.0)
    """
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(path), f"s{index}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(4)
    ]
    for process in starts:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0].strip() for process in starts] == ["True"] * 4
    assert len(aside(path)) == 1
    assert sorted(row.id for row in opened(path).sessions()) == [f"s{index}" for index in range(4)]


@pytest.mark.skipif(os.name != "posix", reason="files are locked otherwise there")
def test_a_file_that_another_process_has_renewed_meanwhile_is_not_set_aside(opened, path):
    """The lock is held on the damaged file; the next owner finds another file in its place."""
    import fcntl

    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 500)
    with path.open("rb") as damaged:
        fcntl.flock(damaged, fcntl.LOCK_EX)
        late = opened(path)
        write_turn(late, "late", 0, "a", "b")
        assert not late.flush(0.3)  # it waits for the lock
        path.rename(path.with_name("moved"))
        early = opened(path)
        write_turn(early, "early", 0, "a", "b")
        assert early.flush(PATIENCE)
    assert late.flush(PATIENCE)
    assert aside(path) == []
    assert sorted(row.id for row in late.sessions()) == ["early", "late"]


def test_a_newer_file_stays_as_it_is(opened, path):
    journal = opened(path)
    write_turn(journal, "s", 0, "a", "b")
    journal.close(PATIENCE)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {migrations.VERSION + 1}")
    connection.execute("CREATE TABLE of_the_future (x)")
    connection.close()
    before = path.read_bytes()
    journal = opened(path)
    write_turn(journal, "now", 0, "a", "b")
    assert journal.flush(PATIENCE)
    assert "newer" in journal.warning()
    assert path.read_bytes() == before
    assert [row.id for row in opened(path).sessions()] == ["now"]


def test_another_programs_database_is_never_written_to(opened, path):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = path.read_bytes()
    journal = opened(path)
    write_turn(journal, "s", 0, "a", "b")
    assert not journal.flush(5.0)
    assert "another program" in journal.warning()
    journal.close(1.0)
    assert path.read_bytes() == before


class WhileLooking:
    """A connection, and what another process does to the file between two looks at it."""

    def __init__(self, connection, act):
        self._connection = connection
        self._act = act

    def execute(self, query):
        found = self._connection.execute(query)
        if "application_id" in query:
            self._act()
        return found


def test_a_file_that_another_process_is_making_is_nobody_elses(opened, path):
    path.parent.mkdir()
    other = opened(path)

    def make():
        write_turn(other, "theirs", 0, "a", "b")
        other.flush(0.3)

    connection = sqlite3.connect(path, isolation_level=None)
    assert opened(path)._database._checked_version(WhileLooking(connection, make)) == 0
    connection.close()
    assert other.flush(PATIENCE)


@pytest.mark.parametrize("spoil", ["folder is a file", "file is a folder"])
def test_a_place_where_no_file_can_be_is_said_once(opened, path, spoil):
    if spoil == "folder is a file":
        path.parent.write_text("in the way")
    else:
        path.mkdir(parents=True)
    journal = opened(path)
    for number in range(3):
        write_turn(journal, "s", number, "a", "b")
        assert not journal.flush(5.0)
    assert "only in memory" in journal.warning()
    assert journal.warning() is None


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="another user is needed, which root alone can become"
)
def test_a_read_only_folder_is_said_once(tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir()
    for one in [folder, *tmp_path.parents[:-1]]:
        if one.owner() != "root" or one in (folder, tmp_path):
            one.chmod(0o555)
    code = """
        import os, sys
        from pathlib import Path
        from nbchat.store.journal import Journal
        from tests.store.turns import write_turn
        os.setuid(12345)
        journal = Journal(Path(sys.argv[1]) / "nbchat.sqlite")
        write_turn(journal, "s", 0, "a", "b")
        print(journal.flush(5.0), journal.warning())
        journal.close(1.0)
    """
    said = run(code, folder)
    assert said.startswith("False the journal can't be written")


FULL_DISK = """
    import shutil, sys
    from pathlib import Path
    from nbchat.store.journal import Journal
    from tests.store.turns import write_turn
    folder = Path(sys.argv[1])
    journal = Journal(folder / "nbchat.sqlite")
    written = []
    for number in range(400):
        one = write_turn(journal, "s", number, "q", "a" * 20_000)
        if not journal.flush(5.0):
            break
        written.append(one)
    assert 5 < len(written) < 399, len(written)
    assert "only in memory" in journal.warning() and journal.warning() is None
    kept = set(journal.answers("s"))
    assert kept >= set(written), "what was on the disk is still read"
    (folder / "ballast").unlink(missing_ok=True)
    write_turn(journal, "s", number + 1, "q", "small")
    print(journal.flush(20.0), one in journal.answers("s"))
    journal.close(1.0)
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a small disk must be mounted")
def test_a_full_disk_keeps_what_it_has_and_takes_the_rest_once_there_is_room(tmp_path):
    """On a real file system of four megabytes, most of them taken until one file is removed."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        (tmp_path / "ballast").write_bytes(b"\0" * 2_000_000)
        assert run(FULL_DISK, tmp_path).split() == ["True", "True"]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_file_that_may_not_grow_keeps_what_it_has(opened, path):
    """A quota: the process may write no file of more than 600 kB."""
    code = """
        import resource, sys
        from pathlib import Path
        from nbchat.store.journal import Journal
        from tests.store.turns import write_turn
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
        journal = Journal(Path(sys.argv[1]))
        written = 0
        while written < 100 and (write_turn(journal, "s", written, "q", "a" * 20_000), journal.flush(5.0))[1]:
            written += 1
        print(written, journal.warning())
        journal.close(1.0)
    """
    written, _, warning = run(code, path).partition(" ")
    assert 2 < int(written) < 100
    assert "only in memory" in warning
    assert len(opened(path).answers("s")) >= int(written)


def test_a_file_that_another_process_holds_is_written_when_it_lets_go(opened, path):
    journal = opened(path)
    write_turn(journal, "s", 0, "a", "b")
    assert journal.flush(PATIENCE)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    write_turn(journal, "s", 1, "c", "d")
    assert not journal.flush(0.6)
    assert journal.warning() is None  # so short a wait is nobody's business
    assert len(journal.places("s")) == 1  # and reading goes on
    holder.execute("ROLLBACK")
    holder.close()
    assert journal.flush(PATIENCE)
    assert len(journal.places("s")) == 2


def test_writes_during_another_processs_lock_are_not_lost(opened, path):
    journal = opened(path)
    recording = journal.begin(session_of(journal, "s"), one := answer("long"))
    assert journal.flush(PATIENCE)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    recording.add([TextDelta("first ")])
    until(lambda: journal._writer._busy_since is not None)  # a look has taken it, and could not write it
    recording.add([TextDelta("second")])
    holder.execute("ROLLBACK")
    holder.close()
    until(lambda: text_of(journal.answers("s")[one.id]) == "first second")


def test_a_database_that_nothing_holds_is_closed(path):
    database = Database(path)
    connection = database.read(lambda connection: connection)
    del database
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_file_that_is_taken_away_is_made_anew(opened, path):
    journal = opened(path)
    write_turn(journal, "s", 0, "a", "b")
    assert journal.flush(PATIENCE)
    generation = journal.generation
    for file in path.parent.iterdir():
        file.unlink()
    write_turn(journal, "s", 1, "c", "d")
    assert journal.flush(PATIENCE)
    assert journal.generation == generation + 1
    assert len(opened(path).places("s")) == 1


@pytest.mark.parametrize("old", OLD, ids=lambda path: path.stem)
def test_files_of_each_earlier_schema_are_migrated(opened, path, old):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript(old.read_text())
    connection.close()
    journal = opened(path)
    (session,) = journal.sessions()
    assert [place.versions for place in journal.places(session.id)] == [("answer-1",), ("answer-2", "answer-3")]
    assert journal.answers(session.id)["answer-1"].turn["message"]["content"] == "What is a list?"
    assert [row.id for row, _ in journal.find("mutable")] == [session.id]
    (entry,) = journal.ledger.entries()
    assert (entry.model, entry.usage.total_tokens) == ("m", 12)
    rows = int(old.stem) >= 2
    assert [run.about["template"] for run in journal.rows.runs(session.id)] == ["Label: {item}"] * rows
    assert [answer["text"] for answer in journal.rows.find(["row-1"]).values()] == ["good"] * rows
    write_turn(journal, session.id, 2, "next", "one")
    journal.rows.keep("run-2", [RowAnswer("row-2", 1, {"text": "bad"})])
    assert journal.flush(PATIENCE)
    assert journal.rows.find(["row-2"]) == {("row-2", 1): {"text": "bad"}}
    assert journal.warning() is None


def test_every_earlier_schema_has_a_file_here():
    assert [path.stem for path in OLD] == [str(number) for number in range(1, migrations.VERSION + 1)]


def test_a_migration_runs_once_however_many_processes(opened, path, monkeypatch):
    journal = opened(path)
    write_turn(journal, "s", 0, "a", "b")
    journal.close(PATIENCE)
    monkeypatch.setattr(
        migrations, "STEPS", (*migrations.STEPS, ("CREATE TABLE later (x)", "INSERT INTO later VALUES (1)"))
    )
    newer = migrations.VERSION + 1
    for module in ("migrations", "database"):
        monkeypatch.setattr(f"nbchat.store.{module}.VERSION", newer)
    journals = [opened(path) for _ in range(4)]
    readers = [threading.Thread(target=journal.sessions) for journal in journals]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert journals[0]._database.read(lambda c: c.execute("SELECT count(*) FROM later").fetchone()) == (1,)
    assert [row.id for row in journals[1].sessions()] == ["s"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_journal_keeps_writing_in_both_processes(path):
    code = """
        import os, sys
        os.environ["NBCHAT_STORE"] = sys.argv[1]
        from nbchat.store.opening import journal
        from nbchat.values.answer.events import TextDelta
        from tests.store.turns import answer, write_turn
        mine = journal()
        write_turn(mine, "parent", 0, "a", "b")
        recording = mine.begin("parent", answer("streams"))
        recording.add([TextDelta("on")])
        children = []
        for number in range(5):
            write_turn(mine, "parent", number + 1, "a", "b")  # may be in hand while the process forks
            if not (child := os.fork()):
                theirs = journal()
                write_turn(theirs, f"child{number}", 0, "c", "d")
                done = theirs.flush(10.0)
                theirs.close(5.0)
                os._exit(0 if done else 1)
            children.append(child)
        print([os.waitpid(child, 0)[1] for child in children])
        print(mine.flush(10.0))
        print(sorted((row.id, row.turns) for row in mine.sessions()))
    """
    expected = [("child" + str(number), 1) for number in range(5)] + [("parent", 6)]
    assert run(code, path).splitlines() == ["[0, 0, 0, 0, 0]", "True", str(expected)]


def test_process_exit_writes_pending_entries(opened, path):
    code = """
        import os, sys
        os.environ["NBCHAT_STORE"] = sys.argv[1]
        from nbchat.store.opening import journal
        from tests.store.turns import write_turn
        for number in range(300):
            write_turn(journal(), "s", number, "a", "b")
    """
    run(code, path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert len(opened(path).places("s")) == 300
