"""Which server is asked, with which key and model: one table of known endpoints, and the order of choosing."""

from __future__ import annotations

import functools
import os
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from nbchat.api.keys import Key
from nbchat.values.errors import ConfigError
from nbchat.values.params import nearest

__all__ = [
    "BUILTIN",
    "ENDPOINTS",
    "LOCAL_SERVERS",
    "Endpoint",
    "KnownEndpoint",
    "choose",
    "endpoint_at",
    "is_same_server",
    "located",
    "named_key",
    "normal_url",
]

BUILTIN = "built-in"
"""The name of the endpoint that every installation has."""

BUILTIN_MODEL = "nbchat-demo"


class KnownEndpoint(NamedTuple):
    """A row of the table: `model` is a sensible first model (None = the user must choose one)."""

    name: str
    base_url: str
    key_env: str
    model: str | None = None
    title: str = ""


ENDPOINTS: dict[str, KnownEndpoint] = {
    row.name: row
    for row in (
        KnownEndpoint("302ai", "https://api.302.ai/v1", "AI302_API_KEY", "claude-3-7-sonnet-latest", "302.AI"),
        KnownEndpoint("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "gpt-4o-mini", "OpenAI"),
        KnownEndpoint(
            "openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "openrouter/auto", "OpenRouter"
        ),
        KnownEndpoint("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "deepseek-chat", "DeepSeek"),
        KnownEndpoint("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "llama-3.3-70b-versatile", "Groq"),
        KnownEndpoint("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "mistral-small-latest", "Mistral"),
        KnownEndpoint(
            "anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", "claude-haiku-4-5", "Anthropic"
        ),
        KnownEndpoint("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", None, "Together"),
        KnownEndpoint("nvidia", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY", None, "NVIDIA"),
        KnownEndpoint(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "GEMINI_API_KEY",
            "gemini-2.5-flash",
            "Google",
        ),
        KnownEndpoint("xai", "https://api.x.ai/v1", "XAI_API_KEY", None, "xAI"),
    )
}
"""Known servers in the order in which their key variables are looked for."""

ALTERNATIVE_KEY_VARIABLES: dict[str, tuple[str, ...]] = {
    "302ai": ("API_302_KEY", "302AI_API_KEY", "302_API_KEY"),
    "gemini": ("GOOGLE_API_KEY",),
}

LONGEST_NAME = 20
"""Characters of a name that is repeated where there is no such endpoint; a longer one may be a key, put amiss."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts whose keys are not looked for in the keyring: waking it takes longer than their whole answer."""


def key_variables(row: KnownEndpoint) -> tuple[str, ...]:
    """The environment variables in which an endpoint's key is looked for, in their order."""
    return (row.key_env, *ALTERNATIVE_KEY_VARIABLES.get(row.name, ()))


LOCAL_SERVERS: dict[str, str] = {
    "ollama": "http://localhost:11434/v1",
    "lmstudio": "http://localhost:1234/v1",
    "llamacpp": "http://localhost:8080/v1",
    "vllm": "http://localhost:8000/v1",
}
"""Servers that may run on this machine, at their usual ports. Offered by name, used only when connected."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server to talk to. `model` is the one used where nothing else names one; None = the user must."""

    base_url: str
    key: Key | None = None
    name: str = ""
    model: str | None = None
    key_env: str | None = None
    """The variable that the key came from, or would come from; None = it did not come from one, or there is none."""

    @property
    def chat_url(self) -> str:
        """Where requests go."""
        return _with_path(self.base_url, "/chat/completions")

    @property
    def models_url(self) -> str:
        """Where the server lists its models."""
        return _with_path(self.base_url, "/models")

    @property
    def tokenizer_urls(self) -> tuple[str, ...]:
        """Where a server that has a tokenizer may have it: llama.cpp's and vLLM's stands beside /v1."""
        below = _with_path(self.base_url, "/tokenize")
        beside = _with_path(self.base_url.rstrip("/").removesuffix("/v1"), "/tokenize")
        return tuple(dict.fromkeys((beside, below)))

    @property
    def is_builtin(self) -> bool:
        """Whether this is the built-in model."""
        return self.name == BUILTIN

    def __repr__(self) -> str:
        return f"<Endpoint {self.title}>"

    @property
    def title(self) -> str:
        """What to call it in a sentence: a known name, or the address without any secret parts."""
        if self.is_builtin:
            return "The built-in model"
        known = ENDPOINTS.get(self.name)
        return known.title if known else public_url(self.base_url)


# A session works out its server anew for each request, as the environment may have changed; addresses do not change.


@functools.lru_cache(maxsize=128)
def _with_path(base_url: str, path: str) -> str:
    parts = urllib.parse.urlsplit(base_url)
    return urllib.parse.urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


@functools.lru_cache(maxsize=128)
def public_url(url: str) -> str:
    """The address without user, password, query and fragment, where people keep secrets."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


@functools.lru_cache(maxsize=128)
def normal_url(text: str) -> str:
    """A base URL as it is used: a scheme added where it lacks one, the path of the chat call itself removed.

    Raises ConfigError for what is no http(s) address.
    """
    text = text.strip()
    if "://" not in text:
        local = re.match(r"(localhost|127\.|\[::1\]|0\.0\.0\.0|[\w.-]+:\d+)", text)
        text = ("http://" if local else "https://") + text
    try:
        parts = urllib.parse.urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(f"A base URL looks like https://api.example.com/v1; got {public_or_raw(text)!r}.")
    path = re.sub(r"/chat/completions/?$", "", parts.path).rstrip("/")
    return urllib.parse.urlunsplit(parts._replace(path=path, fragment=""))


def public_or_raw(text: str) -> str:
    """`public_url` where the text can be read as one."""
    try:
        return public_url(text)
    except ValueError:
        return "a text that is no URL"


def endpoint_at(
    where: str, *, api_key: str | Key | None = None, key_env: str | None = None, env: Mapping[str, str] = os.environ
) -> Endpoint:
    """The endpoint of a known name or a URL. `key_env` names the variable of its key; an empty `api_key` is none.

    Without either, an endpoint's own key variable comes first: OPENAI_API_KEY for OpenAI, and so on. `NBCHAT_API_KEY`
    is for the server that `NBCHAT_BASE_URL` names, and never goes to another; where that is not set, it is for
    whatever server is named that has no key in a variable of its own, but for those that are offered because they run
    on this machine. At last comes the keyring. Raises ConfigError.
    """
    endpoint = located(where)
    if api_key is not None:
        return replace(endpoint, key=Key.wrap(api_key), key_env=None)
    if key_env is not None:
        return replace(endpoint, key=named_key(key_env, env), key_env=key_env)
    variables = key_variables(ENDPOINTS[endpoint.name]) if endpoint.name in ENDPOINTS else ()
    for name in (*variables, "NBCHAT_API_KEY") if _is_general_server(endpoint, env) else variables:
        if key := Key.wrap(env.get(name)):
            return replace(endpoint, key=key, key_env=name)
    local = urllib.parse.urlsplit(endpoint.base_url).hostname in LOOPBACK
    stored = None if local else stored_key(endpoint.base_url)
    return endpoint if stored is None else replace(endpoint, key=stored, key_env=None)


def located(where: str) -> Endpoint:
    """The endpoint of a known name or a URL, without its key. Raises ConfigError."""
    known = ENDPOINTS.get(where.lower())
    if known is None and where.lower() in LOCAL_SERVERS:
        return Endpoint(LOCAL_SERVERS[where.lower()], name=where.lower())
    if known is None:
        if not re.search(r"[./:]", where) and where != "localhost":
            said = repr(where) if len(where) <= LONGEST_NAME and not where.startswith("sk-") else "of that name"
            raise ConfigError(
                f"There is no endpoint {said}.{nearest(where, [*ENDPOINTS, *LOCAL_SERVERS])}"
                " Give one of %chat connect's names, or a base URL."
            )
        base_url = normal_url(where)
        known = next((row for row in ENDPOINTS.values() if row.base_url == base_url), None)
        if known is None:
            return Endpoint(base_url)
    return Endpoint(known.base_url, None, known.name, known.model, known.key_env)


def named_key(key_env: str, env: Mapping[str, str] = os.environ) -> Key:
    """The key in a variable that the user named. Raises ConfigError where it is not set."""
    key = Key.wrap(env.get(key_env))
    if key is None:
        raise ConfigError(f"The variable {key_env}, which should hold the key, is not set. Set it, or use %chat key.")
    return key


def _is_general_server(endpoint: Endpoint, env: Mapping[str, str]) -> bool:
    """Whether `NBCHAT_API_KEY` may go there."""
    named = env.get("NBCHAT_BASE_URL", "").strip()
    if not named:
        return endpoint.name not in LOCAL_SERVERS
    try:
        return is_same_server(located(named).base_url, endpoint.base_url)
    except ConfigError:
        return False


def is_same_server(one: str, other: str) -> bool:
    """Whether two base URLs have scheme, host and port in common: a key for one may go to the other."""
    return _origin(one) == _origin(other)


def _origin(base_url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(base_url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def choose(env: Mapping[str, str] = os.environ) -> Endpoint:
    """The server that the environment chooses: `NBCHAT_BASE_URL`, else a known endpoint whose key is set.

    Else the built-in model (its `base_url` is empty until it runs). A prompt never goes to a server that nobody chose.
    """
    model = env.get("NBCHAT_MODEL", "").strip() or None
    if base_url := env.get("NBCHAT_BASE_URL", "").strip():
        endpoint = endpoint_at(base_url, env=env)
        return replace(endpoint, model=model or endpoint.model, key_env=endpoint.key_env or "NBCHAT_API_KEY")
    for row in ENDPOINTS.values():
        if found := next((name for name in key_variables(row) if env.get(name, "").strip()), None):
            return Endpoint(row.base_url, Key.wrap(env[found]), row.name, model or row.model, found)
    return Endpoint("", None, BUILTIN, BUILTIN_MODEL)


KEYRING_SERVICE = "nbchat"


@functools.cache
def stored_key(base_url: str) -> Key | None:
    """The key that `%chat key --save` put into the system's keyring for this server; None = none, or no keyring.

    Asked once for each server: a keyring may take long, or ask the user.
    """
    keyring = _keyring()
    if keyring is None:
        return None
    try:
        return Key.wrap(keyring.get_password(KEYRING_SERVICE, public_url(base_url)))
    except keyring.errors.KeyringError:
        return None


def store_key(base_url: str, key: Key) -> None:
    """Put a key into the system's keyring. Raises ConfigError where there is none."""
    keyring = _keyring()
    if keyring is None:
        raise ConfigError("Keeping a key needs a keyring: pip install 'jupyter-nbchat[keyring]'.")
    try:
        keyring.set_password(KEYRING_SERVICE, public_url(base_url), key.reveal())
    except keyring.errors.KeyringError:
        raise ConfigError("This system has no keyring that can keep a key; it is used until the kernel ends.") from None
    stored_key.cache_clear()


def _keyring() -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    return keyring
