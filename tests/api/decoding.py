"""Bytes of an answer to events, in the ways the tests look at them."""

from nbchat.api.wire import AnswerDecoder
from nbchat.testing import DONE
from nbchat.values.draft import Draft
from nbchat.values.events import (
    Ended,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from nbchat.values.reply import Request
from tests.strategies import event_bytes


def decoded(pieces, broken=None, **options):
    decoder = AnswerDecoder(**options)
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.end(broken)


def stream(*payloads, done=True):
    return b"".join(event_bytes(payload) for payload in payloads) + (DONE.encode() if done else b"")


def replied(*payloads, done=True, broken=None, **options):
    draft = Draft(Request("u", {"messages": []}), started=0.0)
    draft.add(decoded([stream(*payloads, done=done)], broken, **options))
    return draft


def of_kind(kind, events):
    return [event for event in events if isinstance(event, kind)]


def plain(events):
    """Events as text (NaN is not equal to itself), pieces of one text joined: what must not depend on the cuts."""
    seen = []
    for event in events:
        if isinstance(event, (TextDelta, ReasoningDelta, RefusalDelta)):
            if seen and seen[-1][0] == (kind := (type(event).__name__, event.index)):
                seen[-1] = (kind, seen[-1][1] + event.text)
            else:
                seen.append(((type(event).__name__, event.index), event.text))
        else:
            seen.append((type(event).__name__, repr(event)))
    return seen


def folded(events):
    """What a reader gets of events in the end."""
    draft = Draft(Request("u", {"messages": []}), started=0.0)
    draft.add([*events, Ended(1.0)])
    return repr((draft.reply().choices, draft.reply().notices, draft.error))
