"""How a request ends: stopped, forgotten, found again by its name, or made once more."""

import asyncio

import pytest

from nbchat.conversation.exchange.driver import drive
from nbchat.conversation.session import Session
from nbchat.conversation.turn import joined
from nbchat.store.opening import journal
from nbchat.testing import Cut, Hang, Say, Stream, chunk, tool_call
from nbchat.values.answer.events import Sent, TextDelta
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import Interrupted, ParameterError, SessionError
from nbchat.values.messages import ImagePart, Source


@pytest.fixture
def chat(server):
    return Session(name="work", base_url=server.base_url, model="scripted-1", system="Be brief.", temperature=0.5)


class Stopping:
    """A presenter whose user interrupts at the first event of a kind."""

    def __init__(self, kind):
        self.kind, self.concluded = kind, []

    def show(self, events):
        if any(isinstance(event, self.kind) for event in events):
            raise KeyboardInterrupt

    def call_result(self, call, result): ...

    def restart(self, reason): ...

    def conclude(self, reply, error):
        self.concluded.append((reply, error))


# Interrupts


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({}, r"kept; session\.resume\(\) resumes it"),
        ({"continue_with": ""}, r"The partial answer was kept\.$"),
        ({"once": True}, "did not join the history"),
    ],
)
def test_an_interrupt_within_the_answer_keeps_the_part(server, chat, options, advice):
    server.add(Stream([chunk("Half an "), Hang()]))
    display = Stopping(TextDelta)
    with pytest.raises(Interrupted, match=advice) as stopped:
        chat.ask("Hi", display=display, **options)
    assert (stopped.value.reply.text, stopped.value.reply.status) == ("Half an ", "interrupted")
    assert len(chat.turns) == (0 if "once" in options else 1)
    assert [error for _, error in display.concluded] == [stopped.value]
    assert len(chat.ledger()) == 1


def test_an_interrupt_before_the_answer_leaves_nothing(server, chat):
    server.add(Stream([Hang()]))
    with pytest.raises(Interrupted, match="Nothing had") as stopped:
        chat.ask("Hi", display=Stopping(Sent))
    assert stopped.value.reply is None
    assert chat.turns == ()


# Forgetting


@pytest.mark.parametrize("store", ["on", "off"])
def test_a_session_is_forgotten_with_all_its_versions_and_goes_on_anew(server, chat, monkeypatch, store):
    if store == "off":
        monkeypatch.setenv("NBCHAT_STORE", "off")
    heard = []
    chat.ask("first")
    chat.ask("second")
    chat.retry()
    chat.on_turns(lambda: heard.append(len(chat.turns)))
    assert chat.forget() == 3
    assert (chat.turns, heard, len(chat.ledger())) == ((), [0], 3)
    chat.ask("third")
    assert [message["content"] for message in server.requests[-1].json["messages"]] == ["Be brief.", "third"]
    if store == "on":
        assert journal().flush(10.0)
        assert [row.turns for row in journal().sessions()] == [1]
        assert len(Session().ledger(everywhere=True)) == len(chat.ledger()) == 4
        assert len(Session().ledger()) == 0


# By name


def test_a_named_session_is_the_one_of_this_notebook(server, chat, monkeypatch):
    monkeypatch.setenv("NBCHAT_NOTEBOOK", "/home/ada/a.ipynb")
    chat.budget = "20k tokens"
    chat.ask("first")
    assert journal().flush(10.0)
    again = Session.named("work")
    assert [turn.message.text for turn in again.turns] == ["first"]
    assert (again.journal_id, again.system, str(again.budget)) == (chat.journal_id, "Be brief.", str(chat.budget))
    assert Session.named("other").turns == ()
    monkeypatch.setenv("NBCHAT_NOTEBOOK", "/home/ada/b.ipynb")
    assert Session.named("work").turns == ()
    monkeypatch.delenv("NBCHAT_NOTEBOOK")
    assert Session.named("work").turns == ()
    monkeypatch.setenv("NBCHAT_STORE", "off")
    assert Session.named("work").name == "work"


def test_where_nobody_knows_the_notebook_only_given_names_are_looked_for(server):
    for name in ("default", "notes"):
        Session(name=name, base_url=server.base_url, model="m").ask("first")
    assert journal().flush(10.0)
    assert [len(Session.named(name).turns) for name in ("default", "notes")] == [0, 1]


# Made once more


def test_an_exchange_is_made_again_and_charged_without_joining(server, chat):
    first = chat.exchange("Hi", once=True)
    copies = [chat.again(first), chat.again(first)]
    assert [(copy.number, copy.ask is first.ask, copy.session) for copy in copies] == [
        (0, True, "work"),
        (1, True, "work"),
    ]
    for copy in copies:
        drive(copy.run(None))
        chat.charge(copy)
        chat.charge(copy)
    assert len(server.requests) == len(chat.ledger()) == 2
    assert chat.turns == ()


def test_an_exchange_stopped_before_it_begins_is_never_sent(server, chat):
    waiting = chat.exchange("Hi")
    chat.stop()
    drive(waiting.run(None))
    assert isinstance(waiting.failure(), Interrupted)
    assert server.requests == []


def test_a_continued_answer_has_the_pictures_and_sources_of_both_once():
    picture, other = ImagePart("data:a"), ImagePart("data:b")
    one, two, three = (Source(f"https://{name}") for name in "abc")
    first = Reply((Choice(text="a", reasoning="x", images=(picture,), sources=(one, two)),))
    both = joined(first, Reply((Choice(text="b", reasoning="y", images=(other,), sources=(two, three)),)))
    [choice] = both.choices
    assert (choice.text, choice.reasoning, choice.images) == ("ab", "xy", (picture, other))
    assert choice.sources == (one, two, three)
    assert both.notices == ("continued",)


# Options


@pytest.mark.parametrize("timeout", [0, -1, "soon", [1]])
def test_a_timeout_is_a_number_of_seconds(server, chat, timeout):
    with pytest.raises(ParameterError, match="timeout must be"):
        chat.ask("Hi", timeout=timeout)
    assert server.requests == []


def test_a_timeout_may_be_short_or_left_to_the_session(server, chat):
    chat.timeout = 30
    assert chat.exchange("Hi").ask.timeouts.read == 30
    assert chat.exchange("Hi", timeout=0.5).ask.timeouts.read == 0.5
    assert chat.exchange("Hi", timeout=None).ask.timeouts.read == 30


@pytest.mark.parametrize("name", ["base_url", "key_env"])
def test_a_server_is_one_text(chat, name):
    with pytest.raises(ParameterError, match=f"{name} must be text or None"):
        chat.ask("Hi", **{name: ["a", "b"]})


def test_an_unknown_option_is_named_with_the_nearest(chat):
    with pytest.raises(ParameterError, match=r"temprature.*temperature"):
        chat.ask("Hi", temprature=1)
    with pytest.raises(ParameterError, match="extra="):
        chat.ask("Hi", zzzzzzzzz=1)


def test_the_same_message_is_not_asked_twice_at_once(server, chat):
    server.add(Stream([chunk("Half"), Hang()]), Say("other"))
    with chat.stream("Hi") as events:
        assert any(isinstance(event, TextDelta) for event in events)
        with pytest.raises(SessionError, match="already"):
            chat.ask("Hi")
        assert chat.ask("Another").text == "other"
    assert len(server.requests) == 2


def test_a_coroutine_does_not_ask_the_same_twice_at_once_either(server, chat):
    server.add(Stream([chunk("Half"), Hang()]))

    async def main():
        first = asyncio.create_task(chat.aask("Hi"))
        while not server.requests:
            await asyncio.sleep(0.01)
        with pytest.raises(SessionError, match="already"):
            await chat.aask("Hi")
        first.cancel()
        await asyncio.wait([first])

    asyncio.run(main())
    assert len(server.requests) == 1


@pytest.mark.parametrize("display", [True, False, None])
def test_without_a_front_end_nothing_is_shown(server, chat, capsys, display):
    assert chat.ask("Hi", display=display).text
    assert capsys.readouterr().out == ""


def test_time_is_that_of_all_requests_and_the_first_token_that_of_the_first(server, chat):
    def f(x: int) -> int:
        return x

    chat.tool(f, safe=True)
    server.add(Say("", tool_calls=[tool_call("f", {"x": 1})]), Say("Done."))
    exchange = chat.exchange("Hi")
    drive(exchange.run(None))
    first, second = exchange.replies
    assert exchange.reply.timing.total == first.timing.total + second.timing.total
    assert exchange.reply.timing.first_token == first.timing.first_token
    assert exchange.reply.usage.total_tokens == first.usage.total_tokens + second.usage.total_tokens


def test_a_continued_answer_that_was_cut_again_can_be_continued(server, chat):
    server.add(Stream([chunk("a"), Cut()]), Stream([chunk("b"), Cut()]), Say("c"))
    for ask in (lambda: chat.ask("Hi"), chat.resume):
        with pytest.raises(Exception, match="kept"):
            ask()
    chat.resume()
    assert [turn.reply.text for turn in chat.turns] == ["abc"]
    assert chat.turns[0].reply.status == "complete"
