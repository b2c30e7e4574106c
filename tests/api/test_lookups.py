"""A server's list of models, in the forms in which servers give it, and its tokenizer."""

import contextlib

import pytest

from nbchat.api.capabilities import Capabilities
from nbchat.api.endpoints import Endpoint
from nbchat.api.lookups import listed_models
from nbchat.conversation.context import window_of
from nbchat.conversation.servers.connection import models
from nbchat.conversation.session import Session
from nbchat.testing import Plain, Status
from nbchat.values.errors import AuthenticationFailed, ModelNotFound, ServerError


@pytest.mark.parametrize(
    ("body", "listed"),
    [
        ({"data": [{"id": "a"}, {"id": "b", "name": "x"}]}, [("a", None), ("b", None)]),
        ({"models": [{"name": "a"}, "b"]}, [("a", None), ("b", None)]),
        (["a", {"id": "b"}, 5, None, {"id": 7}, "", {"id": "x" * 100_000}], [("a", None), ("b", None)]),
        ([{"id": "x" * 256}, {"id": "x" * 257}], [("x" * 256, None)]),
        ({"data": []}, []),
        ({"data": {}}, None),
        ({"error": "no"}, None),
        ("models", None),
        (None, None),
    ],
)
def test_a_list_is_read_in_each_of_its_forms(body, listed):
    assert listed_models(body) == listed


@pytest.mark.parametrize(
    ("row", "window"),
    [
        ({"context_length": 8192}, 8192),
        ({"max_model_len": 8192}, 8192),
        ({"context_window": 131_072, "max_completion_tokens": 8192}, 131_072),
        ({"max_context_length": 32_768, "loaded_context_length": 4096}, 4096),
        ({"context_length": 200_000, "top_provider": {"context_length": 128_000}}, 128_000),
        ({"context_length": 100_000, "top_provider": {"context_length": 128_000}}, 100_000),
        ({"capabilities": {"limits": {"max_context_window_tokens": 64_000}}}, 64_000),
        ({"max_context_length": 0, "context_window": 4096}, 4096),
        ({"context_length": 255}, None),
        ({"context_length": 256}, 256),
        ({"context_length": 100_000_000}, 100_000_000),
        ({"context_length": 100_000_001}, None),
        ({"meta": {"meta": {"meta": {"n_ctx": 4096}}}}, 4096),
        ({"context_length": "8192"}, None),
        ({"context_length": True}, None),
        ({"meta": {"n_ctx_train": 131_072}}, None),
        ({"meta": {"meta": {"meta": {"meta": {"n_ctx": 4096}}}}}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_window_is_read_where_a_server_gives_it(row, window):
    assert listed_models({"data": [{"id": "m", **row}]}) == [("m", window)]


def test_a_window_from_a_refusal_comes_before_a_listed_one():
    known = Capabilities()
    known.learn_listed("u", {"m": 8192, "n": None})
    assert (known.window("u", "m"), known.window("u", "n"), known.window("v", "m")) == (8192, None, None)
    known.learn_window("u", "m", 4096)
    assert known.window("u", "m") == 4096


def test_the_history_is_fitted_to_a_listed_window(server):
    server.models = Plain({"object": "list", "data": [{"id": "scripted-1", "max_model_len": 600}]})
    endpoint = Endpoint(server.base_url)
    assert window_of("fit", endpoint, "scripted-1") is None
    assert models(endpoint) == ["scripted-1"]
    assert window_of("fit", endpoint, "scripted-1") == 600
    chat = Session(base_url=server.base_url, model="scripted-1")
    for _ in range(5):
        reply = chat.ask("x" * 400)
    assert "to fit 600 tokens" in reply.notices[-1]


@pytest.mark.parametrize("path", ["/tokenize", "/v1/tokenize"])
def test_tokens_are_those_of_the_servers_own_tokenizer(server, own, path):
    server.paths[path] = Plain({"tokens": [7, 8]})
    assert own.run(own.client.token_ids(Endpoint(server.base_url), "m", "a word")) == [7, 8]
    asked = server.requests[-1].json
    assert (asked["content"], asked["prompt"], asked["add_special"]) == ("a word", "a word", False)


@pytest.mark.parametrize(
    "answer", [Status(500, {"tokens": [7]}), Plain({"tokens": [7.0]}), Plain({"tokens": 7}), Plain([7])]
)
def test_without_a_tokenizer_it_is_said(server, own, answer):
    server.paths = dict.fromkeys(["/tokenize", "/v1/tokenize"], answer)
    with pytest.raises(ServerError, match="offers no tokenizer; give tokens by their ids"):
        own.run(own.client.token_ids(Endpoint(server.base_url), "m", "a word"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, ModelNotFound) for status in (200, 404, 405, 501)),
        *((status, AuthenticationFailed) for status in (401, 403)),
        *((status, ServerError) for status in (400, 406, 500, 502)),
    ],
)
def test_a_server_without_a_list_is_told_from_one_that_fails(server, own, status, kind):
    server.models = Status(status, "No.")
    with pytest.raises(ServerError, match="No") as caught:
        own.run(own.client.models(Endpoint(server.base_url)))
    assert (type(caught.value), caught.value.status) == (kind, status)


@pytest.mark.parametrize("most", [10_000, 10_001])
def test_a_list_is_as_long_as_the_limit(server, own, most):
    server.models = Plain(["m"] * most)
    with contextlib.nullcontext() if most == 10_000 else pytest.raises(ServerError, match="more than 10,000 models"):
        assert len(own.run(own.client.models(Endpoint(server.base_url)))) == most
