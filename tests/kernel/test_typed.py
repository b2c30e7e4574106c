"""Tools and schemas from a cell's line."""

import pytest

from nbchat.testing import Say, tool_call
from tests.kernel.kernels import shown


@pytest.fixture
def run(load):
    """Runs code in a kernel that talks to the server."""
    return load("def add(a: int, b: int) -> int:\n    'Add two numbers.'\n    return a + b")


def test_a_tool_runs_after_the_user_allows_it(run, server):
    """Call and result are shown, and the answer comes after them."""
    server.add(Say("", tool_calls=[tool_call("add", '{"a": 2, "b": 3}')]), Say("Five."))
    result = run("%%chat --tools add\nWhat is 2 + 3?", answers=["y"])
    assert [m["role"] for m in server.requests[-1].json["messages"]] == ["user", "assistant", "tool"]
    assert server.requests[-1].json["messages"][-1]["content"] == "5"
    assert server.requests[0].json["tools"][0]["function"]["name"] == "add"
    assert "called add" in shown(result)
    assert "Five." in shown(result)


def test_a_name_that_is_no_function_is_one_line(run, server):
    result = run("%%chat --tools ad\nWhat is 2 + 3?")
    assert result.error.value == "--tools: there is no function 'ad' in this notebook. Did you mean add?"
    assert server.requests == []


def test_a_schema_gives_typed_data_and_a_table(run, server, kernel):
    server.add(Say('```json\n{"items": [{"city": "Oslo", "temp": -3.5}, {"city": "Rome", "temp": 14}]}\n```'))
    run(
        "from dataclasses import dataclass\n@dataclass\nclass Reading:\n    city: str\n    temp: float\nReadings = list[Reading]"
    )
    result = run("%%chat --schema Readings << r\nTemperatures?")
    assert kernel.run("print(r.data[0])").stdout == "Reading(city='Oslo', temp=-3.5)\n"
    assert "Rome" in shown(result)


def test_the_built_in_model_fills_a_schema(kernel, run):
    kernel.run("del os.environ['NBCHAT_BASE_URL'], os.environ['NBCHAT_MODEL']")
    result = run("%%chat --once --schema city:str,temp:float << r\nThe weather in Oslo?")
    assert result.status == "ok", result.error
    assert kernel.run("print(sorted(r.data))").stdout == "['city', 'temp']\n"
