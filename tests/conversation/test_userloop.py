"""A user's own coroutine runs to its end from plain code: on a loop of its own, or on the one that runs already."""

import asyncio
import signal
import subprocess
import sys

import pytest

from nbchat.conversation.exchange.userloop import awaited, run_on_users_loop
from tests.environment import ROOT


async def loop_of(value):
    await asyncio.sleep(0)
    return asyncio.get_running_loop(), value


def test_without_a_loop_one_is_made_and_closed():
    loop, value = run_on_users_loop(loop_of(3))
    assert value == 3
    assert loop.is_closed()


def test_anything_that_can_be_awaited_will_do():
    class Later:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return 4

    assert run_on_users_loop(Later()) == 4


def test_an_exception_comes_out_as_it_is():
    async def fail():
        await asyncio.sleep(0)
        raise KeyError("x")

    with pytest.raises(KeyError):
        run_on_users_loop(fail())


def test_cancelling_what_waits_cancels_the_work_and_waits_for_its_end():
    ended = []

    async def work():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    async def whole():
        task = asyncio.ensure_future(awaited(work()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(whole())
    assert ended == [True]


NESTED = """
import asyncio, os, signal
from nbchat.conversation.exchange.userloop import run_on_users_loop

async def work(kind):
    loop = asyncio.get_running_loop()
    if kind == "stop":
        loop.call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(3600)
        finally:
            print("ended", flush=True)
    return loop

async def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(run_on_users_loop(work("go")) is asyncio.get_running_loop())
    try:
        run_on_users_loop(work("stop"))
    except KeyboardInterrupt:
        print("interrupted")
    await asyncio.sleep(0)
    print(len(asyncio.all_tasks()))

asyncio.run(main())
"""


def test_on_a_loop_that_runs_already_it_runs_there_and_an_interrupt_ends_it():
    """In a process of its own, since the loop stays re-entrant once it was made so."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NESTED], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.split("\n")[:4] == ["True", "ended", "interrupted", "1"], done.stderr
    assert done.returncode in (0, -signal.SIGINT)


RE_ENTRANT = """
import asyncio, nest_asyncio2
from nbchat.conversation.exchange.userloop import run_on_users_loop
from nbchat.testing import ScriptedServer

async def loop():
    return asyncio.get_running_loop()

mine = asyncio.new_event_loop()
nest_asyncio2.apply(mine)
mine.close()
print(run_on_users_loop(loop()).is_closed())
with ScriptedServer():
    pass
"""


def test_in_a_process_whose_asyncio_was_made_re_entrant_no_loop_is_left_open():
    """As notebooks often do, Colab's above all: `asyncio.run` is then another one, which leaves its loop behind."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RE_ENTRANT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
