"""Stored conversations and journals that somebody, or something, has changed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from nbchat import Session
from nbchat.conversation.process import process
from nbchat.store.opening import journal, journal_path
from nbchat.testing import Say, tool_call
from tests import strategies
from tests.conversation.test_damaged_journal import inside
from tests.fuzz.world import Finding, World, allowed, mutations, same, texts


def talk(world: World) -> Session:
    """A session with a bit of everything."""
    call = Say("", tool_calls=[tool_call("f", {"a": 1})])
    world.play(Say("answer", reasoning="hm", usage=(5, 3)), call, Say("end 🙂\u2028"))
    chat = Session(name="talk", base_url=world.server.base_url, model="scripted-1", system="Be brief.", temperature=0.5)
    for message in ("first", "second", "third"):
        chat.ask(message, display=False, cell_id=message)
    chat.retry(display=False)
    chat.rate(chat.turns[0], thumb=True, score=3, note="fine")
    return chat


def exported(world: World) -> dict[str, bytes]:
    """Good files of a session, by name."""
    chat = talk(world)
    return {
        f"t.{ending}": chat.export(world.home / f"t.{ending}").read_bytes() for ending in ("json", "jsonl", "ipynb")
    }


def stored(world: World) -> bytes:
    """A good journal."""
    talk(world)
    journal().flush(20.0)
    with contextlib.closing(sqlite3.connect(journal_path())) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return journal_path().read_bytes()


@st.composite
def damaged_files(draw: Any, files: dict[str, bytes]) -> tuple[str, bytes]:
    """A file that is damaged in its bytes or edited in its JSON."""
    name = draw(st.sampled_from(sorted(files)))
    if draw(st.booleans()):
        return name, draw(mutations(files[name]))
    content = json.loads(files[name])
    for _ in range(draw(st.integers(1, 3))):
        if not (places := list(inside(content))):
            break
        holder, key = draw(st.sampled_from(places))
        if draw(st.booleans()):
            holder[key] = draw(
                strategies.json_values | texts | st.sampled_from([10**400, 1e400, [[]] * 3, {"role": 1}])
            )
        elif isinstance(holder, dict):
            holder.pop(key)
        else:
            holder.insert(key, holder[key])
    return name, json.dumps(content).encode()


def a_file(world: World, case: tuple[str, bytes]) -> None:
    """It is loaded, or refused in one sentence; what is loaded can go on."""
    name, data = case
    (world.home / name).write_bytes(data)
    with allowed():
        chat = Session.load(world.home / name)
        chat.connect(world.server.base_url)
        chat.set(model="scripted-1", **dict.fromkeys(dict(chat.params.items()).keys() - {"model"}))
        held = [turn.reply.text for turn in chat.turns]
        world.play()
        with allowed():
            chat.ask("And now?", display=False)
        same([turn.reply.text for turn in chat.turns][: len(held)], held, "the turns")
        for ending in ("json", "ipynb", "md"):
            chat.export(world.home / f"again.{ending}")
        repr(chat.messages), repr(chat), chat.ledger().to_frame()


@st.composite
def damaged_pages(draw: Any, data: bytes) -> bytes:
    """The bytes with whole pages of SQLite's emptied, removed or filled with others."""
    damaged = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        to, source = (draw(st.integers(0, len(data) // 4096 - 1)) * 4096 for _ in range(2))
        page = st.sampled_from([bytes(4096), b"\xff" * 4096, data[source : source + 4096], b""])
        damaged[to : to + 4096] = draw(page)
    return bytes(damaged)


def a_journal(world: World, case: tuple[bytes, bool]) -> None:
    """It costs what it held: the next answer comes, and no look at it raises anything but a sentence."""
    data, tail = case
    process.renew()
    journal().close(5.0)
    for file in journal_path().parent.glob(f"{journal_path().name}*"):
        file.unlink()
    journal_path().write_bytes(data)
    if tail:
        Path(f"{journal_path()}-wal").write_bytes(data[::-1])
    with allowed():
        for row in journal().sessions():
            with allowed():
                again = Session.reopen(row)
                again.export(world.home / "again.json")
                repr(again.turns)
    with allowed():
        journal().find("answer")
    with allowed():
        Session(name="talk", base_url=world.server.base_url).ledger(everywhere=True).to_frame()
    world.play()
    chat = world.session()
    reply = chat.ask("Hello", display=False)
    same((reply.status, len(chat.turns)), ("complete", 1), "the answer")
    if not journal().flush(20.0) and "another program's database" not in str((reply.notices, journal().warning())):
        raise Finding(f"the journal is not written: {reply.notices}")
