"""Any cut of the bytes of an answer means the same, and so does every way of reading it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.answer import parts
from nbchat.api.answer.decoder import AnswerDecoder
from nbchat.api.answer.plain import PlainChunks
from nbchat.api.keys import Key
from nbchat.testing import chunk, completion, error, usage
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import (
    Failed,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from nbchat.values.answer.reply import Request
from tests import strategies
from tests.api.decoding import decoded, folded, of_kind, plain, stream
from tests.strategies import event_bytes
from tests.streams import STREAMS, events

deltas = st.one_of(
    st.builds(lambda text: {"content": text}, strategies.texts),
    st.builds(lambda text: {"reasoning_content": text}, strategies.texts),
    st.builds(lambda text: {"reasoning": text, "content": None}, strategies.texts),
    st.builds(lambda text: {"role": "assistant", "content": text, "refusal": None}, strategies.texts),
    st.builds(
        lambda number, text: {"tool_calls": [{"index": number, "function": {"arguments": text}}]},
        st.integers(0, 1),
        strategies.texts,
    ),
    strategies.error_bodies,
)
chunks = st.builds(
    lambda delta, index, finish, more: {
        "id": "1",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}],
        **more,
    },
    deltas,
    st.integers(0, 2),
    st.sampled_from([None, None, None, "stop"]),
    st.sampled_from([{}, {}, {}, {"usage": None}, {"usage": usage(1, 2)}, {"error": "no"}]),
)
bodies = st.builds(
    lambda start, payloads, end, space, final: (
        start + b"".join(event_bytes(one, end, space) for one in payloads) + final
    ),
    st.sampled_from([b"", b"\xef\xbb\xbf", b": ping\n\n", b"\n\n", b"  "]),
    st.lists(chunks | strategies.error_bodies, max_size=6),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b" ", b""]),
    st.sampled_from([b"", b"data: [DONE]\n\n", b"data: [DONE]", b"data: {", b"event: error\ndata: oh\n\n"]),
)
whole_bodies = st.one_of(
    bodies,
    bodies,
    strategies.error_bodies.map(lambda body: json.dumps(body).encode()),
    st.binary(max_size=40),
    st.sampled_from([json.dumps(completion("hi")).encode(), b"<html><title>Welcome</title></html>", b"\xef\xbb\xbf{}"]),
)


@given(strategies.portions(whole_bodies))
def test_any_split_of_any_body_gives_the_same_events_and_never_raises(pair):
    """PROTOCOL 3.1"""
    whole, pieces = pair
    expected = plain(decoded([whole]))
    assert plain(decoded(pieces)) == expected
    assert plain(decoded([whole[i : i + 1] for i in range(len(whole))])) == expected
    assert [one[0][0] for one in expected].count("Failed") <= 1


@given(strategies.portions(whole_bodies), strategies.secrets)
def test_masking_a_key_that_does_not_occur_changes_nothing(pair, secret):
    whole, pieces = pair
    assert folded(decoded(pieces, key=Key(secret))) == folded(decoded([whole]))


# Plain chunks, which take the fast path

NEARLY = [
    '{"model":"m","choices":[{"index":0,"delta":{"content":"%s"}}]}',
    '{"id":null,"model":"m","choices":[{"delta":{"content":"%s"}}]}',
    '{"choices":[{"index":0,"delta":{"content":"%s"}}]}',
    '{"choices":[{"index":0,"delta":{"content":"%s"}}]} ',
    '{"id":"1","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}',
    '{"id":"1","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":"stop"}]}',
    '{"choices":[{"index":1,"delta":{"content":"%s"}}]}',
    '{"choices":[{"index":0,"delta":{"content":"a","content":"%s"}}]}',
    '{"choices":[{"index":0,"delta":{"content":"%s","content":"b"}}]}',
    '{"choices":[{"delta":{"content":"%s","tool_calls":[{"function":{"arguments":"{\\"content\\":\\"x\\"}"}}]}}]}',
    '{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":{"content":"%s"}}}]}}]}',
    '{"choices":[{"delta":{"content":"%s"},"logprobs":{"content":[{"token":"t"}]}}]}',
    '{"choices":[{"logprobs":{"content":[{"content":"%s"}]},"delta":{"content":"c"}}]}',
    '{"content":"%s","choices":[{"delta":{"content":"c"}}]}',
    '{"choices":[{"delta":{"content":"%s"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
    '{"choices":[{"delta":{"content":"%s"}}],"error":{"message":"no"}}',
    '{"choices":[{"delta":{"content":"%s","reasoning":"why"}}]}',
    '{"choices":[{"delta":{"content": "%s"}},{"index":1,"delta":{}}]}',
    '[{"choices":[{"delta":{"content":"%s"}}]}]',
    '{"choices":[{"text":"%s","content":"x"}]}',
    '{"choices":[{"delta":{"reasoning_content":"%s"}}]}',
    '{"choices":[{"delta":{"reasoning":"%s","content":null}}]}',
    '{"choices":[{"delta":{"reasoning":"%s","reasoning_content":"other"}}]}',
    '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"%s"}}]}}]}',
    '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"%s"}}]}}]}',
    '{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"name":"","arguments":"%s"}}]}}]}',
    '{"choices":[{"delta":{"content":"%s"},"finish_reason":""}]}',
    '{"choices":[{"delta":{"content":"%s"},"finish_reason":"null"}]}',
    '{"choices":[{"delta":{"content":"%s"},"index":"0"}],"noise":{"a":[1,"x"]}}',
    '{"choices":[{"delta":{"content":"%s"}}],"usage":{"prompt_tokens":3,"completion_tokens":9,"total_tokens":12,"x":1}}',
    '{"choices":[{"delta":{"content":"%s"}}],"usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}',
    '{"choices":[{"delta":{"content":"%s"}}],"usage":{"prompt_tokens":3,"completion_tokens":9,"input_tokens":4}}',
    '{"choices":[{"delta":{"content":"%s"}}],"usage":{"prompt_tokens":3,"completion_tokens":9,"cost":0.5}}',
    '{"choices":[{"delta":{"content":"%s"}}],"usage":{"prompt_tokens":3,"completion_tokens":9,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":2}}}',
    '{"choices":[{"delta":{"content":"%s"}}],"usage":{"prompt_tokens":3,"completion_tokens":8,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0}}}',
    '{"choices":[{"delta":{"content":"The whole of it. %s"}}]}',
    '{"choices":[{"delta":{"content":"%s"},"delta":{"content":"d"}}]}',
    '{"choices":[{"message":{"content":"%s"}}]}',
    '{"choices":[{"delta":{"content":"%s"}}',
]
WORDS = [
    "a",
    "b",
    "",
    " ",
    "\\n",
    "\\u00e9",
    "\\ud83d",
    "\\ude42",
    "é",
    "🙂",
    "\u2028",
    "<think>",
    "</think>",
    '\\"',
    "\\\\",
    '","content":"z',
    "\t",
]
near_streams = st.lists(
    st.tuples(st.sampled_from(NEARLY), st.lists(st.sampled_from(WORDS), min_size=1, max_size=6)), min_size=1, max_size=4
).map(lambda runs: [(form % word).encode() for form, words in runs for word in words])


@pytest.fixture(scope="module")
def looking_closely():
    """A decoder without the fast path."""

    class Never(PlainChunks):
        def read(self, data, events):
            return False

    class Looking(AnswerDecoder):
        def __init__(self, **options):
            super().__init__(**options)
            self._plain = Never(self._payload)

    return Looking


def recorded(decoder, pieces):
    return plain([event for piece in pieces for event in decoder.feed(piece)] + decoder.end())


@given(near_streams, st.data())
def test_plain_chunks_give_the_events_of_the_general_reader(looking_closely, payloads, data):
    key = data.draw(st.sampled_from([None, Key("sk-a-key-1")]))
    doubled = [one for payload in payloads for one in [payload] * data.draw(st.sampled_from([1, 2, 8]))]
    whole = b"".join(event_bytes(one) for one in doubled) + data.draw(st.sampled_from([b"", b"data: [DONE]\n\n"]))
    pieces = data.draw(strategies.cut(whole))
    assert recorded(AnswerDecoder(key=key), pieces) == recorded(looking_closely(key=key), [whole])


@pytest.mark.parametrize("first", [{}, {"model": "m"}, {"id": "1"}, {"id": "1", "model": "m"}], ids=json.dumps)
@pytest.mark.parametrize("then", [{"model": "n"}, {"id": "2"}, {"id": "2", "model": "n"}], ids=json.dumps)
def test_a_plain_chunk_may_be_the_first_to_name_the_answer(looking_closely, first, then):
    names = [first, {}, {}, then, {}, {"id": "3", "model": "o"}, {}]
    whole = stream(
        *({"choices": [{"index": 0, "delta": {"content": f"w{n} "}}], **named} for n, named in enumerate(names))
    )
    assert recorded(AnswerDecoder(), [whole]) == recorded(looking_closely(), [whole])


@given(
    st.lists(st.binary(max_size=6).filter(lambda raw: b"\n" not in raw and b"\r" not in raw), min_size=3, max_size=8)
)
def test_bytes_that_are_no_utf8_read_the_same(looking_closely, words):
    before, _, behind = NEARLY[0].encode().partition(b"%s")
    start = [before + b"The first words." + behind]
    whole = b"".join(event_bytes(one) for one in [*start, *(before + word + behind for word in words)])
    assert recorded(AnswerDecoder(), [whole]) == recorded(looking_closely(), [whole])


@pytest.mark.parametrize("name", STREAMS)
def test_the_streams_of_the_benchmark_are_plain_and_read_the_same(looking_closely, name):
    """Otherwise the tests above would compare the same path with itself, and the benchmark would be meaningless."""
    chunks = events(name)
    whole = b"".join(chunks[:200] + chunks[-3:])
    decoder, asked, taken = AnswerDecoder(key=Key("sk-a-key-1")), [], []
    read = decoder._plain.read

    def watched(data, events):
        asked.append(data)
        taken.append(read(data, events))
        return taken[-1]

    decoder._plain.read = watched
    assert recorded(decoder, [whole]) == recorded(looking_closely(), [whole])
    assert sum(taken) > 190


def test_an_ignored_field_is_learned_in_any_object():
    def stream_of(n):
        delta = {"content": f"word{n} ", "mood": n}
        used = {**usage(1, n + 1), "took": 0.5}
        choice = {"index": 0, "delta": delta, "finish_reason": None, "seat": None}
        return {"id": "1", "model": "m", "choices": [choice], "usage": used, "noise": "x" * n}

    decoder = AnswerDecoder()
    decoder.feed(stream(*map(stream_of, range(30)), done=False))
    assert decoder._plain._misses == 0
    assert decoder._plain._learnt == 4
    [*_, reported] = of_kind(UsageReport, decoder.feed(stream(stream_of(40), done=False)))
    assert reported.usage.completion_tokens == 41


FIELDS = {
    *("error", "x_groq", "usage", "message", "text", "refusal", "tool_calls", "function_call", "images", "transcript"),
    *("extra_content", "thought_signature", "input_audio", "output_audio", "type", "logprobs", "finish_reason"),
    *(*parts.REASONING_NAMES, *parts.REASONING_LISTS, *parts.MEDIA, *parts.SOURCE_NAMES),
}
SAYING = {
    "url": "https://x.org",
    "text": "x",
    "message": "no",
    "type": "image_url",
    "transcript": "x",
    "prompt_tokens": 1,
}


@pytest.mark.parametrize("name", sorted(FIELDS))
@pytest.mark.parametrize("value", ["stop", SAYING, [SAYING]], ids=["text", "object", "list"])
def test_a_meaningful_field_is_never_ignored(looking_closely, name, value):
    chunks = [chunk(f"word{n} ") for n in range(20)]
    for place in ("payload", "choice", "delta"):
        odd = json.loads(json.dumps(chunks[-1]))
        {"payload": odd, "choice": odd["choices"][0], "delta": odd["choices"][0]["delta"]}[place][name] = value
        whole = stream(*chunks, odd, odd, chunk(finish="stop"))
        assert recorded(AnswerDecoder(), [whole]) == recorded(looking_closely(), [whole])


# The key


@given(strategies.secrets, st.data())
def test_a_key_that_a_stream_echoes_is_masked_in_every_field(secret, data):
    fields = {
        "id": f"x{secret}",
        "model": secret,
        "choices": [
            {
                "delta": {
                    "content": f"it is {secret}",
                    "reasoning": secret,
                    "refusal": secret,
                    "tool_calls": [{"id": secret, "function": {"name": secret, "arguments": secret}}],
                },
                "logprobs": {"content": [{"token": secret}]},
                "finish_reason": secret,
            }
        ],
    }
    whole = stream(fields, b"{" + secret.encode(), error(f"no such key {secret}"))
    events = decoded(data.draw(strategies.cut(whole)), key=Key(secret))
    assert secret not in repr(events) + str([str(event.error) for event in events if isinstance(event, Failed)])
    assert {type(event) for event in events} >= {TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta, Failed}


@given(strategies.secrets.flatmap(lambda secret: st.tuples(st.just(secret), strategies.cut(secret))), st.booleans())
def test_a_key_that_comes_in_pieces_is_masked_in_the_joined_text(pair, escaped):
    secret, pieces = pair
    deltas = [
        {"content": piece, "tool_calls": [{"index": 0, "function": {"name": "f", "arguments": piece}}]}
        for piece in pieces
    ]
    payloads = [json.dumps({"choices": [{"delta": delta}]}) for delta in deltas]
    if escaped:
        payloads = [payload.replace("-", "\\u002d") for payload in payloads]
    draft = Draft(Request("u", {"messages": []}))
    draft.add(decoded([stream(*(payload.encode() for payload in payloads))], key=Key(secret)))
    reply = draft.reply()
    assert (reply.text, reply.tool_calls[0].arguments) == ("[key]", "[key]")


def test_portions_of_more_than_a_megabyte_are_read_whole():
    texts = [letter * 400_000 for letter in "abcdefg"]
    data = stream(*(chunk(text) for text in texts), chunk(finish="stop"))
    assert "".join(event.text for event in decoded([data]) if isinstance(event, TextDelta)) == "".join(texts)
