"""Turns as JSON, in the form that a session passes to the journal."""

import time

from nbchat.store.journal import Journal
from nbchat.store.records import STREAMING, Answer, OpenSession, Place, new_id
from nbchat.values.answer.events import TextDelta
from tests.environment import PATIENCE


def turn(asked="What?", answered=None):
    """A turn; without an answer where that is None."""
    content = {"message": {"role": "user", "content": asked}, "params": {}}
    if answered is None:
        return content
    reply = {"status": "complete", "usage": {}, "timing": {}, "choices": [{"index": 0, "text": answered}]}
    return {**content, "reply": reply}


def answer(asked="What?", answered=None, *, status=None, **more):
    return Answer(
        more.pop("id", None) or new_id(),
        turn(asked, answered),
        status or (STREAMING if answered is None else "complete"),
        time.time(),
        **more,
    )


_open = {}


def opened(journal, session):
    """A session that this journal has open, by its id."""
    return _open.setdefault((journal, session), OpenSession(session, None, {}, id=session))


def write_turn(journal, session, number, asked, answered, **more):
    """Journal one whole turn at a place; its answer's id."""
    one = answer(asked, answered, **more)
    journal.finish(opened(journal, session), one)
    arrange(journal, session, number, [place(one.id)])
    return one.id


def place(*versions, chosen=0, marks=None):
    return Place(versions, chosen, marks or ("",) * len(versions))


def arrange(journal, session, first, places):
    journal.arrange(opened(journal, session), first, places, lambda: (places, []))


def text_of(stored):
    """The text of a stored answer, whole or as far as it came."""
    reply = stored.turn.get("reply")
    return (
        reply["choices"][0]["text"]
        if reply
        else "".join(event.text for event in stored.events if isinstance(event, TextDelta))
    )


def texts(journal):
    """The texts of all answers of a journal, whole or as far as they came."""
    return [text_of(stored) for row in journal.sessions() for stored in journal.answers(row.id).values()]


def wait_for_text(path, text):
    """Wait until the file of another process's journal has a text that still arrives."""
    journal = Journal(path)
    try:
        until(lambda: any(text in one for one in texts(journal)))
    finally:
        journal.close(PATIENCE)


def until(reached, seconds=PATIENCE):
    """Wait until `reached()`; fail where that takes too long."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it was never reached"
