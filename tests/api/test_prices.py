"""What an answer cost: what the server says, else what a list says of measured tokens, else unknown."""

import json
import sys

import pytest

from nbchat.api.endpoints import BUILTIN, Endpoint, endpoint_at
from nbchat.api.prices import _table, check_table, cost, listed_price, listed_window, priced
from nbchat.conversation.session import Session
from nbchat.testing import DONE, Stream, chunk, usage
from nbchat.values.answer.usage import UNKNOWN, Usage
from nbchat.values.errors import ConfigError

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


ELSEWHERE = Endpoint("https://example.com/v1")
TABLE = {
    "m": {"input": 1, "output": 2, "cached": 0.5},
    "n": {"input": 1, "output": 2},
    "gpt-4o": {"input": 9, "output": 9},
}


@pytest.fixture
def table(tmp_path, monkeypatch):
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(TABLE))
    monkeypatch.setenv("NBCHAT_PRICES", str(file))
    return file


@pytest.mark.parametrize(
    ("model", "used", "dollars"),
    [
        ("m", Usage(1_000_000, 500_000, 1_500_000, "measured"), 2.0),
        ("m", Usage(1_000_000, 0, 1_000_000, "measured", cached_tokens=400_000), 0.8),
        ("n", Usage(1_000_000, 0, 1_000_000, "measured", cached_tokens=400_000), 1.0),
        ("m", Usage(None, 5, None, "measured"), None),
        ("m", Usage(5, None, None, "measured"), None),
        ("other", MEASURED, None),
        (None, MEASURED, None),
    ],
)
def test_the_user_s_own_table_is_in_dollars_for_a_million_tokens(table, model, used, dollars):
    assert cost(ELSEWHERE, model, used) == (dollars and pytest.approx(dollars))


def test_each_cost_has_its_source(table):
    pytest.importorskip("genai_prices")
    assert priced(Endpoint("", None, BUILTIN), "m", MEASURED) == (0.0, "built-in")
    assert priced(ELSEWHERE, "m", Usage(1, 1, 2, "measured", cost=0.25)) == (0.25, "server")
    assert priced(ELSEWHERE, "m", MEASURED)[1] == "table"
    assert priced(OPENAI, "gpt-4o", MEASURED)[1] == "list"
    assert priced(ELSEWHERE, "m", Usage.estimated(9, 9)) == priced(ELSEWHERE, "x", MEASURED) == (None, "none")
    assert listed_price(ELSEWHERE, "m", 1000, 1000) == pytest.approx(0.003)
    assert listed_price(OPENAI, "gpt-4o", 1000, 1000) == priced(OPENAI, "gpt-4o", MEASURED)[0]
    assert listed_price(Endpoint("", None, BUILTIN), "m", None, None) == 0.0


@pytest.mark.parametrize(
    "content", ["{", "[]", "5", '{"m": 5}', '{"m": {"input": 1}}', '{"m": {"input": "x", "output": 1}}', None]
)
def test_a_table_that_can_not_be_read_is_one_sentence_before_a_request(table, content):
    check_table()
    table.unlink() if content is None else table.write_text(content)
    _table.cache_clear()
    with pytest.raises(ConfigError, match="NBCHAT_PRICES names") as caught:
        check_table()
    assert ("can't be read: No such file" if content is None else "not a table of prices") in str(caught.value)
    assert cost(ELSEWHERE, "m", MEASURED) is None


def test_without_a_table_there_is_nothing_to_check(monkeypatch):
    monkeypatch.setenv("NBCHAT_PRICES", " ")
    check_table()
    assert cost(ELSEWHERE, "m", MEASURED) is None


def test_a_model_s_window_is_in_the_list(monkeypatch):
    pytest.importorskip("genai_prices")
    assert listed_window(OPENAI, "gpt-4o") == 128_000
    for where, model in [(OPENAI, None), (OPENAI, "no-such"), (ELSEWHERE, "gpt-4o"), (Endpoint("http://x"), "gpt-4o")]:
        assert listed_window(where, model) is None
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert listed_window(OPENAI, "gpt-4o") is None


def test_a_reply_and_the_ledger_tell_the_cost(server):
    server.add(Stream([chunk("Hi", finish="stop"), {"choices": [], "usage": usage(1, 1, cost=0.5)}, DONE]))
    chat = Session(base_url=server.base_url, model="m")
    assert chat.ask("Hello").cost == 0.5
    assert [entry.cost for entry in chat.ledger()] == [0.5]
    assert Session().ask("Hello").cost == 0.0
