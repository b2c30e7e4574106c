"""The guard refuses messages that contain secrets."""

from __future__ import annotations

import base64
import json
import urllib.parse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.data.privacy.guard import check, environment_secrets, is_secret
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
        "A tool result contains the value of MY_API_KEY: remove it, or send it anyway with --unguarded."
    )


@given(secrets, st.text(), st.text())
def test_a_secret_is_found_wherever_it_stands_and_never_repeated(secret: str, before: str, after: str) -> None:
    with pytest.raises(GuardError) as caught:
        check([("turn 1", before + secret + after)], {"the key in use": secret})
    assert str(caught.value).startswith("Turn 1 contains the key in use: ")


@pytest.mark.parametrize("value", ["", "1234567", "password", "11111111", "true", "aaaaaaaab", "ollama"])
def test_values_too_plain_to_be_secrets_refuse_nothing(value: str) -> None:
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


@pytest.mark.parametrize(
    "name",
    ["DATABASE_URL", "MONGO_URI", "SQLALCHEMY_DATABASE_URI", "DB_PASS", "MYSQL_PASSWORD_PROD", "SMTP_PASS_2", "DB_PWD", "GITHUB_PAT",
     "AZURE_DEVOPS_EXT_PAT", "SENTRY_DSN", "SLACK_WEBHOOK_URL", "WEBHOOK", "JWT", "APP_JWT", "AZURE_STORAGE_CONNECTION_STRING",
     "OPENAI_API_KEY", "openaiApiKey", "dbPassword", "PGPASSWORD", "KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "CLIENT_SECRET",
     "DB_CREDENTIALS", "APIKEY", "SECRET_KEY", "AUTHTOKEN", "SSH_PRIVATE_KEY"],
)  # fmt: skip
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert list(environment_secrets({name: "x7Gk-29fLq_Zp41"})) == [name]


@pytest.mark.parametrize(
    "name",
    ["PRIMARY_KEY", "FOREIGN_KEY", "PUBLIC_KEY", "TOKENIZER", "TOKENIZERS_PARALLELISM", "KEYBOARD", "KEYBOARD_LAYOUT", "TOKEN_URL",
     "OAUTH_TOKEN_URL", "API_KEY_HEADER", "X_KEY_HEADER", "MONKEY", "COMPASS", "BYPASS", "PASSENGER", "PATH", "PATTERN", "PWD",
     "OLDPWD", "KEYWORDS", "SECRETARY", "KEY_FILE", "JWT_ISSUER", "PATIENT", "DESKTOP_SESSION", "API_KEY_NAME", "HOME"],
)  # fmt: skip
def test_values_that_only_look_like_secrets_are_ignored(name: str) -> None:
    assert environment_secrets({name: "x7Gk-29fLq_Zp41"}) == {}


@pytest.mark.parametrize(
    "value",
    [
        "postgres://joe:hunter22%21x@db.example:5432/app",
        "Server=db.example;User Id=joe;Password=hunter22!x;",
        "mongodb+srv://joe:hunter22!x@cluster.example/?w=1",
        'host=db user=joe password="hunter22!x"',
    ],
)
def test_a_connection_string_is_a_secret_and_so_is_its_password(value: str) -> None:
    secrets = environment_secrets({"ANYTHING": value})
    for text in (f"connect to {value} please", "the password is hunter22!x" if "%" not in value else "hunter22%21x"):
        with pytest.raises(GuardError):
            check([("the message", text)], secrets)
    check([("the message", "connect to db.example")], secrets)


def test_an_address_without_a_password_is_no_secret() -> None:
    assert environment_secrets({"SERVICE": "https://api.example:8443/v1", "MAIL": "mailto:a@b.example"}) == {}
