"""Tools in a real kernel: on its own loop, in its main thread, asking on its prompt, stopped by its interrupt."""

import pytest

from nbchat.testing import Say, tool_call

SETUP = """
import asyncio, threading, time
from nbchat.frontend import Session
chat = Session(base_url={base_url!r}, model="scripted-1")
"""


@pytest.fixture
def run(kernel, server):
    kernel.run(SETUP.format(base_url=server.base_url))
    return kernel.run


def results(server):
    return [message["content"] for message in server.requests[-1].json["messages"] if message["role"] == "tool"]


def calling(name, **arguments):
    return Say("", tool_calls=[tool_call(name, arguments)])


ASYNC_TOOL = """
task_of_the_notebook = asyncio.get_running_loop()

@chat.tool(safe=True)
async def slow(seconds: float) -> list:
    try:
        print("began")
        await asyncio.sleep(seconds)
    finally:
        print("ended")
    return [asyncio.get_running_loop() is task_of_the_notebook, threading.current_thread() is threading.main_thread()]
"""


@pytest.mark.parametrize("ask", ["chat.ask('Go', display=False)", "await chat.aask('Go', display=False)"])
def test_an_async_tool_runs_on_the_notebooks_own_loop(run, server, ask):
    """Also twice in a cell, and the kernel goes on working."""
    server.add(calling("slow", seconds=0.01), Say("Done."), calling("slow", seconds=0.01), Say("Done."))
    result = run(f"{ASYNC_TOOL}\n{ask}\nprint(({ask}).text)")
    assert result.error is None
    assert result.stdout == "began\nended\nbegan\nended\nDone.\n"
    assert results(server) == ["[true, true]"] * 2
    assert run("await asyncio.sleep(0)\nprint(1)").stdout == "1\n"


@pytest.mark.parametrize("ask", ["chat.ask('Go', display=False)", "await chat.aask('Go', display=False)"])
def test_an_interrupt_stops_an_async_tool_at_once(kernel, run, server, ask):
    """The coroutine is cancelled and ends; the history is valid; the next cell runs."""
    server.add(calling("slow", seconds=3600), Say("Next."))
    running = kernel.start(f"{ASYNC_TOOL}\n{ask}")
    running.until(lambda run: run.page.outputs)
    kernel.interrupt()
    result = running.wait()
    assert result.status == "error"
    assert result.stdout == "began\nended\n"
    assert (
        run("print(chat.ask('And now?', display=False).text, len(asyncio.all_tasks()) < 10)").stdout == "Next. True\n"
    )
    roles = [message["role"] for message in server.requests[-1].json["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


def test_an_interrupt_stops_a_sync_tool_at_once(kernel, run, server):
    server.add(calling("sleep"), Say("Next."))
    running = kernel.start(
        "@chat.tool(safe=True)\ndef sleep() -> None:\n    print('began')\n    time.sleep(3600)\n"
        "chat.ask('Go', display=False)"
    )
    running.until(lambda run: run.page.outputs)
    kernel.interrupt()
    result = running.wait()
    assert result.error.name == "Interrupted"
    assert run("print(chat.ask('And now?', display=False).text)").stdout == "Next.\n"


TOOL = "@chat.tool\ndef drop(table: str) -> str:\n    print('dropping')\n    return table\n"


@pytest.mark.parametrize(("answer", "told"), [("y", "users"), ("", "Not run: the user did not allow it.")])
def test_a_call_asks_on_the_kernels_prompt(run, server, answer, told):
    server.add(calling("drop", table="users"), Say("Done."))
    result = run(TOOL + "print(chat.ask('Go', display=False).text)", answers=[answer])
    assert result.stdout == ("dropping\n" if answer else "") + "Done.\n"
    assert results(server) == [told]


def test_a_notebook_that_runs_as_a_batch_refuses_and_says_so(kernel, run, server):
    """A front-end without input, as `jupyter execute` is: refused, and one notice."""
    server.add(calling("drop", table="users"), Say("Done."))
    run(TOOL)
    kernel.client.execute("reply = chat.ask('Go', display=False)", allow_stdin=False)
    notices = run("print(reply.notices)").stdout
    assert results(server) == ["Not run: it needs approval, and nobody can be asked here."]
    assert notices.count("drop was not run") == 1


class Asked(Exception):
    """The kernel shows its input prompt."""


class NoAnswer:
    """In place of a user's answers: the prompt stays open."""

    def pop(self, _index):
        raise Asked


def test_an_interrupt_at_the_prompt_stops_the_exchange(kernel, run, server):
    server.add(calling("drop", table="users"), Say("Next."))
    running = kernel.start(TOOL + "chat.ask('Go', display=False)")
    running._answers = NoAnswer()
    with pytest.raises(Asked):
        running.wait()
    kernel.interrupt()
    result = running.wait()
    assert (result.error.name, result.stdout) == ("Interrupted", "")
    assert run("print(chat.ask('And now?', display=False).text)").stdout == "Next.\n"
