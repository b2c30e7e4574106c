"""Uses of nbchat as a user's type checker sees them. `tests/test_typing.py` checks this file; nothing runs it."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import pandas as pd

import nbchat
from nbchat import Choice, Event, NbchatError, Params, Reply, Session, Sweep, TextDelta, Turn, Usage
from nbchat.testing import Say, ScriptedServer


def ask() -> str:
    chat = Session(model="m", system="You are terse.", temperature=0.2, headers={"X-Team": "$TEAM"})
    reply = chat.ask("Hi", display=False, top_p=None)
    assert_type(reply, Reply)
    assert_type(reply.choices, tuple[Choice, ...])
    assert_type(reply.usage, Usage)
    assert_type(reply.usage.total_tokens, int | None)
    assert_type(reply.cost, float | None)
    assert_type(chat.turns[-1], Turn)
    assert_type(chat.params, Params)
    assert_type(chat.fork("b"), Session)
    assert_type(Session.load(Path("a.json")), Session)
    assert_type(chat.export("a.md"), Path)
    return reply.text


def stream(chat: Session) -> str:
    text = ""
    with chat.stream("Hi", stop=["\n"]) as events:
        for event in events:
            assert_type(event, Event)
            if isinstance(event, TextDelta):
                text += event.text
    return text


async def in_a_coroutine(chat: Session) -> str:
    reply = await chat.aask("Hi")
    async with chat.astream("Hi") as events:
        async for event in events:
            assert_type(event, Event)
    return reply.text


def fail(chat: Session) -> Reply | None:
    try:
        return chat.ask("Hi")
    except NbchatError as error:
        return error.reply


def tune(chat: Session) -> Sweep:
    sweep = chat.sweep("Hi", temperature=[0, 0.5], repeat=3, score=len)
    assert_type(sweep, Sweep)
    return chat.compare("Hi", ["a", "b"])


def register(chat: Session) -> int:
    @chat.tool
    def rows_over(limit: float) -> int:
        return int(limit)

    @chat.tool(safe=True)
    async def rows_under(limit: float) -> int:
        return int(limit)

    assert_type(rows_over(3), int)
    return rows_over(3)


def shared() -> Session:
    return assert_type(nbchat.session("b"), Session)


def described(frame: pd.DataFrame) -> str:
    return nbchat.describe(frame, "head 3", budget=500)


def private(frame: pd.DataFrame) -> pd.DataFrame:
    return nbchat.private(frame, "email", "name")


def scripted() -> str:
    with ScriptedServer(Say("Hi", usage=(1, 2))) as server:
        return Session(base_url=server.base_url).ask("Hi").text
