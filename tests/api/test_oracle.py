"""What is read of a stream, compared with a slow reader that knows only the HTML standard, JSON and OpenAI's fields."""

import json
import re

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from nbchat.api.keys import Key
from nbchat.testing import usage
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.reply import Request
from nbchat.values.key_shapes import MASK
from nbchat.values.surrogates import paired_json
from tests import strategies
from tests.api.decoding import decoded
from tests.api.test_tool_calls import interleave

KEY = "sk-a/b+7"
FIELDS = {"content": "text", "reasoning_content": "reasoning", "refusal": "refusal"}
HALF_TAGS = ["<thi", "</thin", "k>", "<", "[TH", "◁"]
HURTING = [
    *(*strategies.TRICKY, *HALF_TAGS, *KEY, KEY[:-1], "\ud83d", "\ude42"),
    *("e\u0301", "👩\u200d👧", "\x0b\x0c\x1c\0"),
]
EXTRAS = [{}, {"obfuscation": "x<"}, {"usage": None, "error": None}, {"x": {"choices": [1]}, "created": 1}]
NOISE = ["", "", "", ": ping", ":", "id: 7", "retry: 5", "event: message", "data", "odd: {}"]

texts = (
    st.lists(
        st.sampled_from([KEY, "\ud83d\ude42"]) | st.sampled_from(HURTING) | st.text(max_size=3), min_size=1, max_size=8
    )
    .map("".join)
    .filter(bool)
)
places = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(sorted(FIELDS))), min_size=1, max_size=4, unique=True)


def chunk_of(index, field, text):
    logprobs = {"content": [{"token": text, "logprob": -0.5, "top_logprobs": []}]} if field == "content" else None
    return {"index": index, "delta": {field: text}, "logprobs": logprobs, "finish_reason": None}


@st.composite
def streams(draw):
    """A stream as some server writes it: its framing, its escapes, and what stands between the chunks."""
    end, space = draw(st.sampled_from(["\n", "\r\n", "\r"])), draw(st.sampled_from([" ", ""]))
    cut_texts = texts.flatmap(lambda text: strategies.cut(text) | st.just(list(text)))
    voices = [[(*place, piece) for piece in draw(cut_texts)] for place in draw(places)]
    choices = [chunk_of(*piece) for piece in interleave(draw, voices)]
    choices += [{"index": index, "finish_reason": f"end{index}"} for index in {choice["index"] for choice in choices}]
    chunks = [{**draw(st.sampled_from(EXTRAS)), "choices": [choice]} for choice in choices]
    chunks.insert(draw(st.integers(0, len(chunks))), {"choices": []})
    written = [draw(st.sampled_from(["", "\ufeff"]))]
    for payload in [*chunks, {"choices": [], "usage": usage(3, len(chunks))}]:
        text = json.dumps(
            payload, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, None, None, 1]))
        )
        fields = [draw(st.sampled_from(NOISE)), *(f"data:{space}{line}" for line in text.split("\n"))]
        written += [field + end for field in fields if field] + [end]
    last = draw(st.sampled_from(["", f"data:{space}[DONE]", f"data: [DONE]{end}{end}data: {json.dumps(chunks[0])}"]))
    return ("".join(written) + last).encode("utf-8", "replace")


def events_of(data):
    """The events of a stream, by the rules of the HTML standard."""
    lines = []
    for line in [*re.split(rb"\r\n|\r|\n", data.removeprefix(b"\xef\xbb\xbf")), b""]:
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
        elif not line and lines:
            yield b"\n".join(lines)
            lines = []


def slowly_read(data):
    """The choices of a stream as (texts by field, log probabilities, finish reason), and its usage count."""
    found, count = {}, None
    for event in events_of(data):
        if not event or event == b"[DONE]":
            if event:
                break
            continue
        payload = json.loads(event)
        count = payload.get("usage") or count
        for choice in payload["choices"]:
            said, logprobs, reasons = found.setdefault(choice["index"], ({field: [] for field in FIELDS}, [], []))
            for field, text in choice.get("delta", {}).items():
                said[field].append(text)
            logprobs += (choice.get("logprobs") or {}).get("content", [])
            reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
    return found, count


def is_plain(said):
    """Whether a field's texts mean what they say: no tag among them, and none that may repeat all before it."""
    whole = "".join(said)
    repeats = any(text.startswith("".join(said[:place])) for place, text in enumerate(said) if any(said[:place]))
    return not repeats and not re.search(r"</?(think|thought|reason)", whole, re.IGNORECASE)


def masked(value, key):
    return paired_json(value) if key is None else key.masked(paired_json(value))


def masked_tokens(tokens, key):
    """The tokens with the key masked where it begins, whichever tokens it is spread over."""
    places = [(place, number) for number, token in enumerate(tokens) for place in range(len(token["token"]))]
    keys = (
        []
        if key is None
        else [found.start() for found in re.finditer(re.escape(KEY), "".join(one["token"] for one in tokens))]
    )
    hidden = {at for start in keys for at in range(start, start + len(KEY))}
    texts, changed = [""] * len(tokens), set()
    for at, (place, number) in enumerate(places):
        texts[number] += MASK * (at in keys) + tokens[number]["token"][place] * (at not in hidden)
        changed |= {number} if at in hidden else set()
    bare = [{name: token[name] for name in token if name != "top_logprobs"} for token in tokens]
    return [
        {**(bare[number] if number in changed else token), "token": texts[number]}
        for number, token in enumerate(tokens)
    ]


@given(strategies.portions(streams()), st.sampled_from([None, Key(KEY)]))
@strategies.scaled(1, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
def test_a_stream_is_read_as_a_slow_reader_reads_it(pair, key):
    """PROTOCOL 3.1 to 3.4, 3.6, 3.9 and 3.10: text, reasoning, refusal, log probabilities, ends and counts."""
    whole, portions = pair
    found, count = slowly_read(whole)
    draft = Draft(Request("u", {"messages": []}))
    draft.add(decoded(portions, key=key))
    reply = draft.reply()
    assert (draft.error, reply.notices, reply.raw_usage) == (None, (), count)
    assert [choice.index for choice in reply.choices] == sorted(found)
    for choice in reply.choices:
        said, logprobs, [reason] = found[choice.index]
        assert choice.finish_reason == reason
        assert [*choice.logprobs] == masked_tokens(paired_json(logprobs), key)
        if all(map(is_plain, said.values())):
            came = {field: getattr(choice, name) for field, name in FIELDS.items()}
            assert came == {field: masked("".join(texts), key) for field, texts in said.items()}
