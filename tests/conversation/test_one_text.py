"""One answer, one text: sent, received, journalled, replayed, exported and imported, it is the same to the character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.registry import stored_session
from nbchat.conversation.session import Session
from nbchat.display.painter import Painter
from nbchat.markdown.terminal_text import plain_text
from nbchat.store.opening import journal
from nbchat.testing import Cut, Say, ScriptedServer, Stream
from nbchat.testing.payloads import chunk
from nbchat.values.errors import NbchatError
from tests import strategies
from tests.display.test_painter import Sheet

FORMS = ("json", "jsonl", "ipynb")


@pytest.fixture(scope="module")
def talking():
    with ScriptedServer() as server:
        yield server


def session(server, name):
    made = Session(name=name, base_url=server.base_url, model="scripted-1")
    made.cache = True
    return made


def reopened(name):
    assert journal().flush(20.0)
    return Session.reopen(stored_session(name))


def painted(chat, question):
    """The reply, and the plain texts of the outputs that its cell saves, without the footer."""
    sheet = Sheet()
    reply = chat.ask(question, display=Painter(sheet))
    *outputs, _footer = sheet.outputs.values()
    return reply, [bundle["text/plain"] for bundle in outputs if "text/markdown" in bundle]


numbers = iter(range(10**9))


@strategies.scaled(0.5)
@given(pieces=st.lists(strategies.texts | st.text(max_size=6), min_size=1, max_size=8), asked=strategies.texts)
def test_a_whole_answer_is_one_text_everywhere(talking, tmp_path_factory, pieces, asked):
    name = f"s{next(numbers)}"
    question = f"{name} {asked}"
    chat = session(talking, name)
    talking.add(Say(pieces))
    reply, live = painted(chat, question)
    again = session(talking, f"{name}r")
    replayed, painted_again = painted(again, question)
    assert painted_again == live
    assert "".join(live).strip() == plain_text(reply.text).strip()
    texts = [chat.turns[-1].reply.text, replayed.text, reopened(name).turns[-1].reply.text]
    folder = tmp_path_factory.mktemp("exported")
    for form in FORMS:
        loaded = Session.load(chat.export(folder / f"talk.{form}"))
        texts.append(loaded.turns[-1].reply.text)
        assert loaded.turns[-1].message.text == question
    assert texts == [reply.text] * len(texts)
    assert replayed.replayed or reply.empty


@strategies.scaled(0.5)
@given(pieces=st.lists(strategies.texts.filter(bool), min_size=1, max_size=6))
def test_a_partial_answer_is_one_text_everywhere_too(talking, tmp_path_factory, pieces):
    name = f"p{next(numbers)}"
    chat = session(talking, name)
    talking.add(Stream([*map(chunk, pieces), Cut()]))
    try:
        chat.ask(name)
    except NbchatError as error:
        part = error.reply
    if part is None:  # what came was all spaces, or less
        assert chat.turns == ()
        return
    folder = tmp_path_factory.mktemp("exported")
    sessions = [reopened(name), *(Session.load(chat.export(folder / f"talk.{form}")) for form in FORMS)]
    assert [one.turns[-1].reply.text for one in sessions] == [part.text] * 4


def test_other_programs_read_the_messages_and_theirs_are_read(talking, tmp_path):
    import json

    chat = session(talking, "messages")
    chat.system = "Be brief."
    talking.add(Say("one"))
    chat.ask("first")
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "one"},
    ]
    assert json.loads((chat.export(tmp_path / "a.json")).read_text())["messages"] == messages
    (line,) = chat.export(tmp_path / "a.jsonl").read_text().splitlines()
    assert json.loads(line)["messages"] == messages
    (tmp_path / "tuning.jsonl").write_text(json.dumps({"messages": messages}) + "\n")
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, messages)))
    for name in ("tuning.jsonl", "lines.jsonl"):
        loaded = Session.load(tmp_path / name)
        assert (loaded.system, loaded.messages) == ("Be brief.", messages)
