"""A model calls Python functions: they run here, ask first, and the conversation stays one that any server takes."""

import asyncio
import functools
import itertools
import json
import threading

import pytest

from nbchat.conversation.session import Session
from nbchat.conversation.tools.standard import look_at, run_python
from nbchat.testing import Cut, Say, Status, Stream, chunk, tool_call
from nbchat.values.errors import Interrupted, NbchatError, ToolError
from nbchat.values.messages import Message


class Watcher:
    """A presenter that records its calls."""

    def __init__(self):
        self.calls = []
        self.restarts = []
        self.concluded = None

    def show(self, events):
        pass

    def call_result(self, call, result):
        self.calls.append((call.name, call.arguments, result.text))

    def restart(self, reason):
        self.restarts.append(reason)

    def conclude(self, reply, error):
        self.concluded = (reply, error)


@pytest.fixture
def asked(chat):
    """The calls that the user was asked about; every one is allowed."""
    asked = []
    chat.approve = lambda call: asked.append(call.name) or True
    return asked


def calls(*pairs):
    """An answer that calls tools: (name, arguments) each, or ready calls."""
    made = [
        pair if isinstance(pair, dict) else tool_call(pair[0], pair[1], id=f"call_{number}", index=number)
        for number, pair in enumerate(pairs)
    ]
    return Say("", tool_calls=made)


def results(request):
    """The tool results that a request carries, in order."""
    return [message["content"] for message in request.json["messages"] if message["role"] == "tool"]


def test_a_number_given_as_text_is_an_error_that_the_model_mends(server, chat):
    @chat.tool(safe=True)
    def add(a: int, b: int) -> int:
        return a + b

    server.add(calls(("add", {"a": "1", "b": 2})), calls(("add", {"a": 1, "b": 2})), Say("Three."))
    assert chat.ask("How many?").text == "Three."
    misfit, result = results(server.requests[2])
    assert misfit == (
        'Not run, its arguments do not fit: a: expected a whole number, got "1". Call it again with arguments that fit its'
        " schema."
    )
    assert result == "3"


def test_calls_are_run_in_order_and_their_results_sent_back(server, chat, asked):
    """Several calls of one answer each get their result; the model's second answer is the reply."""

    @chat.tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @chat.tool
    def rows() -> list:
        return [{"n": 1}, {"n": 2}]

    server.add(calls(("add", {"a": 1, "b": 2}), ("rows", "")), Say("Three, and two rows.", usage=(5, 5)))
    watcher = Watcher()
    reply = chat.ask("How many?", display=watcher)
    assert reply.text == "Three, and two rows."
    assert reply.tool_calls == ()
    assert results(server.requests[1]) == ["3", '[{"n": 1}, {"n": 2}]']
    assert asked == ["add", "rows"]
    assert watcher.calls == [("add", '{"a": 1, "b": 2}', "3"), ("rows", "", '[{"n": 1}, {"n": 2}]')]
    assert watcher.concluded == (reply, None)
    assert chat.turns[0].reply is reply
    roles = [message["role"] for message in chat.messages]
    assert roles == ["user", "assistant", "tool", "tool", "assistant"]
    assert (reply.usage.total_tokens, chat.usage.total_tokens) == (28, 28)


def test_a_call_that_the_user_does_not_allow_is_not_run(server, chat):
    chat.approve = lambda call: False
    ran = []

    @chat.tool
    def drop() -> None:
        ran.append(1)

    server.add(calls(("drop", {})), Say("As you wish."))
    assert chat.ask("Drop it").text == "As you wish."
    assert ran == []
    assert results(server.requests[1]) == ["Not run: the user did not allow it."]


def test_where_nobody_can_be_asked_nothing_runs_and_the_user_is_told(server, chat):
    """Standard input of a test run is no terminal: that is as in a script or a batch job."""
    ran = []

    @chat.tool
    def drop() -> None:
        ran.append(1)

    server.add(calls(("drop", {})), Say("Then not."))
    reply = chat.ask("Drop it")
    assert (ran, reply.text) == ([], "Then not.")
    assert "nobody" in results(server.requests[1])[0]
    assert any(note.startswith("drop was not run") for note in reply.notices)


def test_a_tool_is_safe_elsewhere_only_if_it_was_declared_so(server, chat):
    """What a function was declared in one session holds in another, and nothing else does."""

    def drop() -> None:
        """Drop it."""

    def look() -> None:
        """Look."""

    chat.tool(drop)
    chat.tool(look, safe=True)
    asked = []
    other = Session(base_url=server.base_url, model="m", approve=lambda call: not asked.append(call.name))
    server.add(calls(("drop", {}), ("look", {})), Say("Done."))
    other.ask("Go", tools=[drop, look])
    assert asked == ["drop"]


def test_a_safe_tool_runs_unasked(server, chat):
    chat.tool(lambda_free, safe=True)
    server.add(calls(("lambda_free", {"text": "abc"})), Say("Done."))
    chat.ask("Go")
    assert results(server.requests[1]) == ["ABC"]


def lambda_free(text: str) -> str:
    """Shout."""
    return text.upper()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"text": 3}', "text: expected text, got 3"),
        ('{"txt": "a"}', "txt: there is no such parameter; expected text"),
        ("{}", "text: this parameter is missing"),
        ('{"text": "a"', "not valid JSON"),
        ("[1]", "expected an object, got a list of 1"),
        ('{"text": "' + "[" * 50_000, "not valid JSON"),
        ("[" * 50_000, "not valid JSON"),
    ],
)
def test_arguments_that_do_not_fit_are_told_to_the_model(server, chat, asked, arguments, told):
    """It can try again; the user is not asked, and the history that is sent has valid JSON."""
    chat.tool(lambda_free)
    server.add(calls(("lambda_free", arguments)), calls(("lambda_free", {"text": "a"})), Say("Done."))
    assert chat.ask("Go").text == "Done."
    assert told in results(server.requests[1])[0]
    assert results(server.requests[2])[1] == "A"
    assert asked == ["lambda_free"]
    for message in server.requests[2].json["messages"]:
        for call in message.get("tool_calls", ()):
            assert isinstance(json.loads(call["function"]["arguments"]), dict)


def test_an_exception_is_told_to_the_model(server, chat, asked):
    @chat.tool
    def fail(kind: str) -> None:
        if kind == "exit":
            raise SystemExit(3)
        raise ValueError("no such table: \ud83d")

    server.add(calls(("fail", {"kind": "x"}), ("fail", {"kind": "exit"})), Say("Sorry."))
    assert chat.ask("Go").text == "Sorry."
    assert results(server.requests[1]) == ["Error: ValueError: no such table: ?", "Error: SystemExit: 3"]


def test_a_tool_that_does_not_exist_is_told_to_the_model(server, chat, asked):
    chat.tool(lambda_free)
    server.add(calls(("lamda free!", {"text": "a"})), Say("Sorry."))
    chat.ask("Go")
    told = results(server.requests[1])[0]
    assert "there is no tool 'lamda free!'" in told
    assert "lambda_free" in told
    back = server.requests[1].json["messages"][1]["tool_calls"][0]["function"]["name"]
    assert back == "lamda_free_"


def test_async_tools_are_awaited(server, chat, asked):
    """In a script, on a loop made for it; in a coroutine, on the loop that runs."""

    @chat.tool
    async def slow(n: int) -> int:
        await asyncio.sleep(0)
        return n + 1

    @chat.tool
    async def bad() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    server.add(calls(("slow", {"n": 1}), ("bad", {})), Say("One."), calls(("slow", {"n": 2})), Say("Two."))
    assert chat.ask("Go").text == "One."
    assert results(server.requests[1]) == ["2", "Error: KeyError: 'x'"]
    assert asyncio.run(chat.aask("Go")).text == "Two."
    assert results(server.requests[3])[-1] == "3"


def test_async_tools_are_awaited_in_a_stream_too(server, chat, asked):
    @chat.tool
    async def bad() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    server.add(calls(("bad", {})), Say("Well."), calls(("bad", {})), Say("Well, well."))
    with chat.stream("Go") as events:
        for _ in events:
            pass
    assert events.reply.text == "Well."

    async def streamed():
        async with chat.astream("Go") as events:
            async for _ in events:
                pass
        return events.reply

    assert asyncio.run(streamed()).text == "Well, well."


def test_tools_run_in_the_thread_that_asks(server, chat, asked):
    ran_in = []

    @chat.tool
    def where() -> None:
        ran_in.append(threading.current_thread())

    server.add(calls(("where", {})), Say("There."))
    chat.ask("Go")
    assert ran_in == [threading.current_thread()]


def test_an_interrupt_in_a_tool_ends_the_exchange_and_leaves_a_valid_history(server, chat, asked):
    """Every call has its result, and servers accept the next request."""

    @chat.tool
    def stop(n: int) -> int:
        if n:
            raise KeyboardInterrupt
        return n

    server.add(Say("Let me see.", tool_calls=[tool_call("stop", {"n": n}, id=f"c{n}", index=n) for n in range(3)]))
    with pytest.raises(Interrupted) as stopped:
        chat.ask("Go")
    assert stopped.value.reply.status == "interrupted"
    assert stopped.value.reply.tool_calls == ()
    server.add(Say("Next."))
    chat.ask("And now?")
    messages = server.requests[-1].json["messages"]
    assert_valid(messages)
    assert [m["content"] for m in messages if m["role"] == "tool"] == [
        "0",
        "Not run: the user stopped it.",
        "Not run: the user stopped it.",
    ]
    assert [m["content"] for m in messages].count("Let me see.") == 1


def test_a_model_that_never_stops_calling_is_stopped(server, chat):
    chat.tool(lambda_free, safe=True)
    server.default = calls(("lambda_free", {"text": "a"}))
    with pytest.raises(NbchatError, match="called tools 10 times"):
        chat.ask("Go")
    assert len(server.requests) == 10
    assert chat.turns[0].reply.status == "failed"
    assert_valid(chat.messages)


def test_tools_given_as_json_are_offered_and_their_calls_left_to_the_user(server, chat, asked):
    """Also beside functions: a round is run only if all of it can be."""
    schema = {"type": "function", "function": {"name": "theirs", "parameters": {"type": "object", "properties": {}}}}
    server.add(calls(("other", {})), calls(("theirs", {})), calls(("theirs", {}), ("lambda_free", {"text": "a"})))
    assert [call.name for call in chat.ask("Go", tools=[schema]).tool_calls] == ["other"]
    reply = chat.ask("Go", tools=[schema])
    assert server.requests[0].json["tools"] == [schema]
    assert [call.name for call in reply.tool_calls] == ["theirs"]
    reply = chat.ask("Go", tools=[schema, lambda_free])
    assert [call.name for call in reply.tool_calls] == ["theirs", "lambda_free"]
    assert asked == []
    assert_valid(chat.messages)


def test_tools_of_one_request_take_the_place_of_the_sessions(server, chat, asked):
    """None of the session's own are offered then; `"none"` offers none; a name means one of the session's."""

    @chat.tool(safe=True)
    def own() -> int:
        return 1

    server.add(Say(), Say(), Say(), Say())
    chat.ask("1")
    chat.ask("2", tools=[lambda_free])
    chat.ask("3", tools="none")
    chat.ask("4", tools=["own"])
    offered = [[tool["function"]["name"] for tool in request.json.get("tools", [])] for request in server.requests]
    assert offered == [["own"], ["lambda_free"], [], ["own"]]
    with pytest.raises(ToolError, match=r"no tool 'owm' in this session\. Did you mean own\?"):
        chat.ask("5", tools=["owm"])
    assert len(server.requests) == 4
    server.add(calls(("own", {})), Say("Still safe."))
    chat.ask("6", tools=[own])
    assert asked == []


def test_what_is_added_while_a_request_runs_does_not_reach_it(server, chat, asked):
    @chat.tool(safe=True)
    def first() -> str:
        chat.tool(lambda_free)
        return "ok"

    server.add(calls(("first", {})), Say("Done."))
    chat.ask("Go")
    assert [len(request.json["tools"]) for request in server.requests] == [1, 1]


def test_a_tool_that_must_be_called_is_called_once(server, chat):
    """`tool_choice` that forces a call would force it again after each result."""
    chat.tool(lambda_free, safe=True)
    server.add(calls(("lambda_free", {"text": "a"})), Say("Done."))
    chat.ask("Go", tool_choice="required")
    assert [request.json.get("tool_choice") for request in server.requests] == ["required", None]


def test_a_result_too_long_says_that_it_is_cut(server, chat):
    @chat.tool(safe=True)
    def flood() -> str:
        return "x" * 100_000

    server.add(calls(("flood", {})), Say("Enough."))
    chat.ask("Go")
    [result] = results(server.requests[1])
    assert len(result) < 41_000
    assert "[cut: the first 40,000 of 100,000 characters are shown]" in result


def test_a_result_is_described_as_in_a_message(server, chat):
    class Thing:
        def __nbchat__(self):
            return "a thing of mine"

    @chat.tool(safe=True)
    def thing() -> object:
        return Thing()

    server.add(calls(("thing", {})), Say("I see."))
    chat.ask("Go")
    assert results(server.requests[1]) == ["a thing of mine"]


def test_a_result_that_must_not_leave_is_withheld(server, chat, monkeypatch):
    """The model is told so, the user too, and the conversation can go on."""

    monkeypatch.setenv("MY_TOKEN", "tok-8f7e6d5c4b3a2910")

    @chat.tool(safe=True)
    def leak() -> str:
        return "the secret tok-8f7e6d5c4b3a2910"

    server.add(calls(("leak", {})), Say("I can't see it."), Say("Fine."))
    reply = chat.ask("Go")
    assert results(server.requests[1]) == ["Withheld: it holds something that must not leave the user's machine."]
    assert any("MY_TOKEN" in note for note in reply.notices)
    assert chat.ask("Next").text == "Fine."


@pytest.mark.parametrize("ending", [Status(400, {"error": "no"}), Stream([chunk("Par"), chunk("t"), Cut()])])
def test_a_failure_after_a_tool_leaves_a_valid_history(server, chat, ending):
    chat.tool(lambda_free, safe=True)
    server.add(calls(("lambda_free", {"text": "a"})), ending)
    with pytest.raises(NbchatError) as failed:
        chat.ask("Go")
    assert failed.value.reply.status in ("failed", "cut_off")
    assert_valid(chat.messages)
    server.add(Say("Next."))
    chat.ask("Again")
    assert_valid(server.requests[-1].json["messages"])


def test_repeated_call_ids_are_made_unique(server, chat):
    chat.tool(lambda_free, safe=True)
    same = [tool_call("lambda_free", {"text": text}, id="", index=number) for number, text in enumerate("ab")]
    again = [tool_call("lambda_free", {"text": text}, id="x", index=number) for number, text in enumerate("cd")]
    server.add(Say("", tool_calls=same), Say("", tool_calls=again), Say("Done."))
    chat.ask("Go")
    assert_valid(server.requests[-1].json["messages"])
    assert results(server.requests[-1]) == ["A", "B", "C", "D"]


def test_run_python_runs_in_the_namespace_and_asks(server, chat, asked):
    namespace = {"x": 20}
    chat.tool(run_python(namespace))
    code = "print('on')\ny = x + 1\nprint('ö') or {'ä': y * 2}"
    server.add(calls(("run_python", {"code": code}), ("run_python", {"code": "1 / 0"})), Say("42."))
    chat.ask("Go")
    printed, failed = results(server.requests[1])
    assert printed == 'on\nö\n{"ä": 42}'
    assert failed.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "nbchat" not in failed
    assert namespace["y"] == 21
    assert asked == ["run_python", "run_python"]


def test_run_python_runs_unasked_only_if_told_so(server, chat):
    chat.tool(run_python({}), safe=True)
    server.add(calls(("run_python", {"code": "2 + 2"})), Say("4."))
    chat.ask("Go")
    assert results(server.requests[1]) == ["4"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import asyncio\nawait asyncio.sleep(0, 7)", "7"),
        ("x = await __import__('asyncio').sleep(0, 8)", "(it ran; nothing was printed or returned)"),
        ("", "(it ran; nothing was printed or returned)"),
        ("None", "(it ran; nothing was printed or returned)"),
        ("a b", "SyntaxError: invalid syntax"),
        ("%matplotlib inline", "SyntaxError: invalid syntax"),
        ("import sys; print(1); sys.exit(2)", "SystemExit: 2"),
        ("a\0b", "SyntaxError: source code string cannot contain null bytes"),
        ("def f(n): f(n + 1)\nf(0)", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_whatever_code_does_is_reported_to_the_model(server, chat, asked, code, told):
    chat.tool(run_python({}))
    server.add(calls(("run_python", {"code": code})), Say("I see."))
    assert chat.ask("Go").text == "I see."
    assert results(server.requests[1])[0].splitlines()[-1] == told


def test_look_at_describes_a_variable_and_runs_nothing(server, chat):
    chat.tool(look_at({"df": [1, 2], "_hidden": 1, "json": json}))
    names = [("look_at", {"name": name}) for name in ("df", "dff", "_hidden", "df.x")]
    server.add(calls(*names), Say("I see."))
    chat.ask("Go")
    found, near, hidden, dotted = results(server.requests[1])
    assert found == "[1, 2]"
    assert near == "There is no variable 'dff'. Did you mean df? The variables are: df."
    assert hidden.startswith("There is no variable '_hidden'.")
    assert dotted.startswith("There is no variable 'df.x'.")


def test_the_built_in_model_calls_a_tool_and_tells_its_result():
    chat = Session(base_url="built-in")

    @chat.tool(safe=True)
    def rows_over(limit: float) -> int:
        """Count the rows over a limit."""
        return 4711

    assert "4711" in chat.ask("Count the rows over the limit 3, please.").text


def test_an_invalid_tool_is_refused_before_anything_is_sent(server, chat):
    for tool in (3, "lambda_free", {"name": "a b"}, int, lambda x: x):
        with pytest.raises(ToolError):
            chat.ask("Go", tools=[tool])
    assert server.requests == []


def assert_valid(messages):
    """Assert the rules of the strictest servers: each call is answered once and at once, no user message follows a result."""
    expecting = []
    for before, message in zip([None, *messages], messages, strict=False):
        if message["role"] == "tool":
            assert message["tool_call_id"] in expecting
            expecting.remove(message["tool_call_id"])
            continue
        assert expecting == []
        if message["role"] == "user" and before is not None:
            assert before["role"] != "tool"
        ids = [call["id"] for call in message.get("tool_calls", ())]
        assert len(set(ids)) == len(ids)
        expecting = ids
    assert expecting == []
    assert all(Message.from_dict(message).to_dict() == message for message in messages)


def test_a_call_that_is_left_in_the_text_is_said(server, chat):
    """Where tools were offered: without them, an answer may well speak of such tags."""
    text = '<tool_call>{"name": "lambda_free", "arguments": {"text": "a"}}</tool_call>'
    server.add(Say(text), Say(text))
    reply = chat.ask("Go", tools=[lambda_free])
    assert any("wrote a tool call as text" in note for note in reply.notices)
    assert chat.ask("What would a call look like?").notices == ()


def test_a_tool_that_awaits_what_was_cancelled_is_told_to_the_model(server, chat):
    @chat.tool(safe=True)
    async def wait():
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    server.add(calls(("wait", {})), Say("Done."))
    assert chat.ask("Go").text == "Done."
    assert results(server.requests[1]) == ["Error: RuntimeError: something that it awaited was cancelled"]


def test_a_call_that_was_announced_and_did_not_come_is_said(server, chat):
    for call in ({"index": 0, "id": "a", "function": None}, tool_call("", {})):
        server.add(Stream([chunk(tool_calls=[call]), chunk(finish="tool_calls")]))
        assert any("announced a tool call" in note for note in chat.ask("Go", tools=[lambda_free]).notices)


@pytest.mark.parametrize("finish", ["length", "content_filter"])
@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_call_whose_arguments_may_have_been_cut_is_not_run(server, chat, finish, arguments):
    """A tool whose parameters all have defaults would run with them, whatever the model was about to write."""
    ran = []

    @chat.tool(safe=True)
    def remove(path: str = "."):
        ran.append(path)

    whole = tool_call("remove", {"path": "a"}, id="a")
    last = tool_call("remove", arguments, id="b", index=1)
    server.add(
        Stream([chunk(tool_calls=[whole]), chunk(tool_calls=[last]), chunk(finish=finish)]), calls(("remove", ""))
    )
    chat.ask("Go")
    assert results(server.requests[1])[1].startswith("Not run: the answer ended at its limit")
    assert ran == ["a", "."]


def test_a_call_that_is_sent_twice_runs_once(server, chat):
    """PROTOCOL 3.7: the same id, name and arguments under two indices."""
    ran = []

    @chat.tool(safe=True)
    def pay(amount: int):
        ran.append(amount)

    twice = [tool_call("pay", {"amount": 5}, id="a", index=index) for index in (0, 1)]
    apart = [tool_call("pay", {"amount": 5}, id=name, index=index) for index, name in enumerate("ab")]
    server.add(calls(*twice), calls(*apart), Say("Done."))
    chat.ask("Go")
    assert ran == [5, 5, 5]
    assert_valid(server.requests[-1].json["messages"])


def shout(text: str = "a", times: int | None = None, suffix: str = None) -> str:  # noqa: RUF013
    return text * (times or 1) + (suffix or "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"text": "b", "times": None, "suffix": None}, "b"),
        ({"arguments": {"text": "b"}}, "b"),
        ({"kwargs": {"text": "b", "suffix": "!"}}, "b!"),
        ({}, "a"),
        ("null", "a"),
        (json.dumps('{"text": "b"}'), "b"),
        ('{}{"text": "b"}', "b"),
    ],
)
def test_arguments_come_in_odd_forms(server, chat, arguments, told):
    chat.tool(shout, safe=True)
    server.add(calls(("shout", arguments)), Say("Done."))
    chat.ask("Go")
    assert results(server.requests[1]) == [told]


@pytest.mark.parametrize("arguments", [{"shout": {"text": "b"}}, {"arguments": "b"}, {"suffix": {"text": "b"}}])
def test_only_the_usual_wrappers_are_opened(server, chat, arguments):
    chat.tool(shout, safe=True)
    server.add(calls(("shout", arguments)), Say("Done."))
    chat.ask("Go")
    [result] = results(server.requests[1])
    assert result.startswith("Not run, its arguments do not fit: ")


@pytest.mark.parametrize("arguments", [{"a": 1, "b": 2}, {"limits": {"a": 1, "b": 2}}])
def test_a_single_object_may_come_flat(server, chat, arguments):
    @chat.tool(safe=True)
    def rows(limits: dict[str, int]) -> int:
        return sum(limits.values())

    server.add(calls(("rows", arguments)), Say("Done."))
    chat.ask("Go")
    assert results(server.requests[1]) == ["3"]


def test_a_mistake_that_is_made_again_and_again_ends_the_exchange_with_the_reason(server, chat):
    chat.tool(lambda_free, safe=True)
    server.default = calls(("lambda_free", {"txt": "a"}))
    with pytest.raises(NbchatError, match=r"3 times with the same mistake.*there is no such parameter"):
        chat.ask("Go")
    assert len(server.requests) == 3
    assert_valid(chat.messages)


def test_a_tool_may_be_cached(server, chat):
    made = []

    @chat.tool(safe=True)
    @functools.cache
    def square(n: int) -> int:
        """Square a number."""
        made.append(n)
        return n * n

    server.add(calls(("square", {"n": 3})), calls(("square", {"n": 3})), Say("9."))
    chat.ask("Go")
    assert server.requests[0].json["tools"][0]["function"]["description"] == "Square a number."
    assert results(server.requests[2]) == ["9", "9"]
    assert made == [3]


def test_generators_are_collected_up_to_a_limit(server, chat):
    closed = []

    @chat.tool(safe=True)
    def count(most: int):
        try:
            yield from range(most) if most else itertools.count()
        finally:
            closed.append(most)

    @chat.tool(safe=True)
    async def later(most: int):
        for number in range(most) if most else itertools.count():
            await asyncio.sleep(0)
            yield number

    for name in ("count", "later"):
        server.add(calls((name, {"most": 3}), (name, {"most": 1000}), (name, {"most": 0})), Say("Done."))
        chat.ask("Go")
        few, all_of_them, many = results(server.requests[-1])[-3:]
        assert few == "[0, 1, 2]"
        assert "items" not in all_of_them
        assert "cut: the first 1,000 items" in many
    assert closed == [3, 1000, 0]


def test_a_generator_that_fails_is_told_to_the_model(server, chat):
    @chat.tool(safe=True)
    def rows():
        yield 1
        raise ValueError("no more")

    server.add(calls(("rows", {})), Say("I see."))
    chat.ask("Go")
    assert results(server.requests[1]) == ["Error: ValueError: no more"]


def test_what_is_safe_in_one_session_is_safe_where_it_is_named_in_another(server, chat):
    """Nobody could be asked here."""
    other = Session(base_url=server.base_url, model="scripted-1")

    @other.tool(safe=True)
    def harmless() -> int:
        return 1

    server.add(calls(("harmless", {})), Say("Done."))
    chat.ask("Go", tools=[harmless])
    assert results(server.requests[1]) == ["1"]


def test_look_at_runs_none_of_the_users_code(server, chat):
    ran = []

    class Loud:
        def __init__(self):
            self.size, self._secret = 3, "hidden"

        def __getattribute__(self, name):
            ran.append(name)
            return object.__getattribute__(self, name)

        def __repr__(self):
            ran.append("repr")
            return "loud"

        __str__ = _repr_markdown_ = __nbchat__ = __repr__

        def __len__(self):
            ran.append("len")
            return 1

        def __hash__(self):
            return 1

    loud = Loud()
    namespace = {
        "loud": loud,
        "items": [loud],
        "nested": {"a": ({"b": loud},)},
        "In": ["x"],
        "Out": {1: "y"},
        "json": json,
    }
    ran.clear()
    chat.tool(look_at(namespace))
    asked = [("look_at", {"name": name}) for name in ("loud", "items", "nested", "In", "Out", "json")]
    server.add(calls(*asked), Say("I see."))
    chat.ask("Go")
    one, items, nested, *hidden = results(server.requests[1])
    assert ran == []
    assert "Loud object" in one
    assert "- size: int" in one
    assert "_secret" not in one
    assert (items, nested) == ("<list of 1 items>", "<dict of 1 items>")
    assert all(told.startswith("There is no variable") for told in hidden)
