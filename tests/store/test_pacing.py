"""What processes tell each other through the file: never the key, and never in the way."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from nbchat.api.keys import Key, Secrets
from nbchat.api.pacing.sharing import Shared
from nbchat.store.database import Database
from nbchat.store.pacing import ALIVE_SECONDS, KEPT_SECONDS, PaceTable

URL = "https://example.org/v1"
KEY = Key("sk-very-secret-1234567890")


class Clock:
    now = 1_790_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tables(path, clock):
    """Three processes, each with its own connection to the file."""
    databases = [Database(path) for _ in range(3)]
    yield [PaceTable(database, clock) for database in databases]
    for database in databases:
        database.close()


def count_rows(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM pacing").fetchone()[0]


def test_each_hears_what_the_others_do_and_not_itself(tables, clock):
    one, two, three = tables
    assert one.exchange(URL, KEY, Shared(busy=5, level=16, processes=1)) == Shared()
    clock.now += 0.1
    assert two.exchange(URL, KEY, Shared(busy=2, level=8, processes=1)) == Shared(5, 16, 0.0, 1)
    assert three.exchange(URL, KEY, Shared()) == Shared(7, 8, 0.0, 2)
    assert one.exchange(URL, Key("another-key-123456"), Shared()) == Shared()
    assert one.exchange("https://example.org/v2", KEY, Shared()) == Shared()


def test_a_window_is_heard_at_once_and_ends_in_time(tables, clock):
    one, two, _ = tables
    one.exchange(URL, KEY, Shared(busy=1))
    one.exchange(URL, KEY, Shared(busy=1, forbidden=30.0))
    assert two.exchange(URL, KEY, Shared()).forbidden == 30.0
    clock.now += 20.0
    assert two.exchange(URL, KEY, Shared()).forbidden == 10.0
    clock.now += 20.0
    assert two.exchange(URL, KEY, Shared()).forbidden == 0.0


def test_a_killed_process_holds_no_slots_and_its_row_goes(tables, clock, path):
    one, two, _ = tables
    one.exchange(URL, KEY, Shared(busy=5, processes=1))
    clock.now += ALIVE_SECONDS + 1
    assert two.exchange(URL, KEY, Shared(busy=1)) == Shared()
    clock.now += KEPT_SECONDS + 1
    two.exchange(URL, KEY, Shared(busy=1))
    assert count_rows(path) == 1


def test_a_clock_that_was_wrong_forbids_for_an_hour_at_most(tables, clock):
    one, two, _ = tables
    clock.now += 1e8
    one.exchange(URL, KEY, Shared(forbidden=60.0))
    clock.now -= 1e8
    assert two.exchange(URL, KEY, Shared()).forbidden <= KEPT_SECONDS


def test_neither_key_nor_address_stands_in_the_file(tables, path):
    for key in (KEY, Secrets(["Bearer sk-other-secret-99887766", KEY.reveal()])):
        tables[0].exchange(URL, key, Shared(busy=1))
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for text in (KEY.reveal(), "sk-other-secret", "example.org"):
        assert text.encode() not in written


def test_a_process_at_rest_writes_nothing(tables, path):
    tables[0].exchange(URL, KEY, Shared(level=8))
    assert count_rows(path) == 0


def test_a_file_that_takes_no_more_is_no_trouble(path, clock):
    database = Database(path)
    table = PaceTable(database, clock)
    table.exchange(URL, KEY, Shared())
    database.read(lambda connection: connection.execute("PRAGMA query_only = ON"))
    assert table.exchange(URL, KEY, Shared(busy=1)) is None
    database.close()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM pacing_pepper",
        "UPDATE pacing_pepper SET pepper = 'text'",
        "UPDATE pacing SET at = 'text'",
        "UPDATE pacing SET busy = 'text'",
        "UPDATE pacing SET level = 'text'",
        "UPDATE pacing SET until = 'text'",
        "UPDATE pacing SET works = x'00'",
    ],
)
def test_a_damaged_table_is_no_trouble(tables, path, damage):
    one, two, _ = tables
    one.exchange(URL, KEY, Shared(busy=1))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(damage)
    assert two.exchange(URL, KEY, Shared(busy=2)) is None


def test_a_file_that_cannot_be_used_is_no_trouble(tmp_path, clock):
    (tmp_path / "file").write_text("not a directory")
    table = PaceTable(Database(tmp_path / "file" / "nbchat.sqlite"), clock)
    assert table.exchange(URL, KEY, Shared(busy=1)) is None
    assert table.exchange(URL, KEY, Shared(busy=1)) is None


OTHER = """
import sys
from nbchat.api.keys import Key
from nbchat.api.pacing.sharing import Shared
from nbchat.store.opening import journal
for line in sys.stdin:
    others = journal().pacing.exchange("https://example.org/v1", Key("sk-very-secret-1234567890"), eval(line))
    print(others.forbidden > 0, others.busy, flush=True)
"""


def test_two_real_processes_meet_in_the_file(path):
    environment = {**os.environ, "NBCHAT_STORE": str(path)}
    command = [sys.executable, "-c", OTHER]
    processes = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    def say(number, shared):
        print(shared, file=processes[number].stdin, flush=True)
        return processes[number].stdout.readline().split()

    try:
        assert say(0, Shared(busy=3, forbidden=50.0)) == ["False", "0"]
        assert say(1, Shared(busy=2)) == ["True", "3"]
        assert say(0, Shared()) == ["False", "2"]
    finally:
        for process in processes:
            process.communicate()
