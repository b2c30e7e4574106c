"""Bytes of an answer to events, in the ways the tests look at them."""

from nbchat.api.answer.decoder import AnswerDecoder
from nbchat.testing import DONE
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import (
    Ended,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ThoughtBefore,
    ToolCallDelta,
    UsageReport,
)
from nbchat.values.answer.reply import Request
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
    """Return what must not depend on the cuts: pieces of one text, or of one call's arguments, are joined, and of usage
    counts, which are running totals, the last one is kept. Events are written as text, since NaN is not equal to
    itself."""
    seen, counts = [], []
    for event in events:
        kind = (type(event).__name__, getattr(event, "index", 0), getattr(event, "call", None))
        if isinstance(event, UsageReport):
            counts.append(repr(event))
            continue
        if isinstance(event, ThoughtBefore):  # whose text may have come before as that of the answer
            said = seen.pop()[1] if seen and seen[-1][0] == ("TextDelta", event.index, None) else ""
            seen.append((kind, said + event.text))
            continue
        if isinstance(event, ToolCallDelta) and not event.name:
            kind, text = (*kind, "more"), event.arguments
        elif isinstance(event, (TextDelta, ReasoningDelta, RefusalDelta)):
            text = event.text
        else:
            seen.append((kind, repr(event)))
            continue
        if seen and seen[-1][0] == kind:
            seen[-1] = (kind, seen[-1][1] + text)
        elif text:
            seen.append((kind, text))
    return seen + counts[-1:]


def folded(events):
    """Return the reply that events fold into."""
    draft = Draft(Request("u", {"messages": []}), started=0.0)
    draft.add([*events, Ended(1.0)])
    return repr((draft.reply().choices, draft.reply().notices, draft.error))
