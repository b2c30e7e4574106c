"""A greedy coroutine waits where it must, gives way nowhere else, and passes results, errors and cancels through."""

import asyncio

import pytest

from nbchat.api.sending import MOST_SKIPPED, Greedy


async def courteous(name, done, courtesies=3):
    """Work that yields after each of its steps."""
    for _ in range(courtesies):
        done.append(name)
        await asyncio.sleep(0)
    return name


def test_tasks_in_lockstep_spread_out():
    async def play(wrap):
        done = []
        names = await asyncio.gather(*(wrap(courteous(name, done)) for name in "ab"))
        return "".join(done), names

    async def plain(work):
        return await work

    async def greedy(work):
        return await Greedy(work)

    assert asyncio.run(play(plain)) == ("ababab", ["a", "b"])
    assert asyncio.run(play(greedy)) == ("aaabbb", ["a", "b"])


def test_it_waits_for_unfinished_work():
    async def play():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_later(0.01, future.set_result, "here")

        async def work():
            await asyncio.sleep(0)
            return await future

        return await Greedy(work())

    assert asyncio.run(play()) == "here"


def test_a_loop_that_spins_until_another_task_acts_terminates():
    async def play():
        acted = []

        async def spin():
            turns = 0
            while not acted:
                await asyncio.sleep(0)
                turns += 1
            return turns

        spinning = asyncio.ensure_future(Greedy(spin()))
        asyncio.get_running_loop().call_soon(acted.append, True)
        return await spinning

    assert 0 < asyncio.run(play()) <= 2 * (MOST_SKIPPED + 1)


def test_the_work_cleans_up_after_a_cancel():
    async def play():
        steps = []

        async def work():
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.001)  # closing may have to wait
                steps.append("closed")

        task = asyncio.ensure_future(Greedy(work()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return steps

    assert asyncio.run(play()) == ["closed"]


def test_the_work_may_handle_an_error_and_continue():
    async def play():
        future = asyncio.get_running_loop().create_future()
        future.set_exception(ValueError("no"))

        async def work():
            try:
                await future
            except ValueError as error:
                await asyncio.sleep(0)
                return f"caught {error}"

        async def fails():
            await asyncio.sleep(0)
            raise KeyError("what")

        with pytest.raises(KeyError, match="what"):
            await Greedy(fails())
        return await Greedy(work())

    assert asyncio.run(play()) == "caught no"
