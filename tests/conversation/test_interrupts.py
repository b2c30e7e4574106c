"""An interrupt ends what is asked as one, at whatever moment it strikes, and nothing that was paid for is lost."""

import asyncio
import signal
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest

from nbchat.api import engine as engine_module
from nbchat.conversation import session as session_module
from nbchat.conversation import settings as settings_module
from nbchat.conversation.exchange import ask as ask_module
from nbchat.conversation.exchange import driver as driver_module
from nbchat.conversation.exchange import exchange as exchange_module
from nbchat.conversation.exchange import stream as stream_module
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.session import Session
from nbchat.testing import DONE, Hang, Say, Stream, Until, chunk, tool_call
from nbchat.tuning.sweep import sweep
from nbchat.values.answer.events import Ended, Finished, TextDelta
from nbchat.values.errors import Interrupted, NbchatError, ParameterError
from tests.environment import PATIENCE

ROOM = Path(session_module.__file__).parent
FOLDERS = {ROOM, ROOM / "exchange"}
SENDING = {
    module.__file__
    for module in (session_module, ask_module, exchange_module, driver_module, stream_module, engine_module)
}


class Strike:
    """Interrupts this thread at its `number`th call of a function in this package."""

    def __init__(self, number):
        self.number = number
        self.struck = False
        self.sent = False
        """Whether the request had been sent by then, which may cost something."""
        self.came = False
        """Whether any of an answer had arrived."""
        self._calls = 0

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(self._before)

    def _call(self, frame, _event, _argument):
        inner = frame.f_code.co_name.startswith(
            "<"
        )  # a generator is entered again when it is discarded, where nothing can be raised
        if Path(frame.f_code.co_filename).parent in FOLDERS and not inner:
            self._calls += 1
            if self._calls == self.number:
                sys.settrace(None)
                self._note(frame)
                raise KeyboardInterrupt

    def _note(self, frame):
        self.struck = True
        while frame is not None:
            exchange = frame.f_locals.get("exchange")
            if isinstance(exchange, Exchange):
                drafts = [] if exchange.draft is None else [exchange.draft]
                self.sent |= bool(exchange.replies) or any(draft.sent or draft.ended for draft in drafts)
                replies = [*exchange.replies, *(draft.reply() for draft in drafts)]
                self.came |= any(not reply.empty for reply in replies)
            frame = frame.f_back


def test_an_interrupt_at_any_moment_of_asking_is_raised_and_keeps_the_partial_answer(server):
    """It is never another failure, and never lost; history and ledger have the partial answer exactly once."""
    server.default = Say("A whole answer.")
    kept = []
    for number in range(1, 2000):
        chat = Session(base_url=server.base_url, model="scripted-1")
        with Strike(number) as strike:
            try:
                chat.ask("Hi", display=False)
            except KeyboardInterrupt:
                assert strike.struck
            else:
                assert not strike.struck
                break
        assert len(chat.ledger()) >= strike.sent
        assert len(chat.turns) >= strike.came
        assert len(chat.turns) <= len(chat.ledger()) <= 1
        kept.append(strike.came)
        chat.ask("And now?", display=False)
        assert chat.turns[-1].reply.text == "A whole answer."
    assert kept.count(True) > 5
    assert kept.count(False) > 5


def test_an_interrupt_before_anything_is_sent_is_raised_as_one(server, chat, monkeypatch):
    def strike(_waits):
        raise KeyboardInterrupt

    monkeypatch.setattr(session_module, "drive", strike)
    with pytest.raises(Interrupted, match="Nothing had arrived yet"):
        chat.ask("Hi")
    assert server.requests == []
    assert chat.turns == ()


def test_an_interrupt_behind_the_last_step_keeps_the_whole_answer(server, chat, monkeypatch):
    drive = session_module.drive

    def strike(waits):
        drive(waits)
        raise KeyboardInterrupt

    monkeypatch.setattr(session_module, "drive", strike)
    with pytest.raises(Interrupted, match="The answer was complete and was kept") as caught:
        chat.ask("Hi")
    assert chat.turns[0].reply == caught.value.reply
    assert caught.value.reply.status == "complete"


class Strikes:
    """A presenter that is interrupted while it shows the last of an answer."""

    def __init__(self, when):
        self._when = when
        self._seen = []

    def show(self, events):
        self._seen += events
        if self._when(self._seen):
            raise KeyboardInterrupt

    def restart(self, reason):
        pass

    def call_result(self, call, result):
        pass


def has(kind):
    return lambda events: any(isinstance(event, kind) for event in events)


def said(text):
    return lambda events: "".join(event.text for event in events if isinstance(event, TextDelta)) == text


def struck(chat, when, **options):
    with pytest.raises(Interrupted) as caught:
        drive_with(chat, Strikes(when), **options)
    return caught.value.reply


def drive_with(chat, presenter, **options):
    exchange = chat.exchange("Hi", **options)
    driver_module.drive(exchange.run(presenter))
    if (failure := exchange.failure()) is not None:
        raise failure


def test_an_answer_whose_end_has_come_is_complete_though_its_painting_is_interrupted(server, chat):
    server.default = Say("A whole answer.")
    reply = struck(chat, has(Ended))
    assert (reply.status, reply.text) == ("complete", "A whole answer.")


@pytest.mark.parametrize(
    ("payloads", "when", "status"),
    [
        ([chunk("A "), chunk("whole"), chunk(finish="stop")], has(Finished), "complete"),
        ([chunk("A "), chunk("whole", finish="stop")], has(Finished), "complete"),
        ([chunk("A "), chunk("whole")], said("A whole"), "interrupted"),
        ([chunk("A ", finish="stop"), chunk("whole", finish="stop")], has(Finished), "interrupted"),
        ([chunk("A "), chunk("who", finish="stop"), chunk("le")], said("A whole"), "interrupted"),
        ([chunk("A "), chunk("B", index=1), chunk(finish="stop")], has(Finished), "interrupted"),
    ],
    ids=[
        "a chunk for the finish",
        "a finish with the last text",
        "no finish",
        "two finishes",
        "text behind the finish",
        "another choice open",
    ],
)
def test_an_answer_is_complete_once_its_finish_has_surely_come(server, chat, payloads, when, status):
    """The connection stays open, so that only its finish reason can tell."""
    server.default = Stream([*payloads, Hang()])
    assert struck(chat, when).status == status


def test_an_answer_is_incomplete_until_all_choices_have_ended(server, chat):
    server.default = Stream([chunk("A "), chunk("whole"), chunk(finish="stop"), Hang()])
    assert struck(chat, has(Finished), n=2).status == "interrupted"


def test_calls_that_were_to_run_leave_the_answer_interrupted(server, chat):
    @chat.tool(safe=True)
    def now() -> str:
        return "noon"

    server.default = Say("", tool_calls=[tool_call("now")])
    assert struck(chat, has(Ended)).status == "interrupted"
    assert struck(chat, has(Ended), tools="none").status == "complete"


def test_what_was_asked_in_a_with_is_kept_though_an_interrupt_strikes_meanwhile(server, chat, monkeypatch):
    """The first time that the turn is asked for, while it is entered."""
    turn, struck = Exchange.turn, []

    def strike(exchange):
        if not struck:
            struck.append(exchange)
            raise KeyboardInterrupt
        return turn.fget(exchange)

    monkeypatch.setattr(Exchange, "turn", property(strike))
    with pytest.raises(KeyboardInterrupt), chat.stream("Hi") as events:
        list(events)
    assert len(chat.turns) == len(chat.ledger()) == 1


def test_nothing_runs_when_an_exchange_is_garbage_collected(chat):
    """An interrupt in a weak reference's callback is lost, because Python ignores exceptions there."""
    chat.budget = "1.00"
    exchange = chat.exchange("Hi")
    driver_module.drive(exchange.run(None))
    references = weakref.getweakrefs(exchange)
    assert references
    assert all(reference.__callback__ is None for reference in references)


class Freed:
    """An object in whose destructor an interrupt strikes, and is lost to Python."""

    def __del__(self):
        raise KeyboardInterrupt


def lose_one(_events=None):
    Freed()
    return False


def test_an_interrupt_that_python_loses_stops_the_answer_all_the_same(server, chat):
    server.default = Stream([chunk("Half"), Hang()])
    assert struck(chat, lambda events: has(TextDelta)(events) and lose_one()).text == "Half"
    with pytest.raises(KeyboardInterrupt), chat.stream("Hi") as events:
        any(lose_one() for _ in events)
    with pytest.raises(Interrupted):
        sweep(chat, "Hi", temperature=[0, 1], on_progress=lose_one)
    assert all(request.closed.wait(PATIENCE) for request in server.requests)
    server.default = Say("Later")
    assert chat.ask("Hi").status == "complete"


def test_an_interrupt_that_python_loses_in_the_end_is_raised_with_the_whole_answer(chat):
    assert struck(chat, lambda events: has(Ended)(events) and lose_one()).status == "complete"


def test_an_interrupt_that_python_loses_in_a_tool_s_coroutine_cancels_it(server, chat):
    ended = []

    @chat.tool(safe=True)
    async def wait() -> str:
        lose_one()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    server.default = Say("", tool_calls=[tool_call("wait")])
    with pytest.raises(Interrupted):
        chat.ask("Hi")
    assert ended == [True]


def test_other_exceptions_that_python_ignores_are_shown_as_before(chat, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_type))
    hook = sys.unraisablehook

    class Broken:
        def __del__(self):
            raise ZeroDivisionError

    drive_with(chat, Strikes(lambda _events: Broken() is None))
    assert set(seen) == {ZeroDivisionError}
    assert sys.unraisablehook is hook


def test_stop_ends_everything_that_is_asked_and_nothing_later(server, chat):
    """From another thread; what was over before is not held on to."""
    chat.ask("Done before")
    server.add(Stream([chunk("Half"), Hang()]))
    raised = []

    def ask():
        try:
            chat.ask("Long")
        except Interrupted as stopped:
            raised.append(stopped)

    thread = threading.Thread(target=ask)
    thread.start()
    server.wait_for_request()
    server.wait_for_request()
    chat.stop()
    thread.join(PATIENCE)
    assert len(raised) == 1
    assert server.requests[-1].closed.wait(PATIENCE)
    assert chat.ask("Later").status == "complete"


def test_the_turn_to_answer_again_is_not_a_public_option(server, chat):
    chat.ask("Hi")
    for name in ("replaces", "resumes"):
        with pytest.raises(ParameterError, match=f"There is no option {name}"):
            chat.ask("Again", **{name: chat.turns[0]})
    chat.retry()
    assert len(chat.turns) == 1
    with pytest.raises(NbchatError):
        chat.retry(replaces=chat.turns[0])


def test_a_request_is_consistent_while_another_thread_changes_the_session(server, chat, monkeypatch):
    """System text and server are from the same moment, although both change meanwhile."""
    end = threading.Event()
    server.default = Stream([Until(end), chunk("x", finish="stop"), DONE])
    message_of = settings_module.user_message

    def move(message):
        thread = threading.Thread(target=lambda: (chat.connect("https://elsewhere.example.com/v1"), set_system()))
        thread.start()
        thread.join(PATIENCE)
        return message_of(message)

    def set_system():
        chat.system = "Later."

    chat.system = "Now."
    monkeypatch.setattr(settings_module, "user_message", move)
    end.set()
    chat.ask("Hi")
    assert server.requests[0].json["messages"][0]["content"] == "Now."
    assert (chat.base_url, chat.system) == ("https://elsewhere.example.com/v1", "Later.")


class StrikeAtLine:
    """Interrupts this thread before the line of that number among those that send a request and wait for its answer."""

    def __init__(self, number):
        self.left = number
        self.struck = False

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(self._before)

    def _call(self, frame, _event, _argument):
        ours = frame.f_code.co_filename in SENDING and not frame.f_code.co_name.startswith("<")
        return self._line if ours else None

    def _line(self, _frame, event, _argument):
        if event == "line":
            self.left -= 1
            if self.left == 0:
                self.struck = True
                sys.settrace(None)
                raise KeyboardInterrupt
        return self._line


def ask(chat):
    chat.ask("Hi", display=False)


def stream(chat):
    with chat.stream("Hi") as events:
        list(events)


def asynchronously(chat):
    asyncio.run(chat.aask("Hi"))


@pytest.mark.parametrize("way", [ask, stream, asynchronously])
def test_an_interrupt_between_any_two_lines_closes_the_request(server, way):
    """The answer never ends, so only the server can tell that its reader has gone. Then 40 more lines."""
    server.default = Stream([chunk("Half"), Until(threading.Event())])
    struck = kept = 0
    while kept < 40:
        struck += 1
        chat = Session(base_url=server.base_url, model="scripted-1")
        with pytest.raises(KeyboardInterrupt), StrikeAtLine(struck) as strike:
            way(chat)
        assert strike.struck
        assert len(chat.turns) <= len(chat.ledger()) <= 1
        kept += len(chat.turns)
    assert all(request.closed.wait(PATIENCE) for request in server.requests)
    assert len(server.requests) >= kept
    assert struck > 150


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_real_interrupt_in_the_first_moments_closes_the_request(server, monkeypatch):
    """Whatever Python is doing then. The timer repeats, because an interrupt in a destructor is lost."""
    chat = Session(base_url=server.base_url, model="scripted-1")
    chat.ask("Hi", display=False)
    began = time.perf_counter()
    chat.ask("Hi", display=False)
    moment = 2 * (time.perf_counter() - began) / 300
    server.default = Stream([Until(threading.Event())])

    def strike(_signal, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, strike)
    try:
        for number in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0001 + moment * number, 5)
                chat.ask("Hi", display=False)
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(server.requests) > 30
    assert all(request.closed.wait(PATIENCE) for request in server.requests[2:])
