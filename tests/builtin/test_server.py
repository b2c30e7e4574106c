"""The server over a real socket: the protocol, exact numbers, and what happens when things go wrong."""

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.builtin.http.handlers import BODY_LIMIT
from nbchat.builtin.http.request import read_request
from nbchat.builtin.model.models import CONTEXT_WINDOW, learned
from nbchat.builtin.model.prompt import read_prompt
from nbchat.builtin.model.tokenizer import END
from tests.builtin.asking import QUESTION, ask, body, stream, streamed_text, text_of
from tests.strategies import scaled


def test_a_reply_has_the_form_of_a_chat_completion(http, known):
    reply = ask(http)
    assert reply["object"] == "chat.completion"
    assert reply["id"].startswith("chatcmpl-")
    assert reply["model"] == "nbchat-demo"
    assert reply["system_fingerprint"] == known.fingerprint
    assert abs(reply["created"] - time.time()) < 60
    [choice] = reply["choices"]
    assert choice["index"] == 0
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] == "stop"
    assert choice["logprobs"] is None


def test_a_stream_says_the_same_as_a_whole_reply(http):
    whole = ask(http, seed=5, n=2)
    chunks = stream(http, seed=5, n=2)
    assert [streamed_text(chunks, i) for i in (0, 1)] == [text_of(whole, i) for i in (0, 1)]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert [chunk["choices"][0]["delta"].get("role") for chunk in chunks[:2]] == ["assistant", "assistant"]
    finishes = [c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]]
    assert finishes == ["stop", "stop"]


def test_choices_are_interleaved(http):
    order = [c["index"] for chunk in stream(http, n=3, max_tokens=20) for c in chunk["choices"]]
    assert order[:9] == [0, 1, 2] * 3


def test_usage_comes_in_a_last_chunk_of_its_own_when_asked_for(http):
    chunks = stream(http, seed=3, stream_options={"include_usage": True})
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == ask(http, seed=3)["usage"]
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert all("usage" not in chunk for chunk in stream(http, max_tokens=3))


@pytest.mark.parametrize("n", [1, 3])
def test_usage_counts_the_tokens(http, known, n):
    reply = ask(http, n=n, seed=1, logprobs=True)
    usage = reply["usage"]
    assert usage["completion_tokens"] == sum(len(c["logprobs"]["content"]) for c in reply["choices"])
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] == len(known.tokenizer.encode(QUESTION)) + 3  # role, end, and the answer's role


def test_the_tokens_of_logprobs_are_the_text(http):
    reply = ask(http, seed=2, logprobs=True, top_logprobs=2, temperature=2.0)
    content = reply["choices"][0]["logprobs"]["content"]
    raw = b"".join(bytes(entry["bytes"]) for entry in content)
    assert raw.decode("utf-8", "replace") == text_of(reply)
    assert all(len(entry["top_logprobs"]) == 2 for entry in content)


SETTINGS = [
    {},
    {"temperature": 0.5},
    {"temperature": 1.7},
    {"temperature": 0},
    {"top_p": 0.3},
    {"presence_penalty": 1.5},
    {"frequency_penalty": 0.8},
    {"frequency_penalty": -1.2, "presence_penalty": -0.5, "temperature": 0.8},
]


@pytest.mark.parametrize("sampling", SETTINGS, ids=str)
@pytest.mark.parametrize("model", ["nbchat-demo", "nbchat-demo-small"])
def test_reported_log_probabilities_are_those_of_the_model_under_the_formulas(http, known, sampling, model):
    """Replays the answer token by token: log p from the model, penalties from the counts, then softmax by hand."""
    asked = body(model=model, seed=11, max_tokens=12, logprobs=True, top_logprobs=20, **sampling)
    reply = http.post("/chat/completions", json=asked).json()
    answer = read_prompt(read_request(asked, len(known.tokenizer)), known).answer(known, model)
    ids, counts = range(END, len(known.tokenizer)), {}
    for entry in reply["choices"][0]["logprobs"]["content"]:
        distribution = answer.next()
        logits = {
            token: math.log(distribution[token])
            - counts.get(token, 0) * sampling.get("frequency_penalty", 0)
            - (counts.get(token, 0) > 0) * sampling.get("presence_penalty", 0)
            for token in ids
        }
        temperature = sampling.get("temperature") or 1
        highest = max(logits.values())
        powers = {token: math.exp((logit - highest) / temperature) for token, logit in logits.items()}
        total = math.fsum(powers.values())
        logs = {token: math.log(power / total) for token, power in powers.items()}
        best = sorted(logs, key=lambda token: (-logs[token], token))[:20]
        assert [top["logprob"] for top in entry["top_logprobs"]] == pytest.approx([logs[t] for t in best], abs=1e-7)
        assert [top["token"] for top in entry["top_logprobs"]] == [known.tokenizer.name(t) for t in best]
        taken = next(
            t for t in logs if known.tokenizer.name(t) == entry["token"] and logs[t] == pytest.approx(entry["logprob"])
        )
        if sampling.get("temperature") == 0:
            assert taken == best[0]
        answer.take(taken)
        counts[taken] = counts.get(taken, 0) + 1


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(http):
    answers = [text_of(ask(http, seed=seed, temperature=1.5)) for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]


def test_choices_of_one_seed_differ(http):
    reply = ask(http, n=4, seed=9, temperature=1.5)
    assert len({text_of(reply, i) for i in range(4)}) == 4


def test_temperature_zero_is_the_same_every_time(http):
    assert len({text_of(ask(http, temperature=0)) for _ in range(3)}) == 1


def test_a_bias_of_100_forces_a_token_and_of_minus_100_bans_it(http, known):
    [token] = known.tokenizer.encode(" statement")
    forced = ask(http, logit_bias={str(token): 100}, max_tokens=3)
    assert text_of(forced) == " statement" * 3
    assert forced["choices"][0]["finish_reason"] == "length"
    [common] = known.tokenizer.encode(" list")
    reply = ask(http, seed=4, logit_bias={str(common): -100}, logprobs=True)
    assert " list" not in {entry["token"] for entry in reply["choices"][0]["logprobs"]["content"]}


def test_the_end_of_an_answer_is_a_token_like_any_other(http):
    """Its id is in the model's entry: biased up, there is no answer at all; banned, the answer goes on."""
    end = str(http.get("/models").json()["data"][0]["end_token"])
    ended = ask(http, logit_bias={end: 100})
    assert (text_of(ended), ended["choices"][0]["finish_reason"]) == ("", "stop")
    assert ended["usage"]["completion_tokens"] == 0
    endless = ask(http, logit_bias={end: -100}, max_tokens=700, temperature=0)
    assert endless["usage"]["completion_tokens"] == 700


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_max_tokens_cuts_the_answer(http, field):
    reply = ask(http, temperature=0, **{field: 7})
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == 7
    assert text_of(ask(http, temperature=0)).startswith(text_of(reply))


def test_prompt_and_answer_share_the_context_window(http):
    """An answer without end stops where the window is full."""
    long = "list " * (CONTEXT_WINDOW - 60)
    reply = ask(http, long, logit_bias={str(END): -100})
    assert reply["usage"]["total_tokens"] == CONTEXT_WINDOW
    assert reply["choices"][0]["finish_reason"] == "length"


@pytest.fixture(scope="module")
def certain(http):
    """The text of the answer at temperature 0."""
    return text_of(ask(http, temperature=0))


@scaled(0.4)
@given(st.data())
def test_a_stop_sequence_ends_the_answer_and_never_shows(http, certain, data):
    """Stops are cut from the answer itself, so that they span tokens; the text before one is kept."""
    text = certain
    starts = data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=4))
    stops = [text[at : at + data.draw(st.integers(1, 9))] for at in starts]
    ends = [(text.index(stop) + len(stop), text.index(stop)) for stop in stops]
    expected = text[: min(ends)[1]]
    chunks = stream(http, temperature=0, stop=stops)
    assert streamed_text(chunks) == expected
    reply = ask(http, temperature=0, stop=stops, logprobs=True)
    assert text_of(reply) == expected
    assert reply["choices"][0]["finish_reason"] == "stop"
    raw = b"".join(bytes(entry["bytes"]) for entry in reply["choices"][0]["logprobs"]["content"])
    assert raw.decode().startswith(expected)
    assert reply["usage"]["completion_tokens"] >= len(reply["choices"][0]["logprobs"]["content"])


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def test_a_tool_call_is_streamed_in_deltas(http):
    chunks = stream(http, "What's the weather in Paris?", tools=[WEATHER], temperature=0)
    calls = [part for chunk in chunks for part in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert calls[0]["function"] == {"name": "get_weather", "arguments": ""}
    assert calls[0]["id"].startswith("call_")
    assert calls[0]["type"] == "function"
    assert all("id" not in part and part["index"] == 0 for part in calls[1:])
    assert json.loads("".join(part["function"]["arguments"] for part in calls)) == {"city": "Paris"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert len(calls) > 3


def test_a_tools_result_is_quoted(http):
    first = ask(http, "What's the weather in Paris?", tools=[WEATHER])["choices"][0]["message"]
    assert first["content"] is None
    [call] = first["tool_calls"]
    messages = [
        {"role": "user", "content": "What's the weather in Paris?"},
        first,
        {"role": "tool", "tool_call_id": call["id"], "content": "Rain, 11 °C."},
    ]
    assert "Rain, 11 °C." in text_of(ask(http, messages, tools=[WEATHER], temperature=0))


def test_no_two_calls_share_an_id(http):
    """Not even under one seed: a conversation keys its results by it."""
    replies = [ask(http, "weather in Rome?", tools=[WEATHER], seed=1) for _ in range(2)]
    assert len({reply["choices"][0]["message"]["tool_calls"][0]["id"] for reply in replies}) == 2


@pytest.mark.parametrize("most", [1, 12])
def test_a_call_that_runs_out_of_tokens_says_so(http, most):
    reply = ask(http, "weather in Rome?", tools=[WEATHER], max_tokens=most)
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == most


def test_a_json_object_has_the_keys_asked_for(http):
    reply = ask(http, 'As JSON with the keys "city" and "mood", please', response_format={"type": "json_object"})
    assert set(json.loads(text_of(reply))) == {"city", "mood"}
    reply = ask(http, "Something about lists as JSON", response_format={"type": "json_object"})
    assert json.loads(text_of(reply))


def test_a_schema_nothing_fits_is_refused_before_the_answer_begins(http):
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 2, "maximum": 1}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    for streaming in (False, True):
        reply = http.post("/chat/completions", json=body(response_format=wanted, stream=streaming))
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "invalid_schema"


def test_it_says_what_it_is_in_the_first_answer_and_when_asked(http):
    first = ask(http, seed=1, temperature=0.3)["choices"][0]["message"]
    assert "nbchat's built-in model" in first["content"]
    assert "n-gram" in first["content"]
    asked = text_of(ask(http, "Who are you?", temperature=0))
    assert asked.startswith("I am")
    assert "n-gram" in asked
    later = [{"role": "user", "content": QUESTION}, first, {"role": "user", "content": "And a dictionary display?"}]
    assert "n-gram" not in text_of(ask(http, later, temperature=0))


@pytest.mark.parametrize(
    ("question", "word"),
    [
        (QUESTION, "comprehension"),
        ("How does a for loop work?", "`for`"),
        ("Tell me about the `with` statement", "context"),
        ("How do decorators work?", "decorator"),
        ("What does lambda do?", "lambda"),
    ],
)
def test_an_answer_is_about_the_question(http, question, word):
    reply = ask(http, question, n=5, seed=1, temperature=0.7)
    assert sum(word in text_of(reply, i).lower() for i in range(5)) >= 3


def test_earlier_messages_count(http):
    """After a question on decorators, "tell me more" is about decorators."""
    messages = [{"role": "user", "content": "How do decorators work?"}, {"role": "assistant", "content": "They wrap."}]
    reply = ask(http, [*messages, {"role": "user", "content": "Tell me more"}], n=5, seed=1, temperature=0.7)
    assert sum("decorator" in text_of(reply, i) for i in range(5)) >= 3


def test_an_answer_already_begun_is_continued(http):
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "A list display yields a new list"},
    ]
    assert text_of(ask(http, messages, temperature=0)).startswith(" object")


def test_a_message_beyond_it_is_answered_honestly(http):
    answer = text_of(ask(http, "Wie wird das Wetter morgen in Köln?", temperature=0))
    assert "nbchat's built-in model" in answer
    assert "Köln" in answer


def test_models_are_listed_and_found(http):
    listed = http.get("/models").json()
    assert [model["id"] for model in listed["data"]] == ["nbchat-demo", "nbchat-demo-small"]
    assert http.get("/models/nbchat-demo-small").json() == listed["data"][1]
    missing = http.get("/models/gpt-4")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"


@given(st.text(max_size=30))
def test_text_goes_to_token_ids_and_back(http, text):
    reply = http.post("/tokenize", json={"content": text}).json()
    assert reply["count"] == len(reply["tokens"])
    assert http.post("/tokenize", json={"prompt": text}).json() == reply
    assert learned().tokenizer.decode(reply["tokens"]) == text


def test_token_ids_come_with_their_pieces_when_asked_for(http):
    pieces = http.post("/tokenize", json={"content": "a list", "with_pieces": True}).json()["tokens"]
    assert [piece["piece"] for piece in pieces] == ["a", " list"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/chat/completions", 405),
        ("POST", "/models", 405),
        ("DELETE", "/models/nbchat-demo", 405),
        ("GET", "/embeddings", 404),
        ("POST", "/completions", 404),
        ("GET", "/", 404),
        ("GET", "/models/nbchat-demo/x", 404),
    ],
)
def test_what_is_not_there_says_so_in_json(http, method, path, status):
    reply = http.request(method, path)
    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert ("Allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"model": "gpt-4"}, 404, "model", "model_not_found"),
        ({"model": None}, 400, "model", None),
        ({"model": 7}, 400, "model", None),
        ({"temperature": 3}, 400, "temperature", None),
        ({"messages": []}, 400, "messages", None),
        (
            {"messages": [{"role": "user", "content": "list " * CONTEXT_WINDOW}]},
            400,
            "messages",
            "context_length_exceeded",
        ),
        ({"logit_bias": {"999999": 1}}, 400, "logit_bias", None),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_wrong_request_is_refused_with_the_field_at_fault(http, change, status, param, code, streaming):
    reply = http.post("/chat/completions", json={**body(stream=streaming), **change})
    error = reply.json()["error"]
    assert (reply.status_code, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("depth", [10, 100, 200, 300])
def test_a_schema_nested_deeply_is_filled_or_refused_in_json(http, depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    reply = http.post("/chat/completions", json=body(response_format=wanted))
    if depth < 50:
        assert text_of(reply.json()).count('"a"') == depth
    else:
        assert reply.status_code == 400
        assert "nested" in reply.json()["error"]["message"]


def test_a_body_that_is_too_large_is_refused_in_json(http):
    reply = http.post("/chat/completions", content=b" " * (BODY_LIMIT + 1))
    assert reply.status_code == 413
    assert "bytes" in reply.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_body_that_is_no_json_is_refused(http, content):
    assert http.post("/chat/completions", content=content).status_code == 400
