"""The ledger: rows come back as they were, from every kernel; unknown is never zero."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from nbchat.store.journal import Journal
from nbchat.store.ledger.entries import Entries, Entry, Spent
from nbchat.values.answer.reply import Timing
from nbchat.values.answer.usage import Usage
from tests import strategies
from tests.environment import PATIENCE
from tests.store.turns import opened

names = st.none() | st.text(st.characters(codec="utf-8"), max_size=8)
entries = st.builds(
    Entry,
    st.text(max_size=8),
    st.none() | st.text(max_size=8),
    st.sampled_from(["complete", "interrupted", "cut_off", "failed"]),
    st.builds(Usage.estimated, st.none() | st.integers(0, 10**6), st.none() | st.integers(0, 10**6)),
    st.none() | st.floats(0, 100),
    st.builds(Timing, st.none() | st.floats(0, 100), st.none() | st.floats(0, 100)),
    at=st.floats(1, 2e9),
    cost_source=st.sampled_from(["server", "list", "table", "none"]),
    finish=st.none() | st.text(max_size=8),
    tries=st.integers(1, 9),
    request_id=st.none() | st.text(max_size=8),
    replayed=st.booleans(),
    session=st.just("name"),
    notebook=names,
    cell=names,
    params=st.dictionaries(st.text(max_size=4), st.none() | st.booleans() | st.text(max_size=4), max_size=3),
)


@strategies.scaled(0.25)
@given(st.lists(entries, max_size=5, unique_by=id))
def test_rows_come_back_as_they_were(tmp_path_factory, rows):
    journal = Journal(tmp_path_factory.mktemp("ledger") / "j.sqlite")
    for row in rows:
        journal.ledger.add(row)
    found = journal.ledger.entries()
    journal.close(PATIENCE)
    plain = [asdict(row) for row in sorted(rows, key=lambda row: row.at)]
    assert repr([asdict(row) for row in found]) == repr(plain)


def entry(cost, tokens, **more):
    usage = Usage(total_tokens=tokens, state="measured") if tokens is not None else Usage()
    return Entry("server", "m", "complete", usage, cost, Timing(), **more)


def test_what_was_spent_counts_every_kernel_and_no_replay(journal, opened, path):
    other = opened(path)
    journal.ledger.add(entry(0.25, 10, at=100.0))
    other.ledger.add(entry(0.5, None, at=200.0))
    other.ledger.add(entry(None, 7, at=300.0))
    journal.ledger.add(entry(0.0, 99, at=400.0, replayed=True))
    assert other.flush(PATIENCE)
    assert journal.ledger.spent() == Spent(calls=3, cost=0.75, tokens=17, cost_unknown=1, tokens_unknown=1)
    assert journal.ledger.spent(250.0) == Spent(calls=1, cost=0.0, tokens=7, cost_unknown=1, tokens_unknown=0)
    assert journal.ledger.spent(1000.0) == Spent()


def test_a_forgotten_session_leaves_figures_and_nothing_else(journal, path):
    journal.ledger.add(
        entry(0.25, 10, session="Zebra", notebook="/Zebra.ipynb", cell="Zebra", params={"stop": ["Zebra"]}),
        session=opened(journal, "s"),
    )
    journal.forget("s")
    (left,) = journal.ledger.entries()
    assert (left.cost, left.usage.total_tokens) == (0.25, 10)
    assert (left.session, left.notebook, left.cell, left.params) == (None, None, None, {})
    journal.close(PATIENCE)
    assert b"Zebra" not in path.read_bytes()


def test_a_table_has_each_figure_under_its_name():
    entry = Entry(
        "S", "m", "complete", Usage(70, 30, 100, "measured", cached_tokens=10, reasoning_tokens=5), 0.25, Timing(0.5, 2.5),
        at=1.0, cost_source="server", finish="stop", tries=2, request_id="r", session="s", notebook="n", cell="c",
        params={"seed": 1}, requests=3,
    )  # fmt: skip
    assert Entries([entry]).rows() == [
        {
            "time": 1.0, "session": "s", "notebook": "n", "cell": "c", "endpoint": "S", "model": "m", "params": {"seed": 1},
            "prompt_tokens": 70, "completion_tokens": 30, "cached_tokens": 10, "reasoning_tokens": 5, "usage": "measured",
            "cost": 0.25, "cost_source": "server", "first_token": 0.5, "seconds": 2.5, "tokens_per_second": 15.0,
            "status": "complete", "finish": "stop", "tries": 2, "requests": 3, "replayed": False, "request_id": "r",
        }
    ]  # fmt: skip
