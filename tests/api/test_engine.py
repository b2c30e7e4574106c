"""The one engine: safe from any thread, gone with its process, started anew when it was stopped."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbchat.api import engine
from nbchat.api.engine import Engine
from nbchat.conversation.process import Process, process
from nbchat.conversation.session import Session
from nbchat.testing import Flood, Hang, Say, Silent, Stream, chunk
from nbchat.values.answer.events import Failed, TextDelta
from nbchat.values.errors import ConfigError
from tests.api.asking import LONG, Asked, call_to
from tests.environment import ROOT
from tests.store.turns import wait_for_text


def test_there_is_one_engine_however_many_threads_ask():
    with ThreadPoolExecutor(16) as pool:
        assert len({id(found) for found in pool.map(lambda _: process.engine(), range(64))}) == 1
    assert threading.main_thread() is threading.current_thread()
    assert len([thread for thread in threading.enumerate() if thread.name == "nbchat-engine"]) == 1


def test_a_stopped_engine_has_closed_everything_and_a_new_one_takes_its_place(server):
    server.add(Stream([chunk("x"), Hang()]), Say("fine"))
    first = process.engine()
    channel = first.open(call_to(server.base_url))
    request = server.wait_for_request(LONG)
    first.stop()
    first.stop()
    assert request.closed.wait(LONG)
    *_, last = itertools.chain.from_iterable(iter(channel.take, None))
    assert "the answer was complete" in str(last.error)
    assert channel.take() is None
    channel.close()
    assert not first.alive
    assert process.engine() is not first
    assert Asked(server.base_url).reply.text == "fine"


def test_a_channel_may_be_closed_before_anything_happened_and_twice(server):
    for _ in range(20):
        channel = process.engine().open(call_to(server.base_url))
        channel.close()
        channel.close()
        list(iter(channel.take, None))
        assert channel.take() is None


def test_a_channel_that_is_closed_before_its_start_sends_nothing(server, own):
    channel = own.channel()
    channel.close()
    assert channel.take() is None
    own.start(call_to(server.base_url), channel)
    own.run(asyncio.sleep(0))
    assert server.requests == []


def test_closing_waits_for_the_connection_and_is_no_failure(server, own, monkeypatch):
    monkeypatch.setattr(engine, "CLOSE_SECONDS", LONG)
    server.add(Stream([chunk("x"), Hang()]))
    channel = own.open(call_to(server.base_url))
    server.wait_for_request(LONG)
    channel.close()
    assert channel.over
    assert channel._closed.is_set()
    assert not [event for event in channel.rest() if isinstance(event, Failed)]


def test_nothing_is_put_where_nothing_came(own):
    channel, told = own.channel(), []
    channel.on_put = lambda: told.append(channel.rest())
    channel.put([])
    channel.put([TextDelta("a")])
    channel.finish()
    channel.finish()
    assert told == [[TextDelta("a")], []]


def test_at_the_end_of_the_process_readers_are_not_notified(server, own):
    server.add(Silent())
    channel = own.open(call_to(server.base_url))
    server.wait_for_request(LONG)
    own.end()
    assert (own.alive, channel.over) == (False, True)
    assert not [event for event in channel.rest() if isinstance(event, Failed)]


def test_a_stopped_engine_leaves_neither_thread_nor_loop(monkeypatch):
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    own = Engine()
    assert own.alive
    assert not own._loop.get_debug()  # its warnings of slow steps are for the user's loops
    own.stop()
    assert own._loop.is_closed()
    assert not own._thread.is_alive()


def test_an_engine_that_is_stopping_takes_no_calls(own):
    seen = []

    async def watch():
        try:
            await asyncio.sleep(LONG)
        finally:
            seen.append(own.alive)

    own.submit(watch())
    own.run(asyncio.sleep(0))
    own.stop()
    assert seen == [False]


def test_where_no_thread_can_start_it_is_one_sentence(monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ConfigError):
        Engine()
    monkeypatch.undo()


def test_channels_may_be_closed_from_another_thread(server):
    server.default = lambda request: Silent()
    channels = [process.engine().open(call_to(server.base_url)) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda channel: channel.close(), channels))
    for channel in channels:
        list(iter(channel.take, None))
        assert channel.take() is None


def test_a_reader_that_can_not_block_is_notified_of_events(server):
    came = threading.Event()
    channel = process.engine().open(call_to(server.base_url))
    channel.on_put = came.set
    assert channel.take(None) is not None or came.wait(LONG)
    while (batch := channel.take(None)) is not None:
        if not batch:
            came.wait(LONG)
            came.clear()


def test_an_internal_error_is_reported_as_one(server, monkeypatch):
    monkeypatch.setattr("nbchat.api.attempt.encoded", lambda body: 1 / 0)
    own = Engine()
    events = [event for batch in iter(own.open(call_to(server.base_url)).take, None) for event in batch]
    own.stop()
    [failed] = [event for event in events if isinstance(event, Failed)]
    assert str(failed.error) == "nbchat itself failed, with ZeroDivisionError: division by zero. Please report it."


def test_a_function_runs_in_the_engine_s_thread(own):
    came = []
    done = threading.Event()
    own.call(lambda: (came.append(threading.current_thread().name), done.set()))
    assert done.wait(LONG)
    assert came == [engine.ENGINE_THREAD]


def test_running_a_coroutine_gives_its_result_or_its_exception():
    async def fail():
        raise TimeoutError("its own")

    assert process.engine().run(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(TimeoutError, match="its own"):
        process.engine().run(fail())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_asks_with_an_engine_of_its_own_and_leaves_the_parent_s_alone(server):
    assert Asked(server.base_url).reply.text
    parent = process.engine()
    code = f"""
import os, sys, warnings
from nbchat.conversation.session import Session
chat = Session(base_url={server.base_url!r}, model="scripted-1")
assert chat.ask("before").text
from nbchat.conversation.process import Process, process
before = process.engine()
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    child = os.fork()
if child == 0:
    assert process.engine() is not before
    assert chat.ask("in the child").text
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert process.engine() is before
assert chat.ask("after").text
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert process.engine() is parent
    said = [request.json["messages"][-1]["content"] for request in server.requests[1:]]
    assert said == ["before", "in the child", "after"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_fork_while_the_engine_starts_does_not_lock_the_child():
    forked = Process()
    forked._starting.acquire()
    forked.after_fork()
    started = forked.engine()
    started.stop()


@pytest.mark.parametrize(
    "answer", [Flood(10**7), Stream([chunk("x"), Hang()]), Silent()], ids=["fast", "slow", "silent"]
)
def test_an_interrupt_stops_an_ask_closes_the_connection_and_keeps_the_partial_answer(server, answer):
    """PROTOCOL 4.4"""
    server.add(answer, Say("fine"))
    code = f"""
from nbchat.conversation.session import Session
from nbchat.values.errors import Interrupted
chat = Session(base_url={server.base_url!r}, model="scripted-1")
try:
    chat.ask("Hello")
except Interrupted as stop:
    kept = [turn.reply.text == stop.reply.text for turn in chat.turns]
    print("stopped", kept, chat.ask("again").text)
"""
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    request = server.wait_for_request(LONG)
    if not isinstance(answer, Silent):
        wait_for_text(Path(os.environ["NBCHAT_STORE"]), "x")
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=LONG)
    assert request.closed.wait(LONG)
    assert out == ("stopped [] fine\n" if isinstance(answer, Silent) else "stopped [True] fine\n")


def test_an_ask_ends_with_its_process_and_leaves_no_warning(server):
    code = f"""
from nbchat.conversation.session import Session
print(Session(base_url={server.base_url!r}, model="scripted-1").ask("Hello").text)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("Hello from the scripted server.\n", "")


def test_a_coroutine_that_is_cancelled_closes_its_connection(server):
    """PROTOCOL 4.4"""
    server.add(Stream([chunk("some"), Hang()]))
    chat = Session(base_url=server.base_url, model="m")

    async def main():
        task = asyncio.create_task(chat.aask("Hello"))
        await asyncio.to_thread(server.wait_for_request, LONG)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert server.requests[0].closed.wait(LONG)
