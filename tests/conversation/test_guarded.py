"""Nothing is sent without the guard, and it sees every text of every body."""

import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbchat.conversation.exchange.outgoing import check_body
from nbchat.conversation.session import Session
from nbchat.testing import Cut, Say, Stream, chunk, tool_call
from nbchat.values.errors import GuardError, NbchatError
from nbchat.values.messages import ImagePart, Message, TextPart
from tests.environment import PACKAGE, ROOT, clean_environment

SECRET = "tok-8f7e6d5c4b3a2910"
PIXEL = "data:image/png;base64,iVBORw0KGgo="

SCRIPT = """
{imports}
import sys
from nbchat.values.errors import GuardError
chat = Session(base_url=sys.argv[1], model="m")
try:
    chat.ask("My token is {secret}.")
except GuardError as error:
    print(error)
"""


@pytest.fixture
def chat(server, monkeypatch):
    """A session of a user who has a secret in the environment."""
    monkeypatch.setenv("MY_TOKEN", SECRET)
    return Session(base_url=server.base_url, model="m")


@pytest.mark.parametrize(
    "imports", ["from nbchat import Session", "from nbchat.conversation.session import Session"], ids=["public", "core"]
)
def test_a_secret_is_refused_however_the_session_was_imported(server, tmp_path, imports):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(imports=imports, secret=SECRET), server.base_url],
        cwd=ROOT,
        env={**clean_environment(tmp_path), "MY_TOKEN": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "The message contains the value of MY_TOKEN" in done.stdout
    assert server.requests == []


def test_requests_are_sent_in_one_place_alone():
    """The guard is there; another place would bypass it. Requests of rows are checked by their form."""
    sending = re.compile(r"\bengine(\(\))?\.(start|open)\(|\bclient\.answer\(")
    senders = [path for path in PACKAGE.rglob("*.py") if sending.search(path.read_text())]
    assert {path.name for path in senders} == {"dispatcher.py", "engine.py", "exchange.py"}
    makers = [path for path in PACKAGE.rglob("*.py") if re.search(r"\bWritten\(", path.read_text())]
    assert {path.name for path in makers} == {"form.py"}


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (lambda chat: chat.ask(f"It is {SECRET}"), "The message contains"),
        (
            lambda chat: chat.ask(Message("user", (TextPart(f"It is {SECRET}"), ImagePart(PIXEL)))),
            "The message contains",
        ),
        (
            lambda chat: chat.ask(Message("user", (TextPart("See"), ImagePart(f"https://example.com/?t={SECRET}")))),
            "The message contains",
        ),
        (lambda chat: chat.ask("Hi", system=f"It is {SECRET}"), "The system text contains"),
        (lambda chat: chat.ask("Hi", user=SECRET), "The parameter user contains"),
        (lambda chat: chat.ask("Hi", stop=["END", SECRET]), "The parameter stop contains"),
        (lambda chat: chat.ask("Hi", extra={"metadata": {"key": [SECRET]}}), "The parameter metadata contains"),
        (
            lambda chat: chat.ask(
                "Hi", tools=[{"type": "function", "function": {"name": "f", "description": f"Takes {SECRET}"}}]
            ),
            "A tool's description contains",
        ),
        (
            lambda chat: chat.ask("Hi", schema={"type": "object", "properties": {"a": {"description": SECRET}}}),
            "The schema contains",
        ),
    ],
)
def test_every_part_of_a_body_is_checked(server, chat, place, said):
    with pytest.raises(GuardError, match=f"{said} the value of MY_TOKEN"):
        place(chat)
    assert server.requests == []
    assert chat.turns == ()


def test_the_whole_history_is_checked_with_every_request(server, chat, monkeypatch):
    """What was no secret when it was asked may be one now."""
    monkeypatch.delenv("MY_TOKEN")
    server.add(Say(f"You said {SECRET}."), Say("Fine."))
    chat.ask("Say it")
    chat.ask("And now?")
    monkeypatch.setenv("MY_TOKEN", SECRET)
    with pytest.raises(GuardError, match="The history contains"):
        chat.ask("What else?")
    with pytest.raises(GuardError, match="The history contains"), chat.stream("What else?") as events:
        list(events)
    assert len(server.requests) == 2
    chat.ask("What else?", unguarded=True)
    assert len(server.requests) == 3


def test_what_an_answer_brought_is_checked_before_the_next_step(server, chat):
    """The arguments of a call go out again with its result."""
    chat.tool(lambda_free, safe=True)
    server.add(Say("", tool_calls=[tool_call("lambda_free", {"text": SECRET})]))
    with pytest.raises(GuardError, match="The history contains"):
        chat.ask("Go")
    assert len(server.requests) == 1


def test_an_answer_that_is_continued_is_checked_too(server, chat):
    server.add(Stream([chunk(f"It is {SECRET}, and"), Cut()]))
    with pytest.raises(NbchatError):
        chat.ask("Say it")
    with pytest.raises(GuardError):
        chat.resume()
    assert len(server.requests) == 1


def test_each_secret_of_a_request_is_looked_for_and_told_apart(server, monkeypatch):
    secrets = {"FIRST": "hk-1a2b3c4d5e6f", "SECOND": "hk-9z8y7x6w5v4u"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    headers = {f"X-{name}": f"${name}" for name in secrets}
    chat = Session(base_url=server.base_url, model="m", headers=headers, api_key="sk-0p9o8i7u6y5t")
    for secret in (*secrets.values(), "sk-0p9o8i7u6y5t"):
        with pytest.raises(GuardError, match=r"secret \d of this request"):
            chat.ask(f"It is {secret}")
    assert server.requests == []
    assert chat.ask("Hi").text


def lambda_free(text: str) -> str:
    return "done"


values = st.recursive(
    st.text(max_size=5) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.data(), st.lists(st.sampled_from(["system", "user", "assistant", "tool"]), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_secret_in_any_message_is_found_whichever_it_is(monkeypatch, data, roles):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    messages = [{"role": role, "content": data.draw(st.text(max_size=20))} for role in roles]
    body = {"model": "m", "messages": messages, "extra": data.draw(values)}
    check_body(body, None)
    at = data.draw(st.integers(0, len(messages) - 1))
    field = data.draw(st.sampled_from(["content", "name", "tool_call_id", "reasoning_content"]))
    messages[at] = {**messages[at], field: f"{data.draw(st.text(max_size=5))} {SECRET}"}
    with pytest.raises(GuardError):
        check_body(body, None)
