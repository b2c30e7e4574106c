"""A session's own rules: what it sends, what it keeps, whom it tells."""

import asyncio
import gc
import threading

import pytest

from nbchat.conversation.process import Process, process
from nbchat.conversation.registry import Registry, title
from nbchat.conversation.servers.connection import warm_up
from nbchat.conversation.session import CONTINUE, Session
from nbchat.conversation.turn import Turn
from nbchat.store.opening import notebook_path
from nbchat.store.records import SessionRow
from nbchat.testing import DONE, Cut, Hang, Say, Status, Stream, chunk
from nbchat.values.answer.events import TextDelta
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import CutOff, Interrupted, NbchatError, ParameterError, PromptError, SessionError
from nbchat.values.messages import ImagePart, Message, TextPart
from nbchat.values.params import Params
from tests.environment import PATIENCE

PART = Stream([chunk("Half an "), Cut()])


@pytest.fixture
def chat(server):
    return Session(base_url=server.base_url, model="scripted-1", system="Be brief.", temperature=0.5)


def sent(server, index=-1):
    """The messages of a request, as (role, text)."""
    return [(message["role"], message["content"]) for message in server.requests[index].json["messages"]]


def half(chat, server, message="Hi", **options):
    """Ask for an answer that breaks off; return the error."""
    server.add(PART)
    with pytest.raises(CutOff) as cut:
        chat.ask(message, **options)
    return cut.value


# What can be asked


class Frame:
    """Compares like a data frame, whose comparison has no truth value."""

    def __eq__(self, other):
        return Frame()

    def __bool__(self):
        raise ValueError("ambiguous")

    def __iter__(self):
        return iter(["a", "b"])

    __hash__ = None


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (None, "got None"),
        (5, "got int"),
        (b"Hi", "got bytes"),
        ({"role": "user", "content": "Hi"}, "got dict"),
        (Frame(), "got Frame"),
        ([], "got list"),
        (["Hi", 5], "got list"),
        ([{"role": "user", "content": "Hi"}], "got a list of messages"),
        ("", "empty"),
        (" \n", "empty"),
        ([" "], "empty"),
        (Message("user", ""), "empty"),
    ],
)
def test_an_invalid_message_is_one_sentence_and_sends_nothing(server, chat, message, said):
    for ask in (chat.ask, chat.request, lambda message: asyncio.run(chat.aask(message))):
        with pytest.raises(PromptError, match=said) as refused:
            ask(message)
        assert str(refused.value).endswith("Nothing was sent.")
    assert server.requests == []


@pytest.mark.parametrize("wrong", [None, 5, (5,), (TextPart(5),), [], b"Hi"])
def test_a_message_of_anything_else_is_refused(server, chat, wrong):
    for message in (wrong, Message("user", wrong)):
        with pytest.raises(PromptError, match="A message is a text, or a list of texts and images; got"):
            chat.ask(message)
    assert server.requests == []


def test_a_list_of_texts_and_images_is_one_message(server, chat):
    image = "data:image/png;base64,iVBORw0KGgo="
    chat.ask(["What is this?", ImagePart(image)])
    assert [part["type"] for part in server.requests[0].json["messages"][-1]["content"]] == ["text", "image_url"]
    chat.ask(("One ", "text"))
    assert server.requests[1].json["messages"][-1] == {"role": "user", "content": "One text"}


def test_an_unknown_option_is_one_sentence_with_the_nearest_name(server, chat):
    for name, said in (("temperatur", "temperature"), ("sytem", "system"), ("onse", "once"), ("top_k", "extra=")):
        with pytest.raises(ParameterError, match=said):
            chat.ask("Hi", **{name: 1})
    for wrong in ({"timeout": 0}, {"timeout": "long"}, {"base_url": ["a", "b"]}, {"key_env": 5}):
        with pytest.raises(ParameterError):
            chat.ask("Hi", **wrong)
    assert server.requests == []


def test_a_parameter_assigned_to_the_session_itself_is_refused_with_the_right_way(chat):
    for name in ("temperature", "model", "stream"):
        with pytest.raises(ParameterError, match=rf"no attribute {name}: set\({name}=…\) sets the parameter"):
            setattr(chat, name, 1)


def test_options_hold_for_one_request(server, chat):
    chat.ask("Hi", temperature=None, system=None, stop=["END"], extra={"top_k": 4})
    body = server.requests[0].json
    assert ("temperature" in body, body["stop"], body["top_k"]) == (False, ["END"], 4)
    assert sent(server) == [("user", "Hi")]
    chat.ask("And?")
    body = server.requests[1].json
    assert (body["temperature"], "stop" in body, "top_k" in body) == (0.5, False, False)
    assert sent(server)[0] == ("system", "Be brief.")


# Continuing


def test_an_answer_is_continued_with_everything_it_was_asked_with(server, chat):
    half(chat, server)
    server.add(Say("answer."))
    reply = chat.resume()
    assert sent(server) == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Half an "),
        ("user", CONTINUE),
    ]
    assert server.requests[-1].json["temperature"] == 0.5
    assert reply.text == "answer."
    assert [turn.reply.text for turn in chat.turns] == ["Half an answer."]
    assert [message["content"] for message in chat.messages] == ["Be brief.", "Hi", "Half an answer."]
    assert len(chat.ledger()) == 2


def test_an_answer_is_continued_behind_the_turns_before_it_or_alone(server, chat):
    server.add(Say("Yes."))
    chat.ask("Before?")
    half(chat, server)
    server.add(Say("answer, "))
    chat.resume()
    assert sent(server)[1:] == [
        ("user", "Before?"),
        ("assistant", "Yes."),
        ("user", "Hi"),
        ("assistant", "Half an "),
        ("user", CONTINUE),
    ]
    half(chat, server, once=True)
    chat.retry()
    half(chat, server, "Last")
    chat.resume(once=True)
    assert sent(server)[1:] == [("user", "Last"), ("assistant", "Half an "), ("user", CONTINUE)]


def test_an_answer_that_reached_max_tokens_can_be_continued(server, chat):
    server.add(Stream([chunk("One, two", finish="length"), DONE]), Say(", three"))
    chat.ask("Count")
    chat.resume()
    assert chat.turns[0].reply.text == "One, two, three"


def test_a_complete_answer_is_not_continued(server, chat):
    chat.ask("Hi")
    with pytest.raises(SessionError, match="complete"):
        chat.resume()
    assert len(server.requests) == 1
    assert len(chat.turns) == 1


def test_without_a_turn_or_a_text_there_is_nothing_to_continue(server, chat):
    with pytest.raises(SessionError, match="no turn yet to continue"):
        chat.resume()
    server.add(Stream([chunk("", reasoning_content="Hm"), Cut()]))
    with pytest.raises(NbchatError):
        chat.ask("Hi")
    with pytest.raises(SessionError, match="no text"):
        chat.resume()


def test_a_failed_continuation_leaves_the_partial_answer_unchanged(server, chat):
    half(chat, server)
    server.add(Status(400, {"error": {"message": "no"}}))
    with pytest.raises(NbchatError):
        chat.resume()
    assert [turn.reply.text for turn in chat.turns] == ["Half an "]
    server.add(Say("answer."))
    chat.resume()
    assert [turn.reply.text for turn in chat.turns] == ["Half an answer."]


def test_the_newest_answer_is_continued_wherever_its_turn_stands(server, chat):
    """A cell further up was run again, and broke off."""
    chat.ask("First", cell_id="a")
    chat.ask("Second", cell_id="b")
    half(chat, server, "First", cell_id="a")
    server.add(Say("answer."))
    chat.resume()
    assert sent(server) == [("system", "Be brief."), ("user", "First"), ("assistant", "Half an "), ("user", CONTINUE)]
    assert chat.turns[0].reply.text == "Half an answer."
    assert chat.turns[1].before_edit


def test_advice_names_what_works_here(server, chat):
    assert str(half(chat, server)).endswith("The partial answer was kept; session.resume() resumes it.")
    assert str(half(chat, server, continue_with="%chat continue")).endswith("kept; %chat continue resumes it.")
    assert str(half(chat, server, once=True)).endswith("The partial answer did not join the history.")
    assert len(chat.turns) == 2


def test_a_failure_raised_twice_is_the_same(server, chat):
    server.add(PART)
    with pytest.raises(CutOff) as cut, chat.stream("Hi") as events:
        list(events)
    assert str(cut.value).count("resumes it") == 1


# Asking again


def test_retry_keeps_the_old_answer_as_a_version(server, chat):
    server.add(Say("One"), Say("Two"), Say("Three"))
    chat.ask("Hi")
    chat.ask("And?")
    old = chat.turns[0]
    chat.retry(turn=old, temperature=1)
    turn = chat.turns[0]
    assert [(version.reply.text, version.params.temperature) for version in turn.versions] == [
        ("One", 0.5),
        ("Three", 1),
    ]
    assert sent(server) == [("system", "Be brief."), ("user", "Hi")]
    assert chat.turns[1].before_edit
    chat.choose(turn, 0)
    assert [turn.reply.text for turn in chat.turns] == ["One", "Two"]
    assert ("assistant", "One") in [(message["role"], message["content"]) for message in chat.messages]


def test_a_retry_that_fails_keeps_the_old_answer(server, chat):
    chat.ask("Hi")
    before = chat.turns
    server.add(Status(400, {"error": {"message": "no"}}))
    with pytest.raises(NbchatError):
        chat.retry()
    assert chat.turns == before


def test_a_turn_that_was_undone_is_not_asked_again(server, chat):
    chat.ask("Hi")
    [gone] = chat.undo()
    for again in (chat.retry, chat.resume):
        with pytest.raises(SessionError):
            again(turn=gone)
    assert len(server.requests) == 1


def test_once_neither_reads_nor_joins_the_history(server, chat):
    chat.ask("Hi")
    chat.ask("Alone", once=True)
    assert sent(server) == [("system", "Be brief."), ("user", "Alone")]
    assert len(chat.turns) == 1
    assert len(chat.ledger()) == 2


def test_only_what_was_answered_is_in_the_ledger(server, chat):
    server.add(Status(401, {"error": {"message": "no such key"}}))
    with pytest.raises(NbchatError, match="no such key"):
        chat.ask("Hi")
    assert (len(chat.ledger()), chat.spent.calls) == (0, 0)
    half(chat, server)
    assert (len(chat.ledger()), chat.spent.calls) == (1, 1)


# Branches


def test_a_fork_copies_everything_and_is_independent(server, chat):
    chat.timeout = 7
    chat.tool(lambda_free, safe=True)
    chat.ask("Hi")
    branch = chat.fork("b")
    assert (branch.turns, branch.params, branch.system, branch.timeout) == (chat.turns, chat.params, chat.system, 7)
    assert type(branch) is type(chat)
    branch.ask("There")
    assert sent(server)[0] == ("system", "Be brief.")
    assert [tool["function"]["name"] for tool in server.requests[-1].json["tools"]] == ["lambda_free"]
    branch.system = None
    branch.set(temperature=None)
    assert (len(chat.turns), chat.system, chat.params.temperature) == (1, "Be brief.", 0.5)
    assert (branch.name, len(branch.ledger()), len(chat.ledger())) == ("b", 1, 1)


def lambda_free(text: str) -> str:
    return "done"


def test_a_subclass_stays_one(server, tmp_path):
    class Mine(Session):
        pass

    chat = Mine(base_url=server.base_url, model="m")
    chat.ask("Hi")
    assert type(chat.fork("b")) is Mine
    assert type(Mine.load(chat.export(tmp_path / "a.json"))) is Mine


def test_a_turn_from_elsewhere_is_adopted_in_its_place(server, chat):
    chat.ask("Hi", cell_id="a")
    chat.ask("And?")
    other = Turn(Message("user", "Hi"), Reply((Choice(text="Better"),)), Params(temperature=1), cell_id="a")
    chat.adopt(other)
    assert chat.turns[0].reply.text == "Better"
    assert len(chat.turns[0].versions) == 2
    chat.adopt(Turn(Message("user", "New"), Reply((Choice(text="x"),)), Params()))
    assert [turn.message.text for turn in chat.turns] == ["Hi", "And?", "New"]
    chat.adopt(Turn(Message("user", "And?"), Reply((Choice(text="y"),)), Params()), replaces=chat.turns[1])
    assert [turn.reply.text for turn in chat.turns][1:] == ["y", "x"]
    assert len(chat.ledger()) == 2


# Observers


def test_settings_observers_are_notified_once_per_change(server, chat):
    heard = []
    end = chat.on_params(lambda: heard.append(chat.params.temperature))
    chat.set(temperature=0.7)
    chat.set(temperature=0.7)
    chat.params = chat.params.replace(temperature=1)
    chat.system = "Be long."
    chat.system = "Be long."
    chat.connect(server.base_url + "/")
    with pytest.raises(ParameterError):
        chat.set(temperature="warm")
    with pytest.raises(ParameterError):
        chat.params = {"temperature": 1}
    chat.ask("Hi")
    assert heard == [0.7, 1, 1, 1]
    end()
    end()
    chat.set(temperature=0)
    assert heard == [0.7, 1, 1, 1]


def test_turn_observers_are_notified_once_per_change(server, chat):
    heard = []
    end = chat.on_turns(lambda: heard.append(len(chat.turns)))
    chat.ask("Hi")
    chat.ask("Alone", once=True)
    chat.set(temperature=1)
    with chat.stream("And?") as events:
        list(events)
    half(chat, server)
    chat.undo()
    chat.clear()
    assert heard == [1, 2, 3, 2, 0]
    end()
    chat.ask("Hi")
    assert heard == [1, 2, 3, 2, 0]


def test_an_observer_that_fails_hinders_nobody(server, chat, caplog):
    heard = []
    chat.on_turns(lambda: 1 / 0)
    chat.on_turns(lambda: heard.append(1))
    assert chat.ask("Hi").text
    assert heard == [1]
    assert "ZeroDivisionError" in caplog.text


# Streams for coroutines


def test_a_coroutine_gets_the_events_as_they_come(server, chat):
    server.add(Say("A streamed answer."))

    async def main():
        async with chat.astream("Hi") as events:
            texts = [event.text async for event in events if isinstance(event, TextDelta)]
            assert events.reply.text == "A streamed answer."
        return "".join(texts)

    assert asyncio.run(main()) == "A streamed answer."
    assert [turn.reply.status for turn in chat.turns] == ["complete"]


def test_leaving_a_coroutine_s_stream_early_closes_the_connection_and_keeps_the_partial_answer(server, chat):
    server.add(Stream([chunk("Half"), Hang()]))

    async def main():
        async with chat.astream("Hi") as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break

    asyncio.run(main())
    assert server.requests[0].closed.wait(PATIENCE)
    assert [(turn.reply.text, turn.reply.status) for turn in chat.turns] == [("Half", "interrupted")]


def test_a_coroutine_s_stream_that_breaks_off_raises_at_its_end(server, chat):
    server.add(PART)

    async def main():
        async with chat.astream("Hi") as events:
            return [event async for event in events]

    with pytest.raises(CutOff):
        asyncio.run(main())
    assert chat.turns[0].reply.status == "cut_off"


def test_cancelling_a_coroutine_s_stream_closes_the_connection(server, chat):
    server.add(Stream([chunk("Half"), Hang()]))

    async def main():
        came = asyncio.Event()

        async def listen():
            async with chat.astream("Hi") as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        came.set()

        task = asyncio.create_task(listen())
        await came.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert server.requests[0].closed.wait(PATIENCE)
    assert chat.turns[0].reply.text == "Half"


def test_stopping_a_stream_from_another_thread_is_told_where_it_is_read(server, chat):
    server.add(Stream([chunk("Half"), Hang()]))

    def stop_it(events):
        for event in events:
            if isinstance(event, TextDelta):
                threading.Thread(target=chat.stop).start()

    with pytest.raises(Interrupted), chat.stream("Hi") as events:
        stop_it(events)
    assert chat.turns[0].reply.status == "interrupted"


# The registry


def test_there_is_always_a_current_session():
    made = []
    sessions = Registry(lambda name: made.append(name) or Session(name=name))
    assert sessions.current is sessions.open("default") is sessions.open(None)
    assert sessions.open("b") is not sessions.current
    assert sessions.switch("b") is sessions.current is sessions.existing(None)
    assert made == sessions.names() == ["default", "b"]
    assert list(sessions) == [sessions.open("default"), sessions.open("b")]


def test_a_stored_session_is_named_with_its_notebook_where_that_is_another(monkeypatch):
    monkeypatch.setenv("NBCHAT_NOTEBOOK", "/home/ada/here.ipynb")
    rows = [SessionRow("1", "talk", path, 0.0, 0.0, 1) for path in (None, notebook_path(), "/home/ada/there.ipynb")]
    assert [title(row) for row in rows] == ["talk", "talk", "talk@there"]


def test_an_unknown_session_is_one_sentence():
    sessions = Registry(lambda name: Session(name=name))
    sessions.open("notes")
    for find in (sessions.switch, sessions.existing):
        with pytest.raises(SessionError, match=r"There is no session 'note'\. Did you mean notes\?"):
            find("note")
    assert sessions.existing("default").name == "default"
    assert sessions.names() == ["notes", "default"]


def test_a_session_takes_no_other_s_name():
    """An imported session, or one made by hand, does not replace an existing one."""
    sessions = Registry(lambda name: Session(name=name))
    mine = sessions.open("default")
    other = sessions.add(Session(name="default"))
    third = sessions.add(Session(name="default"), current=False)
    assert (mine.name, other.name, third.name) == ("default", "default-2", "default-3")
    assert sessions.current is other
    assert sessions.open("default") is mine
    assert sessions.add(mine) is mine
    assert mine.name == "default"


def test_a_branch_of_the_current_session_becomes_current():
    sessions = Registry(lambda name: Session(name=name))
    assert [sessions.fork().name, sessions.fork("b").name, sessions.fork().name] == ["default-2", "b", "b-2"]
    assert sessions.current.name == "b-2"
    with pytest.raises(SessionError, match="already"):
        sessions.fork("b")


def test_a_coroutine_has_the_engine_started_before_it_asks(chat):
    process.renew()

    async def warmed():
        await warm_up(chat.endpoint)
        return process.is_running

    assert asyncio.run(warmed())


def test_renew_resets_the_process(server):
    fresh = Process()
    fresh.renew()  # which has nothing to stop yet
    first = fresh.registry(lambda name: Session(name=name))
    fresh.connected = Session(base_url=server.base_url).endpoint
    fresh.capabilities.learn("url", "m", "temperature", "no")
    engine = fresh.engine()
    fresh.renew()
    assert not engine.alive
    assert fresh.connected is None
    assert not fresh.capabilities.refuses("url", "m", "temperature")
    assert fresh.registry(lambda name: Session(name=name)) is not first
    assert process.engine() is not engine


# Memory


def test_turns_share_what_they_hold(server, chat):
    """No turn stores the whole history again: that would be one more message for each of 30 x 30 pairs."""
    server.default = Say("word " * 50)

    def grown():
        for _ in range(30):
            chat.ask("Hi")
        gc.collect()
        return len(gc.get_objects())

    first, second, third = grown(), grown(), grown()
    assert (third - second) - (second - first) < 30 * 30


class Unwritable:
    def __repr__(self):
        raise RuntimeError("no repr")


@pytest.mark.parametrize("wrong", [0, "x", b"x", [], Unwritable()], ids=lambda value: type(value).__name__)
def test_what_is_of_another_type_is_one_sentence_and_sends_nothing(server, chat, wrong):
    chat.ask("Hello")
    uses = [
        *(lambda use=use: use(turn=wrong) for use in (chat.retry, chat.resume)),
        *(lambda use=use: use(wrong) for use in (chat.pin, chat.drop, chat.rate)),
        lambda: chat.choose(wrong, 0),
    ]
    if not isinstance(wrong, str):
        uses += [lambda: chat.ask("Hello", system=wrong), lambda: setattr(chat, "system", wrong)]
        uses += [lambda: Session(system=wrong), lambda: chat.connect(wrong), lambda: chat.undo(wrong)]
    for use in uses:
        with pytest.raises(NbchatError) as caught:
            use()
        assert "\n" not in str(caught.value)
    assert len(server.requests) == 1
    assert len(chat.turns) == 1
