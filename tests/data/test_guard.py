"""Secrets do not leave with a message."""

from __future__ import annotations

import base64
import json
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.data.guard import check, environment_secrets, is_secret
from nbchat.values.errors import GuardError

KEY = 'sk-Abc+/9_xyz."q\\7\u00e9-0042'

secrets = st.text(alphabet=st.characters(codec="utf-8"), min_size=8).filter(is_secret)


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"key={KEY}.",
        urllib.parse.quote(KEY),
        urllib.parse.quote(KEY, safe=""),
        urllib.parse.quote_plus(KEY),
        json.dumps(KEY),
        json.dumps(KEY, ensure_ascii=False),
        base64.b64encode(f"user:{KEY}".encode()).decode(),
        base64.b64encode(KEY.encode()).decode(),
        base64.urlsafe_b64encode(f"a:{KEY}:b".encode()).decode(),
    ],
)
def test_a_secret_is_found_in_each_form(text: str) -> None:
    with pytest.raises(GuardError) as caught:
        check([("the message", "hello"), ("a tool result", text)], {"MY_API_KEY": KEY})
    assert str(caught.value) == (
        "A tool result holds the value of MY_API_KEY: take it out, or send it all the same with --unguarded."
    )


@given(secrets, st.text(), st.text())
def test_a_secret_is_found_wherever_it_stands_and_never_repeated(secret: str, before: str, after: str) -> None:
    with pytest.raises(GuardError) as caught:
        check([("turn 1", before + secret + after)], {"the key in use": secret})
    assert str(caught.value).startswith("Turn 1 holds the key in use: ")


@pytest.mark.parametrize("value", ["", "1234567", "password", "11111111", "true", "aaaaaaaab", "ollama"])
def test_what_is_too_plain_to_be_a_secret_refuses_nothing(value: str) -> None:
    check([("the message", f"the {value} here, and {value}")], {"A_KEY": value})


def test_secrets_of_an_environment_are_known_by_name_and_value(tmp_path: Path) -> None:
    kept = tmp_path / "credentials-file.json"
    kept.touch()
    environ = {
        "OPENAI_API_KEY": "sk-abcdef1234567890",
        "db_password": "hunter22!x",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
        "GOOGLE_APPLICATION_CREDENTIALS": str(kept),
        "TOKENIZERS_PARALLELISM": "false",
        "PATH": "/usr/local/bin:/usr/bin",
        "PWD": "/home/someone/project1",
        "KEY": "short",
    }
    assert set(environment_secrets(environ)) == {"OPENAI_API_KEY", "db_password", "AWS_SECRET_ACCESS_KEY"}
