"""Rows pass the guard as ordinary prompts do: what must not leave is a failed row, and nothing of it is sent."""

import pandas as pd
import pytest

from nbchat.data.privacy.private_columns import forget, private
from nbchat.values.errors import GuardError

SECRET = "sk-9f8a7b6c5d4e3f2a1b0c"


@pytest.fixture(autouse=True)
def nothing_private():
    """No column of another test's is private."""
    yield
    forget()


def test_a_row_with_a_secret_fails_alone(chat, asked, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    result = chat.map(["a", f"it is {SECRET}", "b"], "{item}")
    assert result == ["A", None, "B"]
    assert asked() == ["a", "b"]
    (reason,) = result.errors()["reason"]
    assert "MY_TOKEN" in reason
    assert SECRET not in repr(result.errors()) + repr(result)


def test_a_row_with_a_private_value_fails_alone(chat, asked):
    people = private(pd.DataFrame({"email": ["ada@example.com", "bob@example.com"]}), "email")
    result = chat.map(["a", "write to ada@example.com"], "{item}")
    assert asked() == ["a"]
    assert "private column 'email'" in result.errors()["reason"][0]
    assert len(people) == 2


def test_a_template_or_system_text_with_a_secret_is_refused_at_once(chat, server, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    for template, options in [(f"{SECRET} {{item}}", {}), ("{item}", {"system": SECRET})]:
        with pytest.raises(GuardError, match="MY_TOKEN"):
            chat.map(["a", "b"], template, **options)
    assert server.requests == []


def test_a_template_that_names_a_private_column_is_refused_at_once(chat, server):
    people = private(pd.DataFrame({"email": ["ada@example.com"], "age": [36]}), "email")
    for template in ("Write to {email}", "{row['email']}", "Who is {item}?", "{= email.upper()}"):
        with pytest.raises(GuardError, match="'email' is private"):
            chat.map(people, template)
    assert server.requests == []
    assert chat.map(people, "{age}").tolist() == ["36"]


def test_a_series_of_private_values_is_refused_at_once(chat, server):
    people = private(pd.DataFrame({"email": ["ada@example.com"]}), "email")
    with pytest.raises(GuardError, match="'email' is private"):
        chat.map(people["email"], "{item}")
    assert server.requests == []


def test_unguarded_sends_it(chat, asked, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    chat.map([SECRET], "{item}", unguarded=True)
    assert asked() == [SECRET]
