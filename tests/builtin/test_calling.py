"""The model calls the tools that the user's words ask for, and only those."""

import pytest

from nbchat.builtin.http.request import read_request
from nbchat.builtin.model.tool_choice import chosen_tools


def tool(name, description="", **properties):
    parameters = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


WEATHER = tool("get_weather", "Current weather of a city.", city="string")
ROWS = tool("rows_over", "Count the rows of the table that are over a limit.", limit="number")
FILES = tool("list_files", "List the files of a directory.", directory="string")
TOOLS = [WEATHER, ROWS, FILES]


def chosen(text, **more):
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "tools": TOOLS, **more}
    return [tool.name for tool in chosen_tools(read_request(body, 10))]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What's the weather in Paris?", ["get_weather"]),
        ("How many rows are over 100?", ["rows_over"]),
        ("call rows_over please", ["rows_over"]),
        ("which files are in my directory", ["list_files"]),
        ("What is a list comprehension?", []),
        ("hello", []),
        ("", []),
    ],
)
def test_a_tool_is_called_when_the_message_speaks_of_it(text, names):
    assert chosen(text) == names


def test_several_are_called_at_once_unless_that_is_forbidden():
    text = "How many rows are over 3, and how is the weather in Rome?"
    assert set(chosen(text)) == {"get_weather", "rows_over"}
    assert len(chosen(text, parallel_tool_calls=False)) == 1


def test_tool_choice_is_obeyed():
    assert chosen("What's the weather in Paris?", tool_choice="none") == []
    assert len(chosen("hello", tool_choice="required")) == 1
    assert chosen("hello", tool_choice={"type": "function", "function": {"name": "list_files"}}) == ["list_files"]


@pytest.mark.parametrize("choice", ["auto", "required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_tools_result_is_answered_in_words(choice):
    """So a conversation with tools comes to an end."""
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "What's the weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "rain"},
    ]
    assert chosen("", messages=messages, tool_choice=choice) == []


def test_a_tool_without_properties_or_words_breaks_nothing():
    bare = [
        {"type": "function", "function": {"name": "_"}},
        {"type": "function", "function": {"name": "x", "parameters": {"properties": 3}}},
    ]
    assert chosen("weather", tools=bare) == []
