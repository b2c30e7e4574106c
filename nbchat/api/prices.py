"""What an answer cost, in US dollars: as the server said, else by a public list of prices; never a guess."""

from __future__ import annotations

from typing import Any

from nbchat.api.endpoints import Endpoint
from nbchat.values.usage import Usage

__all__ = ["cost", "listed_price"]


def cost(endpoint: Endpoint, model: str | None, usage: Usage) -> float | None:
    """What an answer cost; None = unknown.

    The server's own figure where it reports one; nothing for the built-in model; else the listed price of tokens that
    were measured. (For tokens that are merely estimated, `listed_price` says what they would cost.)
    """
    if endpoint.is_builtin:
        return 0.0
    if usage.cost is not None or usage.state != "measured":
        return usage.cost
    return listed_price(endpoint, model, usage)


def listed_price(endpoint: Endpoint, model: str | None, usage: Usage) -> float | None:
    """The price of so many tokens in the list of `genai-prices`; None = not in it, or not installed.

    It comes with `pip install 'jupyter-nbchat[cost]'`. The server is known to the list by its address: no other
    server's price is taken for it, whatever its models are called.
    """
    known = model and usage.prompt_tokens is not None and usage.completion_tokens is not None
    if not known or not endpoint.base_url.startswith("https:"):  # a server on this machine is in no list
        return None
    try:
        import genai_prices
    except ImportError:
        return None
    tokens: Any = genai_prices.Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens,
    )
    try:
        return float(genai_prices.calc_price(tokens, model, provider_api_url=endpoint.base_url).total_price)
    except (LookupError, ValueError):
        return None
