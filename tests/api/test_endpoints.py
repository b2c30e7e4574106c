"""Which server is asked, with which key: what the user named, and never one server's key to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api import keys
from nbchat.api.endpoints import (
    BUILTIN_MODEL,
    ENDPOINTS,
    LOCAL_SERVERS,
    Endpoint,
    choose,
    endpoint_at,
    owner_of,
)
from nbchat.api.http.addresses import normal_url, public_url
from nbchat.api.keys import Key
from nbchat.values.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("https://api.example.com/v1/chat/completions", "https://api.example.com/v1"),
        ("https://api.example.com/v1/chat/completions?api-version=2", "https://api.example.com/v1?api-version=2"),
        (" api.example.com/v1\n", "https://api.example.com/v1"),
        ("localhost:8080", "http://localhost:8080"),
        ("127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("gpu-box:8000/v1", "https://gpu-box:8000/v1"),
        ("192.168.1.7:8000", "https://192.168.1.7:8000"),
        ("localhost", "http://localhost"),
        ("0.0.0.0:8000/v1", "http://0.0.0.0:8000/v1"),
        ("api.localhost:8000", "http://api.localhost:8000"),
        ("localhost.example.com:80", "https://localhost.example.com:80"),
        ("127.0.0.1.example.com", "https://127.0.0.1.example.com"),
        ("https://api.example.com/v1/models", "https://api.example.com/v1"),
        ("https://api.example.com/v1/completions/", "https://api.example.com/v1"),
        ("https://api.example.com/v1/chat", "https://api.example.com/v1"),
        ("https://api.example.com/v1/responses?api-version=preview", "https://api.example.com/v1?api-version=preview"),
        ("https://api.example.com//v1", "https://api.example.com/v1"),
        ("https://api.example.com/v1//chat/completions", "https://api.example.com/v1"),
        ("https://models.example.com/chatty/v1", "https://models.example.com/chatty/v1"),
        ("[::1]:8080/v1", "http://[::1]:8080/v1"),
    ],
)
def test_an_address_is_read_as_people_write_it(given, url):
    assert normal_url(given) == url


@pytest.mark.parametrize("given", ["ftp://x.y", "https://", "https://a b/v1", "https://a:port/v1", "http://[::1"])
def test_an_invalid_address_is_one_sentence(given):
    with pytest.raises(ConfigError, match="A base URL looks like"):
        normal_url(given)


@given(st.text())
def test_any_text_is_an_address_or_one_sentence(text):
    try:
        url = normal_url(text)
    except ConfigError as error:
        assert "A base URL looks like" in str(error)
    else:
        assert url.startswith(("http://", "https://"))
        assert normal_url(url) == url


def test_paths_and_queries_of_an_address_stay():
    endpoint = Endpoint("https://me.example.com/openai/deployments/x?api-version=2024")
    assert endpoint.chat_url == "https://me.example.com/openai/deployments/x/chat/completions?api-version=2024"
    assert endpoint.models_url == "https://me.example.com/openai/deployments/x/models?api-version=2024"


def test_an_address_is_shown_without_its_secrets():
    assert public_url("https://me:secret@example.com:8/v1?key=secret#secret") == "https://example.com:8/v1"
    assert "secret" not in repr(Endpoint("https://me:secret@example.com/v1?key=secret", Key("secret")))


def test_every_known_endpoint_is_chosen_by_its_name_and_by_its_variable():
    for name, row in ENDPOINTS.items():
        named = endpoint_at(name.upper(), env={row.key_env: "sk-1"})
        assert (named.base_url, named.name, named.key) == (row.base_url, name, Key("sk-1"))
        assert choose({row.key_env: "sk-1"}) == named
        assert endpoint_at(row.base_url, env={row.key_env: "sk-1"}) == named
        assert normal_url(row.base_url) == row.base_url


def test_each_key_goes_to_its_own_server_only():
    every = {row.key_env: f"key of {name}" for name, row in ENDPOINTS.items()}
    for name in ENDPOINTS:
        assert endpoint_at(name, env=every).key == Key(f"key of {name}")
    for name in LOCAL_SERVERS:
        assert endpoint_at(name, env=every).key is None
    assert endpoint_at("https://elsewhere.example.com/v1", env=every).key is None
    assert endpoint_at("https://api.openai.com.example.com/v1", env=every).key is None


@pytest.mark.parametrize("named", ["https://a.example.com/v1", "a.example.com", "https://A.example.com/v1/"])
def test_the_general_key_goes_with_the_general_address(named):
    env = {"NBCHAT_BASE_URL": named, "NBCHAT_API_KEY": "sk-1", "NBCHAT_MODEL": "m"}
    assert (choose(env).key, choose(env).model) == (Key("sk-1"), "m")
    assert endpoint_at("https://a.example.com/v2", env=env).key == Key("sk-1")
    assert endpoint_at("https://b.example.com/v1", env=env).key is None
    assert endpoint_at("http://a.example.com/v1", env=env).key is None


def test_the_general_address_may_be_a_name():
    env = {"NBCHAT_BASE_URL": "openai", "NBCHAT_API_KEY": "sk-1"}
    assert (choose(env).base_url, choose(env).key) == ("https://api.openai.com/v1", Key("sk-1"))
    assert endpoint_at("deepseek", env=env).key is None


@pytest.mark.parametrize("named", [{}, {"NBCHAT_BASE_URL": "https://a.example.com"}])
def test_an_endpoint_s_own_key_comes_before_the_general_one(named):
    """It says which variable that was, the second name of one included."""
    env = {**named, "NBCHAT_API_KEY": "sk-1", "OPENAI_API_KEY": "sk-2", "GOOGLE_API_KEY": "sk-3"}
    for where, key, variable in [("openai", "sk-2", "OPENAI_API_KEY"), ("gemini", "sk-3", "GOOGLE_API_KEY")]:
        endpoint = endpoint_at(where, env=env)
        assert (endpoint.key, endpoint.key_env) == (Key(key), variable)


@pytest.mark.parametrize("named", ["openai", "https://api.openai.com/v1"])
def test_the_general_key_comes_first_for_the_general_address(named):
    """DESIGN 1.1: NBCHAT_* before the variables of a known endpoint."""
    env = {"NBCHAT_BASE_URL": named, "NBCHAT_API_KEY": "sk-1", "OPENAI_API_KEY": "sk-2", "GROQ_API_KEY": "sk-3"}
    for endpoint in (choose(env), endpoint_at("openai", env=env)):
        assert (endpoint.key, endpoint.key_env) == (Key("sk-1"), "NBCHAT_API_KEY")
    assert endpoint_at("groq", env=env).key == Key("sk-3")


# The base-URL variable of a known endpoint


@pytest.mark.parametrize(
    ("name", "variable", "given", "url"),
    [
        ("openai", "OPENAI_BASE_URL", "https://gateway.example.com/v1/", "https://gateway.example.com/v1"),
        ("openai", "OPENAI_API_BASE", "https://gateway.example.com", "https://gateway.example.com"),
        ("anthropic", "ANTHROPIC_BASE_URL", "https://gateway.example.com", "https://gateway.example.com/v1"),
        ("anthropic", "ANTHROPIC_BASE_URL", "https://gateway.example.com/a", "https://gateway.example.com/a"),
        ("groq", "GROQ_BASE_URL", "https://gateway.example.com", "https://gateway.example.com/openai/v1"),
        ("deepseek", "DEEPSEEK_BASE_URL", "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"),
    ],
)
def test_the_address_that_a_key_s_own_tools_honour_is_where_it_goes(name, variable, given, url):
    row = ENDPOINTS[name]
    env = {row.key_env: "sk-1", variable: given}
    for endpoint in (choose(env), endpoint_at(name, env=env), endpoint_at(url, env=env)):
        assert (endpoint.base_url, endpoint.key, endpoint.title) == (url, Key("sk-1"), url)
    own = endpoint_at(row.base_url, env=env)
    assert (own.key, own.lacks_key, own.title) == (None, True, row.title)


def test_an_address_variable_without_an_address_is_named():
    with pytest.raises(ConfigError, match="The variable OPENAI_BASE_URL does not hold an address"):
        choose({"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "ftp://x"})
    assert endpoint_at("https://a.example.com", env={"OPENAI_BASE_URL": "ftp://x"}).base_url == "https://a.example.com"


def test_an_address_variable_alone_chooses_nothing():
    assert choose({"OPENAI_BASE_URL": "https://gateway.example.com/v1"}).is_builtin


@pytest.mark.parametrize("row", ENDPOINTS.values(), ids=lambda row: row.name)
def test_every_address_variable_is_honoured(row):
    for variable in row.url_envs:
        env = {row.key_env: "sk-1", variable: "https://gateway.example.com/v9"}
        assert choose(env).base_url == "https://gateway.example.com/v9"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("claude-3-7-sonnet-latest", "anthropic"),
        ("gpt-4o", "openai"),
        ("o3-mini", "openai"),
        ("anthropic/claude-3.5-sonnet", "openrouter"),
        ("grok-4", "xai"),
        ("codestral-latest", "mistral"),
        ("Gemini-2.5-pro", "gemini"),
        ("olmo-2", None),
        ("omni", None),
    ],
)
def test_a_model_s_own_server_is_known_by_its_name(model, name):
    row = owner_of(model)
    assert (row and row.name) == name


@pytest.mark.parametrize("where", ["https://a.example.com/v1", "http://127.0.0.1:9/v1", "openai"])
def test_the_general_key_alone_goes_to_the_server_that_is_named(where):
    """So that `--base-url URL` needs no second variable."""
    endpoint = endpoint_at(where, env={"NBCHAT_API_KEY": "sk-1", "DEEPSEEK_API_KEY": "sk-2"})
    assert (endpoint.key, endpoint.key_env) == (Key("sk-1"), "NBCHAT_API_KEY")


@pytest.mark.parametrize("where", LOCAL_SERVERS)
def test_the_general_key_goes_to_no_local_server_that_was_only_discovered(where):
    assert endpoint_at(where, env={"NBCHAT_API_KEY": "sk-1"}).key is None
    assert endpoint_at(where, env={"NBCHAT_API_KEY": "sk-1", "NBCHAT_BASE_URL": where}).key == Key("sk-1")


@pytest.mark.parametrize("where", ["https://b.example.com/v1", "https://a.example.com:8443/v1", "openai", "ollama"])
def test_the_general_key_goes_to_no_other_server_than_the_general_address(where):
    env = {"NBCHAT_API_KEY": "sk-1", "NBCHAT_BASE_URL": "https://a.example.com/v1"}
    assert endpoint_at(where, env=env).key is None
    assert endpoint_at("https://a.example.com:443/v2", env=env).key == Key("sk-1")


def test_an_invalid_general_address_gives_its_key_to_no_server():
    assert endpoint_at("openai", env={"NBCHAT_API_KEY": "sk-1", "NBCHAT_BASE_URL": "ftp://x"}).key is None


def test_without_a_choice_the_built_in_model_answers():
    for env in ({}, {"NBCHAT_API_KEY": "sk-1"}, {"OPENAI_API_KEY": "  "}, {"NBCHAT_BASE_URL": " "}):
        chosen = choose(env)
        assert (chosen.is_builtin, chosen.model, chosen.key) == (True, BUILTIN_MODEL, None)
        assert chosen.title == "The built-in model"


def test_a_named_variable_has_to_be_set():
    assert endpoint_at("openai", key_env="MY_KEY", env={"MY_KEY": "sk-1"}).key == Key("sk-1")
    with pytest.raises(ConfigError, match="The variable MY_KEY, which should hold the key, is not set"):
        endpoint_at("openai", key_env="MY_KEY", env={"OPENAI_API_KEY": "sk-1"})


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-0a1B2c3D4e5F",
        "gsk_0123456789abcdef",
        "hf_AbCdEfGhIjKlMnOp",
        "AIzaSyA0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "0123456789abcdef0123456789abcdef",
        "xai-a",
        "Bearer abc",
        "a.b.c",
    ],
)
def test_a_key_given_instead_of_its_variable_is_not_repeated(key):
    with pytest.raises(ConfigError, match="looks like the key itself") as caught:
        endpoint_at("openai", key_env=key, env={})
    assert key not in str(caught.value)


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(ConfigError, match=r"There is no endpoint 'opanai'. Did you mean openai\?"):
        endpoint_at("opanai", env={})


@pytest.mark.parametrize("key", ["sk-1234", "gsk_0123456789abcdef0123456789abcdef"])
def test_a_key_given_instead_of_an_endpoint_is_not_repeated(key):
    with pytest.raises(ConfigError, match="There is no endpoint of that name") as caught:
        endpoint_at(key, env={})
    assert key not in str(caught.value)


def test_a_stored_key_is_found_again_and_asked_for_once(monkeypatch):
    keyring = pytest.importorskip("keyring")
    kept, asked = {}, []
    monkeypatch.setattr(keyring, "set_password", lambda service, name, key: kept.update({(service, name): key}))
    monkeypatch.setattr(keyring, "get_password", lambda *where: asked.append(where) or kept.get(where))
    keys.stored_key.cache_clear()
    assert endpoint_at("openai", env={}).key is None
    keys.store_key("https://api.openai.com/v1", Key("sk-1"))
    assert [endpoint_at("openai", env={}).key for _ in range(3)] == [Key("sk-1")] * 3
    assert len(asked) == 2
    assert endpoint_at("http://127.0.0.1:9/v1", env={}).key is None
    assert len(asked) == 2, "opening a keyring takes longer than a local answer"
    keys.stored_key.cache_clear()


@pytest.mark.parametrize("name", ["built-in", "smollm2", "~/models/tiny.gguf"])
def test_the_environment_may_name_a_model_that_nbchat_runs_itself(name):
    """No key goes there, whatever is set."""
    endpoint = choose({"NBCHAT_BASE_URL": name, "NBCHAT_API_KEY": "sk-1", "OPENAI_API_KEY": "sk-2"})
    assert endpoint.is_own
    assert (endpoint.key, endpoint.key_env, endpoint.base_url) == (None, None, "")
    assert "~" not in endpoint.title


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("groq", "/openai/v1"),
        ("mistral", "/v1"),
        ("anthropic", "/v1"),
        ("gemini", "/v1beta/openai"),
        *((name, "") for name in ("openai", "302ai", "openrouter", "deepseek", "xai", "together", "nvidia")),
    ],
)
def test_an_address_variable_may_leave_out_the_path_that_its_own_tools_add(name, path):
    row = ENDPOINTS[name]
    for variable in row.url_envs:
        assert row.at({variable: "https://gateway.example.com"}) == f"https://gateway.example.com{path}"
        assert row.at({variable: " "}) == row.base_url


@pytest.mark.parametrize(("size", "shown"), [(20, "'a"), (21, "of that name")])
def test_a_long_name_that_is_unknown_may_be_a_key(size, shown):
    with pytest.raises(ConfigError, match=f"There is no endpoint {shown}"):
        endpoint_at("a" * size, env={})


@pytest.mark.parametrize(
    ("base_url", "urls"),
    [
        ("http://x/v1", ("http://x/tokenize", "http://x/v1/tokenize")),
        ("http://x/v1/", ("http://x/tokenize", "http://x/v1/tokenize")),
        ("http://x", ("http://x/tokenize",)),
    ],
)
def test_a_tokenizer_is_beside_or_below_the_api(base_url, urls):
    assert Endpoint(base_url).tokenizer_urls == urls


@pytest.mark.parametrize(
    ("endpoint", "lacks"),
    [
        (Endpoint("https://api.openai.com/v1", name="openai"), True),
        (Endpoint("https://api.openai.com/v1", Key("k"), name="openai"), False),
        (Endpoint("https://me:pass@api.openai.com/v1", name="openai"), False),
        (Endpoint("https://gateway.example.com/v1", name="openai"), False),
        (Endpoint("https://api.openai.com/v1"), False),
    ],
)
def test_a_known_server_lacks_its_key(endpoint, lacks):
    assert endpoint.lacks_key is lacks


@pytest.mark.parametrize(
    ("endpoint", "title"),
    [
        (Endpoint("", None, "built-in"), "The built-in model"),
        (Endpoint("", None, "smollm2"), "SmolLM2 on this machine"),
        (Endpoint("", None, "/models/tiny.gguf"), "tiny.gguf on this machine"),
        (Endpoint("https://api.openai.com/v1", name="openai"), "OpenAI"),
        (Endpoint("https://gateway.example.com/v1", name="openai"), "https://gateway.example.com/v1"),
        (Endpoint("https://me:pass@x/v1"), "https://x/v1"),
    ],
)
def test_an_endpoint_has_a_title(endpoint, title):
    assert (endpoint.title, repr(endpoint)) == (title, f"<Endpoint {title}>")


@pytest.mark.parametrize("name", ["smollm2", "SmolLM2", "/models/Tiny.GGUF", "tiny.gguf"])
def test_a_model_file_is_asked_for_by_its_stem(name):
    endpoint = endpoint_at(name, env={})
    assert endpoint.model == name.rpartition("/")[2].removesuffix(".GGUF").removesuffix(".gguf").replace(
        "SmolLM2", "smollm2"
    )
    assert endpoint.is_file


@pytest.mark.parametrize("where", ["~nobody-at-all/x.gguf", "a\0.gguf"])
def test_a_file_that_can_not_be_is_one_sentence(where):
    with pytest.raises(ConfigError, match="is not a model file"):
        endpoint_at(where, env={})
    with pytest.raises(ConfigError, match="A server is a known name or a URL; got int"):
        endpoint_at(5, env={})
