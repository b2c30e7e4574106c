"""OpenAI's own client works with the built-in server."""

import json

import openai
import pytest

QUESTION = [{"role": "user", "content": "What is a list comprehension?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def client(builtin_server):
    with openai.OpenAI(base_url=builtin_server.base_url, api_key="none", max_retries=0) as client:
        yield client


def create(client, messages=QUESTION, **more):
    return client.chat.completions.create(model="nbchat-demo", messages=messages, **more)


def test_a_reply(client):
    reply = create(client, seed=1)
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert len(reply.choices[0].message.content) > 100


def test_a_stream_with_usage(client):
    chunks = list(create(client, seed=1, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == create(client, seed=1).choices[0].message.content
    assert chunks[-1].usage.completion_tokens > 20


def test_the_clients_own_gathering_of_a_stream(client):
    with client.chat.completions.stream(model="nbchat-demo", messages=QUESTION, seed=2, n=3) as stream:
        completion = stream.get_final_completion()
    expected = create(client, seed=2, n=3)
    assert [c.message.content for c in completion.choices] == [c.message.content for c in expected.choices]


def test_log_probabilities(client):
    reply = create(client, logprobs=True, top_logprobs=5, temperature=0, max_tokens=10)
    content = reply.choices[0].logprobs.content
    assert [entry.token for entry in content] == [entry.top_logprobs[0].token for entry in content]
    assert all(entry.logprob <= 0 and len(entry.top_logprobs) == 5 for entry in content)


def test_a_conversation_with_a_tool(client):
    messages = [{"role": "user", "content": "What's the weather in Paris?"}]
    call = create(client, messages, tools=[WEATHER]).choices[0]
    assert call.finish_reason == "tool_calls"
    [made] = call.message.tool_calls
    assert json.loads(made.function.arguments).keys() == {"city"}
    answered = [*messages, call.message, {"role": "tool", "tool_call_id": made.id, "content": "Sunny, 24 °C."}]
    assert "Sunny" in create(client, answered, tools=[WEATHER], temperature=0).choices[0].message.content


def test_a_streamed_call(client):
    messages = [{"role": "user", "content": "What's the weather in Paris?"}]
    with client.chat.completions.stream(model="nbchat-demo", messages=messages, tools=[WEATHER]) as stream:
        completion = stream.get_final_completion()
    assert completion.choices[0].message.tool_calls[0].function.name == "get_weather"
    assert json.loads(completion.choices[0].message.tool_calls[0].function.arguments)


def test_a_schema_given_as_a_pydantic_model(client):
    from typing import Literal

    from pydantic import BaseModel

    class Review(BaseModel):
        mood: Literal["good", "bad"]
        score: int
        words: list[str]

    messages = [{"role": "user", "content": "Rate this review: good, a 7."}]
    reply = client.chat.completions.parse(model="nbchat-demo", messages=messages, response_format=Review, temperature=0)
    assert (reply.choices[0].message.parsed.mood, reply.choices[0].message.parsed.score) == ("good", 7)


def test_models(client):
    assert [model.id for model in client.models.list()] == ["nbchat-demo", "nbchat-demo-small"]
    assert client.models.retrieve("nbchat-demo").owned_by == "nbchat"


@pytest.mark.parametrize(
    ("request_", "error", "param"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "model"),
        ({"temperature": 9}, openai.BadRequestError, "temperature"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"stop": ["a"] * 5, "stream": True}, openai.BadRequestError, "stop"),
    ],
)
def test_errors_become_its_exceptions(client, request_, error, param):
    with pytest.raises(error) as raised:
        client.chat.completions.create(**{"model": "nbchat-demo", "messages": QUESTION, **request_})
    assert raised.value.param == param


def test_a_wrong_key():
    from nbchat.builtin.http.server import BuiltinServer

    with (
        BuiltinServer(api_key="right") as server,
        openai.OpenAI(base_url=server.base_url, api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        create(client)
