"""The cost of an answer in US dollars: from the server, a public price list, or the user's own table.

Unknown costs are never guessed, nor reported as 0. The table is a JSON file that `NBCHAT_PRICES` names, in dollars for a
million tokens: `{"MODEL": {"input": 0.15, "output": 0.6, "cached": 0.075}}`; `cached` may be left out.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from nbchat.api.endpoints import Endpoint
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import ConfigError

__all__ = ["CostSource", "check_table", "cost", "listed_price", "listed_window", "priced"]

CostSource = Literal["server", "list", "table", "built-in", "none"]
"""The source of a cost: the server, the price list, the user's table, or none; the built-in model is free."""

MILLION = 1_000_000


def cost(endpoint: Endpoint, model: str | None, usage: Usage) -> float | None:
    """Return the cost of an answer; None = unknown."""
    return priced(endpoint, model, usage)[0]


def priced(endpoint: Endpoint, model: str | None, usage: Usage) -> tuple[float | None, CostSource]:
    """Return the cost of an answer (None = unknown) and its source.

    The server's own figure if it reports one; nothing for a model that nbchat runs itself; else the price of the
    measured tokens. (For estimated tokens use `listed_price`.)
    """
    if endpoint.is_own:
        return 0.0, "built-in"
    if usage.cost is not None:
        return usage.cost, "server"
    if usage.state == "measured":
        if (listed := _in_list(endpoint, model, usage)) is not None:
            return listed, "list"
        if (own := _in_table(model, usage)) is not None:
            return own, "table"
    return None, "none"


def listed_price(endpoint: Endpoint, model: str | None, prompt: int | None, completion: int | None) -> float | None:
    """Return what so many tokens cost, by the public list or the user's table; None = it is in neither, or unknown tokens.

    A model that nbchat runs itself is free.
    """
    if endpoint.is_own:
        return 0.0
    usage = Usage.estimated(prompt, completion)
    listed = _in_list(endpoint, model, usage)
    return _in_table(model, usage) if listed is None else listed


def listed_window(endpoint: Endpoint, model: str | None) -> int | None:
    """The tokens of a model's window in the list of `genai-prices`; None = not in it, or not installed."""
    if not model or not endpoint.base_url.startswith("https:"):
        return None
    try:
        from genai_prices import data_snapshot
    except ImportError:
        return None
    try:
        _, found = data_snapshot.get_snapshot().find_provider_model(model, None, None, endpoint.base_url)
    except (LookupError, ValueError, TypeError, AttributeError):  # if its interface changes, the window is unknown
        return None
    window = getattr(found, "context_window", None)
    return window if isinstance(window, int) else None


def _in_list(endpoint: Endpoint, model: str | None, usage: Usage) -> float | None:
    """Return the price of these tokens in the list of `genai-prices`; None = not in it, or not installed.

    It comes with `pip install 'jupyter-nbchat[cost]'`. The list identifies the server by its address, so no other
    server's price is used, whatever its models are called.
    """
    known = model and usage.prompt_tokens is not None and usage.completion_tokens is not None
    if not known or not endpoint.base_url.startswith("https:"):  # the list has no local servers
        return None
    try:
        import genai_prices
    except ImportError:
        return None
    tokens: Any = genai_prices.Usage(
        input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, cache_read_tokens=usage.cached_tokens
    )
    try:
        return float(genai_prices.calc_price(tokens, model, provider_api_url=endpoint.base_url).total_price)
    except (LookupError, ValueError):
        return None


def check_table() -> None:
    """Raise ConfigError if `NBCHAT_PRICES` names an invalid table; called before a request, so that no answer is lost."""
    if path := os.environ.get("NBCHAT_PRICES", "").strip():
        _read_table(path)


def _in_table(model: str | None, usage: Usage) -> float | None:
    """Return the price in the user's own table; None = not in it, or the table can no longer be read."""
    path = os.environ.get("NBCHAT_PRICES", "").strip()
    if not path or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    try:
        row = _read_table(path)[model or ""]
    except (ConfigError, KeyError):
        return None
    cached = usage.cached_tokens or 0
    rest = (usage.prompt_tokens - cached) * row["input"] + usage.completion_tokens * row["output"]
    return (rest + cached * row.get("cached", row["input"])) / MILLION


def _read_table(path: str) -> Mapping[str, Mapping[str, float]]:
    file = Path(path).expanduser()
    try:
        return _table(file, file.stat().st_mtime)
    except OSError as error:
        raise ConfigError(f"NBCHAT_PRICES names {path}, which can't be read: {error.strerror or error}.") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ConfigError(
            f'NBCHAT_PRICES names {path}, which is not a table of prices: {{"MODEL": {{"input": 0.15, "output": 0.6}}}},'
            " in dollars for a million tokens."
        ) from None


@functools.lru_cache
def _table(file: Path, changed: float) -> Mapping[str, Mapping[str, float]]:
    """Read the table; `changed` is the file's modification time, for the cache."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return {
        model: {"input": float(row["input"]), "output": float(row["output"])}
        | ({"cached": float(row["cached"])} if "cached" in row else {})
        for model, row in content.items()
    }
