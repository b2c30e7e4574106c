"""Hypothesis strategies for what goes over the wire: texts, values of the table, chunks, streams, cuts."""

import json

from hypothesis import settings
from hypothesis import strategies as st

from nbchat.conversation.turn import Turn, Version
from nbchat.values.answer.carried import Carried
from nbchat.values.answer.events import Finished, LogprobsDelta, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from nbchat.values.answer.rating import Rating
from nbchat.values.answer.reply import Choice, Reply, Timing
from nbchat.values.answer.usage import Usage
from nbchat.values.messages import ImagePart, Message, TextPart, ToolCall
from nbchat.values.params import PARAMETERS, Params


def scaled(factor, **more):
    """Settings with this many times the examples of the profile, which a fixed `max_examples` would ignore."""
    return settings(max_examples=round(factor * settings.default.max_examples), **more)


TRICKY = [
    "\u2028",
    "\u2029",
    "\u0085",
    "\r",
    "\n",
    "\r\n",
    '"',
    "\\",
    "<think>",
    "</think>",
    "🙂",
    "é",
    "data: ",
    "[DONE]",
]

texts = st.lists(st.one_of(st.sampled_from(TRICKY), st.text(max_size=8)), max_size=8).map("".join)
"""Text with what breaks parsers in it."""

broken_texts = st.lists(st.sampled_from(["\ud83d", "\ude42", "a", "é", "🙂", " "]), max_size=12).map("".join)
"""Text that may hold halves of characters."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

error_keys = st.sampled_from(["error", "detail", "message", "msg", "type", "param", "code", "loc", "object"])
error_bodies = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(error_keys | st.text(max_size=4), inner, max_size=4),
    max_leaves=16,
)
"""JSON of any shape, much of it nearly that of an error."""

secrets = st.text("abkeysABC019-_", min_size=7, max_size=24).map(lambda text: f"sk{text}7")
"""Keys, distinct enough to be masked anywhere."""

counts = st.none() | st.integers(0, 10**9)
usages = st.builds(
    Usage,
    prompt_tokens=counts,
    completion_tokens=counts,
    total_tokens=counts,
    state=st.sampled_from(["measured", "estimated", "unknown"]),
    cached_tokens=counts,
    reasoning_tokens=counts,
    cost=st.none() | st.floats(0, 1e6),
)

sent_back = st.sampled_from(
    [
        {},
        {"extra_content": {"google": {"thought_signature": "é\u2028"}}},
        {"reasoning_details": [{"text": "</think>"}, 1]},
    ]
)
tool_calls = st.builds(
    ToolCall, id=st.text(max_size=6), name=st.text(min_size=1, max_size=6), arguments=texts, extra=sent_back
)
carried = st.none() | st.builds(Carried, st.sampled_from(["http://a/v1/chat/completions", ""]), sent_back)
image_parts = st.builds(ImagePart, url=st.text(max_size=20), detail=st.sampled_from([None, "low", "high", "auto"]))
contents = texts | st.lists(st.builds(TextPart, texts) | image_parts, min_size=1, max_size=4).filter(
    lambda parts: any(isinstance(part, ImagePart) for part in parts)  # text alone is written as a string
).map(tuple)
messages = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=contents,
    tool_calls=st.lists(tool_calls, max_size=3).map(tuple),
    tool_call_id=st.none() | st.text(max_size=6),
    name=st.none() | st.text(max_size=6),
    carried=carried,
)

indices = st.integers(0, 2)
events = st.one_of(
    st.builds(TextDelta, texts, indices),
    st.builds(ReasoningDelta, texts, indices),
    st.builds(RefusalDelta, texts, indices),
    st.builds(ToolCallDelta, indices, st.sampled_from(["", "a", "b"]), st.sampled_from(["", "f", "g"]), texts, indices),
    st.builds(LogprobsDelta, st.just(({"token": "x", "logprob": -1.0},)), indices),
    st.builds(Finished, st.sampled_from(["stop", "length"]), indices),
)


def _numbers(parameter):
    low = -100 if parameter.low is None else parameter.low
    high = 10**6 if parameter.high is None else parameter.high
    if parameter.kind == "integer":
        return st.integers(int(low), int(high))
    return st.floats(low, high, allow_nan=False)


def parameter_values(parameter):
    """Values that a row of the table takes, in their normal form."""
    values = {
        "number": lambda: _numbers(parameter),
        "integer": lambda: _numbers(parameter),
        "text": lambda: st.text(min_size=1, max_size=12).filter(str.strip),
        "texts": lambda: st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4).map(tuple),
        "biases": lambda: st.dictionaries(st.integers(0, 10**6).map(str), st.floats(-100, 100), min_size=1, max_size=4),
        "flag": st.booleans,
        "choice": lambda: st.sampled_from(parameter.choices),
        "json": lambda: st.dictionaries(st.text(max_size=6), finite_json, max_size=3),
    }
    return values[parameter.kind]()


finite_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)

set_parameters = st.sampled_from(sorted(PARAMETERS)).flatmap(
    lambda name: st.tuples(st.just(name), parameter_values(PARAMETERS[name]))
)
"""(name, value) of one parameter."""

all_params = st.builds(
    lambda pairs, extra: Params(**dict(pairs), extra=extra),
    st.lists(set_parameters, max_size=6),
    st.dictionaries(st.text(max_size=6).map("x{}".format), finite_json.filter(lambda value: value is not None)),
)
"""Any parameters, those that only a server knows included."""

seconds = st.none() | st.floats(0, 1e6)
choices = st.builds(
    Choice,
    index=st.integers(0, 9),
    text=texts,
    finish_reason=st.none() | st.text(max_size=8),
    reasoning=texts,
    refusal=texts,
    tool_calls=st.lists(tool_calls, max_size=2).map(tuple),
    logprobs=st.lists(
        st.fixed_dictionaries({"token": texts, "logprob": st.floats(-100, 0), "top_logprobs": st.just([])}), max_size=2
    ).map(tuple),
    carried=carried,
)
replies = st.builds(
    Reply,
    choices=st.lists(choices, min_size=1, max_size=3).map(tuple),
    status=st.sampled_from(["complete", "interrupted", "cut_off", "failed"]),
    model=st.none() | st.text(max_size=8),
    usage=usages,
    cost=st.none() | st.floats(0, 1e6),
    timing=st.builds(Timing, seconds, seconds),
    id=st.none() | st.text(max_size=8),
    notices=st.lists(texts, max_size=2).map(tuple),
)
ratings = st.builds(Rating, st.none() | st.booleans(), st.none() | st.floats(-1e6, 1e6), texts).filter(bool)
answered = {
    "message": messages,
    "reply": replies,
    "params": all_params,
    "steps": st.lists(messages, max_size=2).map(tuple),
    "before_edit": st.booleans(),
    "values": st.dictionaries(st.text(max_size=4), texts, max_size=2),
    "rating": st.none() | ratings,
}
versions = st.lists(st.builds(Version, **answered), max_size=2).map(tuple)
turns = st.builds(
    Turn,
    **answered,
    cell_id=st.none() | st.text(max_size=8),
    earlier=versions,
    later=versions,
    pinned=st.booleans(),
    dropped=st.booleans(),
    id=st.text(min_size=1),
)
"""Turns as a session may hold them; of their replies, all but what was sent and the values made of them."""


def event_bytes(payload, end=b"\n", space=b" "):
    """One event as a server writes it."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
    return b"data:" + space + data + end + end


@st.composite
def cut(draw, data):
    """The same bytes (or text) in portions, some of them empty."""
    most = min(12, len(data))
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=most)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


@st.composite
def portions(draw, bodies):
    """(whole, portions) of a body drawn from a strategy of bytes."""
    whole = draw(bodies)
    return whole, draw(cut(whole))
