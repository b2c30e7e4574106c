"""Calls through the engine, to a server on real sockets."""

from nbchat.api.client import Call, Timeouts
from nbchat.api.endpoints import Endpoint
from nbchat.api.keys import Key
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.conversation.process import process
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import Retrying
from nbchat.values.answer.reply import Request

LONG = 30.0  # seconds; an upper bound that is never reached
MODEL = "scripted-1"
QUICK = RetryPolicy(tries=4, first=0.001, longest=0.001)
MESSAGES = [{"role": "user", "content": "Hello"}]


def call_to(url, *, key=None, retries=QUICK, timeouts=None, limiter=None, **body):
    """A call with a streaming body, unless `body` says otherwise."""
    body = {"model": MODEL, "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}, **body}
    body = {name: value for name, value in body.items() if value is not None}
    return Call(Endpoint(url, Key.wrap(key)), body, timeouts or Timeouts(read=LONG), retries, limiter)


class Asked:
    """A completed call: its events, and the reply they fold into."""

    def __init__(self, url, *, using=None, **options):
        call = call_to(url, **options)
        draft = Draft(Request(url, call.body))
        channel = (using or process.engine()).open(call)
        self.events = [event for batch in iter(channel.take, None) for event in batch]
        draft.add(self.events)
        self.reply, self.error = draft.reply(), draft.error

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def waits(self):
        return [event.seconds for event in self.of(Retrying)]
