"""A key does not show itself, and is masked wherever it comes back."""

import html
import json
import pickle
import sys
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.keys import Key, Redactor, Secrets, store_key, stored_key
from nbchat.values.errors import ConfigError
from nbchat.values.key_shapes import MASK, looks_like_key
from tests import strategies
from tests.growth import growth


@given(strategies.secrets)
def test_a_key_is_in_no_text_made_of_it(secret):
    key = Key(secret)
    shown = f"{key} {key!r} {key!s} {[key]}"
    assert secret not in shown
    with pytest.raises(TypeError, match="never written"):
        pickle.dumps(key)


def test_a_key_is_whatever_text_was_given():
    assert Key.wrap(" sk-1 \n").reveal() == "sk-1"
    assert Key.wrap("  ") is Key.wrap(None) is None
    assert Key.wrap(Key("a")) == Key("a")
    assert len({Key("a"), Key("a"), Key("b")}) == 2
    with pytest.raises(ConfigError, match="A key must be text; got bytes"):
        Key.wrap(b"sk-1")


def test_secrets_are_told_apart_by_all_of_them():
    one, other = Key("sk-first-1234567"), "Bearer sk-other-7654321"
    both = Secrets.of(one, [other])
    assert both == Secrets.of(Key(other), [one.reveal()])
    assert both.digest(b"salt") == Secrets.of(Key(other), [one.reveal()]).digest(b"salt")
    assert both not in (Secrets.of(None, [other]), Secrets.of(one, []), one)
    assert both.digest(b"salt") != Secrets.of(None, [other]).digest(b"salt")


def test_a_header_s_value_that_may_be_a_word_is_no_secret():
    key = Key("sk-first-1234567")
    assert Secrets.of(None, ["data", "x"]) is None
    assert Secrets.of(key, ["data"]) is key
    assert Secrets.of(key, ["data", "sk-other-7654321"]).redact("data sk-other-7654321") == "data [key]"


@pytest.mark.parametrize("secret", ["sk-1\nsk-2", "sk-ключ", "sk-\x00", "sk-\u200b1"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_quoted(secret):
    with pytest.raises(ConfigError) as caught:
        Key(secret).authorization()
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(
    ("secret", "distinct"),
    [
        ("sk-proj-1234567890", True),
        ("sk-test", True),
        ("averylongkeyofle", True),
        ("averylongkeyofl", False),
        ("key-12", True),
        ("key12", False),
        ("ollama", False),
        ("lm-studio", False),
        ("not-needed", False),
        ("x", False),
        ("", False),
    ],
)
def test_a_word_that_a_model_may_say_is_not_masked_in_its_text(secret, distinct):
    assert Key(secret).distinct is distinct


def test_a_key_of_four_characters_is_masked_where_a_server_repeats_it_and_a_shorter_one_is_none():
    assert (Key("k123").redact("k1234"), Key("k123").is_placeholder) == (f"{MASK}4", False)
    assert (Key("k12").redact("k1234"), Key("k12").is_placeholder) == ("k1234", True)


@given(strategies.secrets, st.data())
def test_any_split_is_masked_alike_and_never_shows_the_secret(secret, data):
    parts = st.sampled_from([secret, secret[:4], secret[:-1], secret[-3:], secret[:1], " ", "text", "é"])
    text = "".join(data.draw(st.lists(parts, max_size=8)))
    redactor = Redactor.of_text(Key(secret))
    out = "".join(redactor.feed(piece) for piece in data.draw(strategies.cut(text))) + redactor.flush()
    assert out == text.replace(secret, MASK)
    octets = Redactor.of_bytes(Key(secret))
    raw = text.encode()
    assert b"".join(octets.feed(piece) for piece in data.draw(strategies.cut(raw))) + octets.flush() == out.encode()


@given(st.lists(st.text(max_size=5), max_size=5))
def test_without_a_key_everything_passes_at_once(pieces):
    redactor = Redactor.of_text(None)
    assert [redactor.feed(piece) for piece in pieces] == pieces
    assert redactor.flush() == ""


@pytest.mark.parametrize(
    "text", ["sk-abc", "--key=sk-abc", "gsk_012", "AIzaSyA", "key=xai-1", "0123456789abcdef0123", "eyJhbGci.e30.x"]
)
def test_what_looks_like_a_key_is_known(text):
    assert looks_like_key(text)


@pytest.mark.parametrize(
    "text", ["openai", "gpt-4o", "--model", "task-force", "http", "llama3.2:1b", "a-very-long-name-of-a-model"]
)
def test_what_does_not_look_like_a_key_may_be_repeated(text):
    assert not looks_like_key(text)


FORMS = [
    lambda secret: secret,
    str.upper,
    lambda secret: json.dumps(secret)[1:-1],
    lambda secret: json.dumps(json.dumps(secret)[1:-1])[1:-1].replace("/", "\\/"),
    lambda secret: "".join(f"\\u{ord(char):04X}" for char in secret),
    lambda secret: quote(secret, safe=""),
    html.escape,
    lambda secret: "".join(f"&#{ord(char)};" for char in secret),
]


@given(st.text("".join(map(chr, range(33, 127))).replace("\\", ""), min_size=16, max_size=24), st.sampled_from(FORMS))
def test_a_key_is_masked_as_others_quote_it(secret, form):
    masked = Key(secret).redact(f"No such key: '{form(secret)}'.")
    assert "[key]" in masked
    # A key may begin or end with an escape's own character, which stays.
    assert len(masked) <= len("No such key: '[key]'.") + 6


@pytest.mark.parametrize("piece", ["\\", "&#0", "0", "%7", "sk-", "\\u0073"])
def test_masking_takes_linear_time(piece):
    assert growth(lambda count: Key("sk-live-4f9Zq_77abcdefgh").redact("&#" + piece * count), 6_000) < 40


def test_without_a_keyring_no_key_is_stored_or_found(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    stored_key.cache_clear()
    assert stored_key("https://x/v1") is None
    with pytest.raises(ConfigError, match="needs a keyring"):
        store_key("https://x/v1", Key("sk-1"))


def test_a_keyring_that_fails_is_one_sentence(monkeypatch):
    keyring = pytest.importorskip("keyring")

    def fail(*_given):
        raise keyring.errors.KeyringLocked

    monkeypatch.setattr(keyring, "get_password", fail)
    monkeypatch.setattr(keyring, "set_password", fail)
    stored_key.cache_clear()
    assert stored_key("https://x/v1") is None
    with pytest.raises(ConfigError, match="no keyring that stores keys; the key is used until the kernel ends"):
        store_key("https://x/v1", Key("sk-1"))


@pytest.mark.parametrize("salt", [b"one", b"other"])
def test_a_digest_tells_keys_apart_and_nothing_else(salt):
    digests = {Key(secret).digest(salt) for secret in ("sk-1", "sk-2", " sk-1", "sk-\ud83d")}
    assert {len(digest) for digest in digests} == {16}
    assert len(digests) == 3
    assert digests.isdisjoint({Key("sk-1").digest(b"third")})


@pytest.mark.parametrize("piece", ["s", "sk", "xsk-", "sk-live-4f9Zq_7", "sksk-live"])
def test_only_what_may_begin_the_key_waits(piece):
    redactor = Redactor.of_text(Key("sk-live-4f9Zq_77"))
    shown = redactor.feed(piece)
    assert (shown, redactor.holds) == (
        piece[: len(piece) - len(piece.lstrip("x")) + 2 * piece.startswith("sksk")],
        True,
    )
    assert redactor.feed("!") == piece[len(shown) :] + "!"
    assert not redactor.holds
    redactor.feed(piece)
    assert (redactor.flush(), redactor.flush(), redactor.holds) == (piece[len(shown) :], "", False)
