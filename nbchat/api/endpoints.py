"""Endpoints: the table of known servers, and how server, key and model are chosen."""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from nbchat.api.http.addresses import is_same_server, is_this_machine, normal_url, public_url, secrets_in, with_path
from nbchat.api.http.headers import Headers
from nbchat.api.keys import Key, Secrets, stored_key
from nbchat.values.errors import ConfigError
from nbchat.values.key_shapes import looks_like_key
from nbchat.values.modelname import SMOLLM2, is_model_file
from nbchat.values.wording import nearest

__all__ = [
    "BUILTIN",
    "ENDPOINTS",
    "LOCAL_SERVERS",
    "Endpoint",
    "KnownEndpoint",
    "choose",
    "endpoint_at",
    "located",
    "named_key",
    "owner_of",
]

BUILTIN = "built-in"
"""The name of the endpoint that every installation has."""

BUILTIN_NAMES = (BUILTIN, "builtin", "demo")

BUILTIN_MODEL = "nbchat-demo"


class KnownEndpoint(Struct, frozen=True):
    """A row of the table. `key_envs` are the variables that may hold its key, in order."""

    name: str
    title: str
    base_url: str
    key_envs: tuple[str, ...]
    model: str | None = None
    """A sensible first model; None = the user must choose one."""
    url_envs: tuple[str, ...] = ()
    """The variables with which its own tools override the address for the same key."""
    url_is_root: bool = False
    """Whether these variables omit the API's path."""
    models: str = ""
    """A pattern for the beginning of its model names; empty = it serves other vendors' models."""

    @property
    def key_env(self) -> str:
        """The usual variable of its key."""
        return self.key_envs[0]

    def at(self, env: Mapping[str, str]) -> str:
        """Return its address, or the one set in this environment. Raises ConfigError for an invalid one."""
        for name in self.url_envs:
            if given := env.get(name, "").strip():
                try:
                    url = normal_url(given)
                except ConfigError as error:
                    raise ConfigError(f"The variable {name} does not hold an address. {error}") from None
                bare = self.url_is_root and not urllib.parse.urlsplit(url).path
                return with_path(url, urllib.parse.urlsplit(self.base_url).path) if bare else url
        return self.base_url


ENDPOINTS: dict[str, KnownEndpoint] = {
    row.name: row
    for row in (
        KnownEndpoint(
            "302ai",
            "302.AI",
            "https://api.302.ai/v1",
            ("AI302_API_KEY", "API_302_KEY", "302AI_API_KEY", "302_API_KEY"),
            "claude-3-7-sonnet-latest",
            ("AI302_BASE_URL",),
        ),
        KnownEndpoint(
            "openai",
            "OpenAI",
            "https://api.openai.com/v1",
            ("OPENAI_API_KEY",),
            "gpt-4o-mini",
            ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
            models=r"(gpt|chatgpt|o\d)\b",
        ),
        KnownEndpoint(
            "openrouter",
            "OpenRouter",
            "https://openrouter.ai/api/v1",
            ("OPENROUTER_API_KEY",),
            "openrouter/auto",
            ("OPENROUTER_BASE_URL", "OPENROUTER_API_BASE"),
            models=r"[\w.-]+/",
        ),
        KnownEndpoint(
            "deepseek",
            "DeepSeek",
            "https://api.deepseek.com/v1",
            ("DEEPSEEK_API_KEY",),
            "deepseek-chat",
            ("DEEPSEEK_BASE_URL", "DEEPSEEK_API_BASE"),
            models="deepseek",
        ),
        KnownEndpoint(
            "groq",
            "Groq",
            "https://api.groq.com/openai/v1",
            ("GROQ_API_KEY",),
            "llama-3.3-70b-versatile",
            ("GROQ_BASE_URL",),
            url_is_root=True,
            models="llama-",
        ),
        KnownEndpoint(
            "mistral",
            "Mistral",
            "https://api.mistral.ai/v1",
            ("MISTRAL_API_KEY",),
            "mistral-small-latest",
            ("MISTRAL_BASE_URL", "MISTRAL_API_BASE"),
            url_is_root=True,
            models="(mi|code|mini|magi|dev|pix)stral",
        ),
        KnownEndpoint(
            "anthropic",
            "Anthropic",
            "https://api.anthropic.com/v1",
            ("ANTHROPIC_API_KEY",),
            "claude-haiku-4-5",
            ("ANTHROPIC_BASE_URL",),
            url_is_root=True,
            models="claude",
        ),
        KnownEndpoint(
            "together",
            "Together",
            "https://api.together.xyz/v1",
            ("TOGETHER_API_KEY",),
            url_envs=("TOGETHER_BASE_URL",),
        ),
        KnownEndpoint(
            "nvidia",
            "NVIDIA",
            "https://integrate.api.nvidia.com/v1",
            ("NVIDIA_API_KEY",),
            url_envs=("NVIDIA_BASE_URL",),
        ),
        KnownEndpoint(
            "gemini",
            "Google",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            "gemini-2.5-flash",
            ("GOOGLE_GEMINI_BASE_URL",),
            url_is_root=True,
            models="gemini|gemma",
        ),
        KnownEndpoint(
            "xai",
            "xAI",
            "https://api.x.ai/v1",
            ("XAI_API_KEY",),
            url_envs=("XAI_BASE_URL", "XAI_API_BASE"),
            models="grok",
        ),
    )
}
"""Known servers, in the order in which their key variables are checked."""

LOCAL_SERVERS: dict[str, str] = {
    "ollama": "http://localhost:11434/v1",
    "lmstudio": "http://localhost:1234/v1",
    "llamacpp": "http://localhost:8080/v1",
    "vllm": "http://localhost:8000/v1",
}
"""Local servers at their usual ports. Offered by name, used only when connected."""


class Endpoint(Struct, frozen=True):
    """A server to talk to. `model` is its default model; None = the user must choose."""

    base_url: str
    key: Key | None = None
    name: str = ""
    model: str | None = None
    key_env: str | None = None
    """The variable that holds, or would hold, the key; None = none."""
    headers: Headers = ()
    """Headers sent with every request."""

    @property
    def secrets(self) -> Key | None:
        """The secrets to mask in the server's output: the key, header values and their parts, those in the address."""
        return self.secrets_and(())

    def secrets_and(self, more: Iterable[str]) -> Key | None:
        """Its secrets together with others; None = none."""
        values = (value.reveal() for _, value in self.headers)
        parts = [part for value in values for part in (value, *value.split())]
        return Secrets.of(self.key, [*parts, *secrets_in(self.base_url), *more])

    @property
    def lacks_key(self) -> bool:
        """Whether it requires a key but has none."""
        row = ENDPOINTS.get(self.name)
        bare = self.key is None and not self.headers and "@" not in self.base_url
        return bare and row is not None and is_same_server(row.base_url, self.base_url)

    @property
    def chat_url(self) -> str:
        """The address of requests."""
        return with_path(self.base_url, "/chat/completions")

    @property
    def models_url(self) -> str:
        """The address of the list of models."""
        return with_path(self.base_url, "/models")

    @property
    def tokenizer_urls(self) -> tuple[str, ...]:
        """Possible tokenizer addresses; those of llama.cpp and vLLM are beside /v1."""
        below = with_path(self.base_url, "/tokenize")
        beside = with_path(self.base_url.rstrip("/").removesuffix("/v1"), "/tokenize")
        return tuple(dict.fromkeys((beside, below)))

    @property
    def is_builtin(self) -> bool:
        """Whether this is the built-in toy model."""
        return self.name == BUILTIN

    @property
    def is_file(self) -> bool:
        """Whether this is a model in a file, which runs in a process of its own."""
        return is_model_file(self.name)

    @property
    def is_own(self) -> bool:
        """Whether nbchat runs the model itself: no key is needed, and nothing is paid."""
        return self.is_builtin or self.is_file

    def __repr__(self) -> str:
        return f"<Endpoint {self.title}>"

    @property
    def title(self) -> str:
        """Its name for messages: a known name, or the address without secret parts."""
        if self.is_builtin:
            return "The built-in model"
        if self.is_file:
            return "SmolLM2 on this machine" if self.name == SMOLLM2 else f"{Path(self.name).name} on this machine"
        known = ENDPOINTS.get(self.name)
        is_own = known is not None and is_same_server(known.base_url, self.base_url)
        return known.title if known is not None and is_own else public_url(self.base_url)


def endpoint_at(
    where: str, *, api_key: str | Key | None = None, key_env: str | None = None, env: Mapping[str, str] = os.environ
) -> Endpoint:
    """Return the endpoint of a known name or URL. `key_env` names its key's variable; an empty `api_key` means no key.

    Without either, `NBCHAT_API_KEY` comes first for the server that `NBCHAT_BASE_URL` names, and never goes to another.
    Then comes an endpoint's own variable: OPENAI_API_KEY for OpenAI, or for the address in `OPENAI_BASE_URL`, and for
    no other server. Where `NBCHAT_BASE_URL` is not set, `NBCHAT_API_KEY` is for any named server without a key in a
    variable of its own, except the local servers in the table. The keyring comes last. Raises ConfigError.
    """
    endpoint = located(where, env)
    if endpoint.is_own:
        return endpoint
    if api_key is not None:
        return replace(endpoint, key=Key.wrap(api_key), key_env=None)
    if key_env is not None:
        return replace(endpoint, key=named_key(key_env, env), key_env=key_env)
    for name in _variables(endpoint, env):
        if key := Key.wrap(env.get(name)):
            return replace(endpoint, key=key, key_env=name)
    local = is_this_machine(urllib.parse.urlsplit(endpoint.base_url).hostname or "")
    stored = None if local else stored_key(endpoint.base_url)  # opening a keyring takes longer than a local answer
    return endpoint if stored is None else replace(endpoint, key=stored, key_env=None)


def _variables(endpoint: Endpoint, env: Mapping[str, str]) -> Iterator[str]:
    """The variables that may hold an endpoint's key, in order of precedence."""
    general = _general_server(env)
    if general and is_same_server(general, endpoint.base_url):
        yield "NBCHAT_API_KEY"
    row = ENDPOINTS.get(endpoint.name)
    if row is not None and is_same_server(row.at(env), endpoint.base_url):
        yield from row.key_envs
    if general is None and endpoint.name not in LOCAL_SERVERS:
        yield "NBCHAT_API_KEY"


def located(where: str, env: Mapping[str, str] = os.environ) -> Endpoint:
    """Return the endpoint of a known name or URL, without its key. Raises ConfigError."""
    if not isinstance(where, str):
        raise ConfigError(f"A server is a known name or a URL; got {type(where).__name__}.")
    if where.lower() in BUILTIN_NAMES:
        return Endpoint("", None, BUILTIN, BUILTIN_MODEL)
    if is_model_file(where):
        return model_file(where)
    known = ENDPOINTS.get(where.lower())
    if known is None and where.lower() in LOCAL_SERVERS:
        return Endpoint(LOCAL_SERVERS[where.lower()], name=where.lower())
    if known is None:
        if not re.search(r"[./:]", where) and where != "localhost":
            shown = "of that name" if len(where) > 20 or looks_like_key(where) else repr(where)
            raise ConfigError(
                f"There is no endpoint {shown}.{nearest(where, [*ENDPOINTS, *LOCAL_SERVERS, SMOLLM2])}"
                " Give a name that %chat connect lists, or a base URL."
            )
        base_url = normal_url(where)
        known = next((row for row in ENDPOINTS.values() if base_url in (row.base_url, _address(row, env))), None)
        if known is None:
            return Endpoint(base_url)
        return Endpoint(base_url, None, known.name, known.model, known.key_env)
    return Endpoint(known.at(env), None, known.name, known.model, known.key_env)


def model_file(name: str) -> Endpoint:
    """The endpoint of a model in a file; its `base_url` is empty until its process runs. Raises ConfigError."""
    try:
        path = SMOLLM2 if name.lower() == SMOLLM2 else str(Path(name).expanduser().resolve())
    except (OSError, RuntimeError, ValueError) as error:  # a link to itself, no home, a name that no file can have
        raise ConfigError(f"{name} is not a model file: {str(error).rstrip('.')}.") from None
    return Endpoint("", None, path, Path(path).stem)


def _address(row: KnownEndpoint, env: Mapping[str, str]) -> str | None:
    try:
        return row.at(env)
    except ConfigError:
        return None


def named_key(key_env: str, env: Mapping[str, str] = os.environ) -> Key:
    """Return the key in the variable named by the user. Raises ConfigError if it is not set."""
    key = Key.wrap(env.get(key_env)) if key_env.isprintable() else None  # looking for a lone surrogate raises
    if key is not None:
        return key
    if not re.fullmatch(_VARIABLE, key_env):
        raise ConfigError(
            "--key-env takes the name of a variable, such as OPENAI_API_KEY. What was given looks like the key itself:"
            " remove it from the notebook, and use %chat key."
        )
    raise ConfigError(f"The variable {key_env}, which should hold the key, is not set. Set it, or use %chat key.")


_VARIABLE = (
    "(?=.{1,40}$)[0-9]{0,3}[A-Z]{1,15}[0-9]{0,3}(_[A-Z]{0,15}[0-9]{0,3})*"
    "|(?=.{1,40}$)[a-z]{1,12}[0-9]{0,3}(_[a-z]{0,12}[0-9]{0,3})*"
)
"""The shape of a variable's name; anything else may be a key and is not repeated."""


def _general_server(env: Mapping[str, str]) -> str | None:
    """Return the address in `NBCHAT_BASE_URL`; None = not set, empty = invalid."""
    if not (named := env.get("NBCHAT_BASE_URL", "").strip()):
        return None
    try:
        return located(named, env).base_url
    except ConfigError:
        return ""


def choose(env: Mapping[str, str] = os.environ) -> Endpoint:
    """Return the environment's server: `NBCHAT_BASE_URL`, else a known endpoint whose key is set.

    Else the built-in model (its `base_url` is empty until it runs). A prompt never goes to a server that nobody chose.
    """
    model = env.get("NBCHAT_MODEL", "").strip() or None
    if base_url := env.get("NBCHAT_BASE_URL", "").strip():
        endpoint = endpoint_at(base_url, env=env)
        if endpoint.is_own:
            return endpoint
        return replace(endpoint, model=model or endpoint.model, key_env=endpoint.key_env or "NBCHAT_API_KEY")
    for row in ENDPOINTS.values():
        if found := next((name for name in row.key_envs if env.get(name, "").strip()), None):
            return Endpoint(row.at(env), Key.wrap(env[found]), row.name, model or row.model, found)
    return Endpoint("", None, BUILTIN, BUILTIN_MODEL)


def owner_of(model: str) -> KnownEndpoint | None:
    """Return the known server whose own models have such names; None = unknown."""
    return next((row for row in ENDPOINTS.values() if row.models and re.match(row.models, model, re.IGNORECASE)), None)
