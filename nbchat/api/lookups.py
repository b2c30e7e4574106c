"""Look-ups: a server's models with the windows of their contexts, and its tokenizer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from msgspec import Struct

from nbchat.api.call import Call, Timeouts
from nbchat.api.capabilities import Capabilities
from nbchat.api.endpoints import Endpoint
from nbchat.api.error_body import describe
from nbchat.api.failure import error_from
from nbchat.api.http.pools import Pools
from nbchat.api.http.proxies import secrets_toward
from nbchat.api.http.requests import request
from nbchat.api.http.unpacking import TooMuch, read_whole
from nbchat.api.refusal import unreachable
from nbchat.api.wire import encoded
from nbchat.values.errors import ConnectionFailed, ModelNotFound, ServerError
from nbchat.values.frozen import repr_without
from nbchat.values.json_fields import parsed_json
from nbchat.values.limits import LIMITS

__all__ = ["listed_models", "models", "token_ids"]

WINDOWS = (
    "loaded_context_length",
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
    "max_context_window_tokens",
    "max_context_tokens",
    "context_size",
    "n_ctx",
)
"""Fields for the most tokens of prompt and answer together; what is loaded comes before what the model could take."""

HOLDERS = ("top_provider", "limits", "capabilities", "meta", "info")
"""Objects that may hold such a field. Where several do, the smallest number holds."""

FEWEST, MOST = 256, 100_000_000
"""The range of plausible windows; several servers send 0 for unknown."""


class _Found(Struct, frozen=True):
    """The answer to a look-up. Its body may repeat the key, so no traceback that prints values shows it."""

    status: int
    content: bytes

    def __repr__(self) -> str:
        return repr_without(self, "content")


async def models(pools: Pools, capabilities: Capabilities, endpoint: Endpoint, timeout: float) -> list[str]:
    """Return the server's model ids in its order, within `timeout` seconds.

    Raises ModelNotFound if the server has no list at this address, and other NbchatErrors.
    """
    found = await _look_up(pools, "GET", endpoint, endpoint.models_url, timeout)
    status, secrets = found.status, secrets_toward(endpoint)
    listed = listed_models(parsed_json(found.content)) if status == 200 else None
    if listed is not None and len(listed) > LIMITS.models.most:
        raise ServerError(f"{endpoint.title} listed {LIMITS.models}, the most that nbchat reads. Name one with -m.")
    if listed is not None:
        capabilities.learn_listed(endpoint.base_url, dict(listed))
        return [secrets.redact(model) if secrets else model for model, _ in listed]
    if status not in (200, 404, 405, 501):
        failure = error_from(status, found.content, server=endpoint.title, key=secrets, key_env=endpoint.key_env)
    else:
        message = describe(found.content, secrets).message
        quoted = f" ({message})" if message else ""
        sentence = f"{endpoint.title} did not list its models{quoted}. Name one with -m."
        failure = ModelNotFound(sentence, status=status)
    raise failure  # a statement of its own: IPython 7's verbose traceback prints every value named in a raising line


async def token_ids(pools: Pools, endpoint: Endpoint, model: str, text: str, timeout: float) -> list[int]:
    """Return the token ids of a text. Raises NbchatError, also if the server has no tokenizer."""
    bare = {"add_special": False, "add_special_tokens": False}  # llama.cpp's name and vLLM's
    outgoing = {"model": model, "content": text, "prompt": text, **bare}
    for url in endpoint.tokenizer_urls:
        found = await _look_up(pools, "POST", endpoint, url, timeout, outgoing)
        if found.status == 200 and (ids := _token_ids(found.content)) is not None:
            return ids
    raise ServerError(f"{endpoint.title} offers no tokenizer; give tokens by their ids: ID=BIAS.")


async def _look_up(
    pools: Pools, method: str, endpoint: Endpoint, url: str, timeout: float, body: Mapping[str, Any] | None = None
) -> _Found:
    """Make a small request outside of calls. Raises NbchatError."""
    content = None if body is None else encoded(body)
    try:
        outgoing = request(method, url, endpoint=endpoint, timeout=httpx.Timeout(timeout), content=content)
        async with asyncio.timeout(timeout), pools.send(outgoing) as response:
            return _Found(response.status_code, await read_whole(response, LIMITS.lookup))
    except (httpx.RequestError, httpx.InvalidURL) as error:
        failure = unreachable(Call(endpoint, {}, Timeouts(connect=timeout)), error).error
    except TimeoutError:
        failure = ConnectionFailed(f"{endpoint.title} had not answered in full after {timeout:g} s.")
    except TooMuch as error:
        failure = ServerError(f"{endpoint.title} sent {error.limit}, the most that nbchat reads.")
    raise failure  # outside the transport's own error, whose frames hold secrets


def listed_models(body: Any) -> list[tuple[str, int | None]] | None:
    """Return the ids of the models, each with its window in tokens (None = not given), in the server's order.

    The list may be `{data: [{id}]}`, or a bare list of ids or objects; None = neither.
    """
    rows = body.get("data", body.get("models")) if isinstance(body, Mapping) else body
    if not isinstance(rows, list):
        return None
    found = ((row.get("id") or row.get("name"), row) if isinstance(row, Mapping) else (row, {}) for row in rows)
    return [(name, _window(row)) for name, row in found if isinstance(name, str) and 0 < len(name) <= LIMITS.word]


def _window(row: Mapping[str, Any], levels: int = 3) -> int | None:
    own = next((row[name] for name in WINDOWS if _is_plausible(row.get(name))), None)
    inner = (row.get(name) for name in HOLDERS) if levels else ()
    inside = (_window(holder, levels - 1) for holder in inner if isinstance(holder, Mapping))
    return min((window for window in (own, *inside) if window is not None), default=None)


def _is_plausible(window: object) -> bool:
    return isinstance(window, int) and FEWEST <= window <= MOST


def _token_ids(content: bytes) -> list[int] | None:
    """Return the ids in a tokenizer's `{tokens: [id]}`; None = anything else."""
    body = parsed_json(content)
    ids = body.get("tokens") if isinstance(body, dict) else None
    return ids if isinstance(ids, list) and all(type(token) is int for token in ids) else None
