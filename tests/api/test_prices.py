"""What an answer cost: what the server says, else what a list says of measured tokens, else unknown."""

import sys

import pytest

from nbchat.api.endpoints import BUILTIN, Endpoint, endpoint_at
from nbchat.api.prices import cost, listed_price
from nbchat.conversation.session import Session
from nbchat.testing import DONE, Stream, chunk, usage
from nbchat.values.answer.usage import UNKNOWN, Usage

MEASURED = Usage(1000, 1000, 2000, "measured")
OPENAI = endpoint_at("openai", api_key="k")


def test_the_server_s_own_figure_counts():
    assert cost(OPENAI, "gpt-4o", Usage(1, 1, 2, "measured", cost=0.25)) == 0.25


def test_the_built_in_model_is_free():
    assert cost(Endpoint("http://127.0.0.1:1/v1", None, BUILTIN), "nbchat-demo", UNKNOWN) == 0.0


def test_a_listed_model_has_its_price():
    pytest.importorskip("genai_prices")
    price = cost(OPENAI, "gpt-4o", MEASURED)
    assert price == listed_price(OPENAI, "gpt-4o", MEASURED.prompt_tokens, MEASURED.completion_tokens)
    assert 0.001 < price < 0.1
    assert cost(OPENAI, "gpt-4o", Usage(1000, 1000, 2000, "measured", cached_tokens=500)) < price


@pytest.mark.parametrize(
    ("where", "model", "used"),
    [
        (OPENAI, "no-such-model", MEASURED),
        (OPENAI, None, MEASURED),
        (OPENAI, "gpt-4o", UNKNOWN),
        (OPENAI, "gpt-4o", Usage.estimated(1000, 1000)),
        (OPENAI, "gpt-4o", Usage(None, 5, None, "measured")),
        (OPENAI, "gpt-4o", Usage(1, 5, 6, "measured", cached_tokens=99)),
        (endpoint_at("302ai", api_key="k"), "gpt-4o", MEASURED),
        (endpoint_at("https://example.com/v1"), "gpt-4o", MEASURED),
        (endpoint_at("http://localhost:11434/v1"), "gpt-4o", MEASURED),
    ],
)
def test_what_is_not_known_is_not_guessed(where, model, used):
    assert cost(where, model, used) is None


def test_without_the_list_only_the_server_knows(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert cost(OPENAI, "gpt-4o", MEASURED) is None


def test_a_reply_and_the_ledger_tell_the_cost(server):
    server.add(Stream([chunk("Hi", finish="stop"), {"choices": [], "usage": usage(1, 1, cost=0.5)}, DONE]))
    chat = Session(base_url=server.base_url, model="m")
    assert chat.ask("Hello").cost == 0.5
    assert [entry.cost for entry in chat.ledger()] == [0.5]
    assert Session().ask("Hello").cost == 0.0
