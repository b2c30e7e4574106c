"""What a session's requests may cost, and when an answer comes from the store instead."""

import pytest

from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.store.opening import journal
from nbchat.store.replay import SUFFIX, write_file
from nbchat.testing import Cut, Say, Stream
from nbchat.testing.payloads import chunk
from nbchat.values.answer.events import TextDelta
from nbchat.values.errors import BudgetExceeded, ConfigError, NbchatError


@pytest.fixture
def chat(chat):
    chat.cache = True
    return chat


def again(server):
    """The session of another kernel: it shares nothing but the journal."""
    journal().flush(10.0)
    session = Session(base_url=server.base_url, model="scripted-1")
    session.cache = True
    return session


def test_an_identical_request_is_answered_from_the_store(server, chat):
    server.add(Say(["one", " two", " three"], usage=(7, 3)))
    first = chat.ask("Hello")
    other = again(server)
    with other.stream("Hello") as events:
        pieces = [event.text for event in events if isinstance(event, TextDelta)]
    assert pieces == ["one", " two", " three"]
    (turn,) = other.turns
    assert len(server.requests) == 1
    assert (turn.reply.text, turn.reply.usage, turn.reply.replayed, turn.reply.cost) == (
        first.text,
        first.usage,
        True,
        0.0,
    )
    assert not first.replayed
    assert other.usage.total_tokens == 0
    assert [entry.replayed for entry in journal().ledger.entries()] == [False, True]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"n": 2}, {"temperature": 0.1}, {"system": "other"}, {"max_tokens": 5}]
)
def test_a_different_request_is_sent(server, chat, change):
    server.add(Say("one"), Say("two"))
    chat.ask("Hello", once=True)
    assert chat.ask("Hello", once=True, **change).text == "two"


def test_the_way_an_answer_comes_makes_no_difference(server, chat):
    server.add(Say("one"))
    chat.ask("Hello", once=True)
    assert chat.ask("Hello", once=True, stream=False).replayed


def test_asking_again_sends_the_request(server, chat):
    server.add(Say("one"), Say("two"))
    chat.ask("Hello")
    assert chat.retry().text == "two"
    assert again(server).ask("Hello").text == "two"


def test_each_of_several_identical_requests_has_its_own_answer(server, chat):
    server.add(Say("one"), Say("two"), Say("three"))

    def asked(session):
        first = session.exchange("Hello", once=True)
        texts = []
        for exchange in [session.again(first) for _ in range(3)]:
            for _ in iter_exchange(exchange):
                pass
            session.charge(exchange)
            texts.append(exchange.reply.text)
        return texts

    assert asked(chat) == asked(again(server)) == ["one", "two", "three"]


def iter_exchange(exchange):
    from nbchat.conversation.exchange.driver import drive

    drive(exchange.run(None))
    yield


def test_what_was_cut_off_is_asked_again(server, chat):
    server.add(Stream([chunk("half"), Cut()]), Say("whole"))
    with pytest.raises(NbchatError):
        chat.ask("Hello", once=True)
    assert chat.ask("Hello", once=True).text == "whole"


def test_without_the_cache_every_request_is_asked(server, chat, monkeypatch):
    server.add(Say("one"), Say("two"), Say("three"))
    chat.ask("Hello", once=True)
    chat.cache = False
    assert chat.ask("Hello", once=True).text == "two"
    chat.cache = None
    assert chat.ask("Hello", once=True).text == "three"
    monkeypatch.setenv("NBCHAT_CACHE", "on")
    assert chat.ask("Hello", once=True).text == "one"
    assert chat.cache


def test_a_file_beside_the_notebook_answers_on_another_machine(server, chat, monkeypatch, tmp_path):
    server.add(Say("one"))
    chat.ask("Hello")
    journal().flush(10.0)
    rows = journal()._database.read(lambda c: c.execute("SELECT request, number, tape FROM replays").fetchall())
    assert write_file(tmp_path / f"a.ipynb{SUFFIX}", rows) == 1
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBCHAT_STORE", "off")
    monkeypatch.setenv("NBCHAT_CACHE", "on")
    elsewhere = Session(base_url=server.base_url, model="scripted-1")
    reply = elsewhere.ask("Hello")
    assert (reply.text, reply.replayed) == ("one", True)
    (tmp_path / f"b.ipynb{SUFFIX}").write_text("no such file")
    assert elsewhere.ask("Hello", once=True).replayed


def test_the_call_that_would_cross_the_budget_is_not_sent(server, monkeypatch, tmp_path):
    table = tmp_path / "prices.json"
    table.write_text('{"scripted-1": {"input": 1000000, "output": 2000000}}')
    monkeypatch.setenv("NBCHAT_PRICES", str(table))
    chat = Session(base_url=server.base_url, model="scripted-1", max_tokens=5)
    chat.budget = "40"
    server.add(Say("one", usage=(10, 5)), Say("two", usage=(10, 5)))
    assert chat.ask("x" * 40).cost == 20.0
    assert chat.ledger()[0].cost_source == "table"
    with pytest.raises(BudgetExceeded, match=r"of the budget of \$40.00 is left"):
        chat.ask("x" * 80)
    assert len(server.requests) == 1
    chat.budget = None
    chat.ask("x" * 80)


def test_a_budget_of_a_day_counts_every_session(server):
    server.add(Say("one", usage=(10, 5)))
    Session(base_url=server.base_url, model="scripted-1").ask("a")
    journal().flush(10.0)
    chat = Session(base_url=server.base_url, model="scripted-1")
    chat.budget = "15 tokens per day"
    with pytest.raises(BudgetExceeded, match="used up"):
        chat.ask("b")
    chat.budget = "15 tokens"
    server.add(Say("two"))
    chat.ask("b")


def test_an_answer_that_is_still_at_hand_is_charged_once(server):
    chat = Session(base_url=server.base_url, model="scripted-1")
    chat.budget = "1k tokens"
    server.add(Say("one", usage=(70, 30)))
    with chat.stream("Hello") as events:
        list(events)
    assert (events.reply.text, chat.spent.tokens) == ("one", 100)


def test_an_unknown_cost_is_said(server):
    server.add(Say("one"))
    chat = Session(base_url=server.base_url, model="scripted-1")
    chat.budget = 0.5
    assert "this answer does not count towards the budget of $0.50: its cost is unknown" in chat.ask("a").notices


def test_requests_under_way_count(server):
    chat = Session(base_url=server.base_url, model="scripted-1", max_tokens=10)
    chat.budget = "25 tokens"
    server.add(Say("one", usage=(2, 10)))
    first = chat.exchange("Hello", once=True)
    under_way = [chat.again(first), chat.again(first)]
    works = [exchange.run(None) for exchange in under_way]
    for work in works:
        next(work)
    third = chat.again(first)
    for _ in iter_exchange(third):
        pass
    assert isinstance(third.error, BudgetExceeded)
    branch = chat.fork("branch")
    assert (branch.budget, branch.spent.tokens) == (chat.budget, 0)  # its own requests count, not its parent's
    branch.budget = None
    assert chat.budget is not None
    for work, exchange in zip(works, under_way, strict=True):
        work.close()
        chat.charge(exchange)


@pytest.mark.parametrize("content", ["", "[]", '{"m": 1}', '{"m": {"input": "x"}}'])
def test_an_invalid_price_table_is_reported_before_anything_is_sent(server, monkeypatch, tmp_path, content):
    table = tmp_path / "prices.json"
    table.write_text(content)
    monkeypatch.setenv("NBCHAT_PRICES", str(table))
    with pytest.raises(ConfigError, match="not a table of prices"):
        Session(base_url=server.base_url, model="scripted-1").ask("a")
    assert server.requests == []
    assert process.engine().alive
