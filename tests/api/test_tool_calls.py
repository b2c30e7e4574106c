"""Tool calls, from the pieces in which they come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.api.answer.toolcalls import index_of, tool_names
from nbchat.testing import DONE, chunk, tool_call
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import Failed, ToolCallDelta
from nbchat.values.answer.reply import Request
from nbchat.values.messages import ToolCall
from tests import strategies
from tests.api.decoding import decoded, of_kind, replied, stream


def calls(*payloads, **options):
    return replied(*payloads, **options).reply().tool_calls


def part(index=None, **fields):
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    return {**({} if index is None else {"index": index}), **fields, "function": function}


@pytest.mark.parametrize(
    "parts",
    [
        [[part(0, id="i", name="f", arguments="")], [part(0, arguments='{"a"')], [part(0, arguments=":1}")]],
        [[part(0, id="i", name="f", arguments='{"a"')], [part(0, id="i", name="f", arguments=":1}")]],
        [[part(0, id="i", name="f", arguments='{"a"')], [part(0, id="", name="", arguments=":1}")]],
        [[part(0, id="i", name="f", arguments='{"a":1}')]],
        [[part(None, id="i", name="f", arguments='{"a":1}')]],
        [[part(None, id="i", name="f", arguments='{"a"')], [part(None, arguments=":1}")]],
        [[part("0", id="i", name="f", arguments='{"a":1}')]],
        [part(0, id="i", name="f", arguments='{"a":1}')],
        [[part(0, id="i", name="f", arguments='{"a')], *([part(0, arguments='{"a":1}'[:end])] for end in (5, 6, 7))],
    ],
)
def test_a_call_comes_in_pieces_of_many_forms(parts):
    """PROTOCOL 3.7"""
    payloads = [chunk(tool_calls=pieces) for pieces in parts]
    assert calls(*payloads, chunk(finish="tool_calls")) == (ToolCall("i", "f", '{"a":1}'),)


def test_calls_are_told_apart_by_choice_and_index_or_id():
    """PROTOCOL 3.7"""
    by_index = [chunk(tool_calls=[part(1, id="b", name="g")]), chunk(tool_calls=[part(0, id="a", name="f")])]
    by_id = [chunk(tool_calls=[part(id="a", name="f")]), chunk(tool_calls=[part(id="b", name="g")])]
    at_once = [chunk(tool_calls=[part(id="a", name="f"), part(id="b", name="g")])]
    for payloads in (by_index, by_id, at_once):
        assert calls(*payloads) == (ToolCall("a", "f"), ToolCall("b", "g"))
    reply = replied(chunk("", 0, tool_calls=[part(0, name="f")]), chunk("", 1, tool_calls=[part(0, name="g")])).reply()
    assert [choice.tool_calls[0].name for choice in reply.choices] == ["f", "g"]


def test_calls_of_one_tool_without_ids_are_told_apart_once_the_first_is_whole():
    """PROTOCOL 3.7"""
    first = [part(0, name="f", arguments=""), *(part(0, arguments=text) for text in ('{"a"', ":1", "}"))]
    came = calls(*(chunk(tool_calls=[one]) for one in (*first, part(0, name="f", arguments='{"a":2}'))))
    assert [(call.name, call.arguments) for call in came] == [("f", '{"a":1}'), ("f", '{"a":2}')]


def test_calls_may_have_text_beside_them_and_finish_with_stop():
    """PROTOCOL 3.7"""
    reply = replied(chunk("Let me see.", tool_calls=[tool_call("f", {"a": 1}, id="i")], finish="stop")).reply()
    assert (reply.text, reply.finish_reason) == ("Let me see.", "stop")
    assert reply.tool_calls == (ToolCall("i", "f", '{"a": 1}'),)


@pytest.mark.parametrize(("arguments", "text"), [("", ""), ("{oops", "{oops"), (None, ""), ({"a": 1}, '{"a": 1}')])
def test_arguments_may_be_anything(arguments, text):
    """PROTOCOL 3.7"""
    assert (
        calls(chunk(tool_calls=[part(0, id="i", name="f", arguments=arguments)], finish="tool_calls"))[0].arguments
        == text
    )


def test_the_old_function_call_counts_only_where_there_is_no_tool_call():
    """PROTOCOL 3.7"""
    old = {"name": "f", "arguments": "{}"}
    assert [call.name for call in calls(chunk(function_call=old))] == ["f"]
    both = chunk(function_call=old, tool_calls=[part(0, id="i", name="f", arguments="{}")])
    assert calls(both, both) == (ToolCall("i", "f", "{}"),)


@given(strategies.broken_texts.flatmap(lambda text: st.tuples(st.just(text), strategies.cut(text))))
def test_arguments_hold_no_half_characters_either(pair):
    """PROTOCOL 3.10"""
    whole, pieces = pair
    payloads = [chunk(tool_calls=[part(0, id="i", name="f", arguments=piece)]) for piece in pieces]
    data = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in payloads) + DONE.encode()
    draft = Draft(Request("u", {"messages": []}))
    draft.add(decoded([data]))
    [call] = draft.reply().tool_calls
    assert call.arguments == whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        # Without id and index, pieces of one chunk are told apart by their position.
        ([[part(name="f", arguments='{"a"'), part(name="f", arguments='{"b"')], [part(arguments=":1}"), part(arguments=":2}")]],
         [("", "f", '{"a":1}'), ("", "f", '{"b":2}')]),
        # An id alone is that of the call before it, if that has none, else of the next one.
        ([[part(name="f", arguments="{}")], [{"id": "a"}]], [("a", "f", "{}")]),
        ([[part(id="a", name="f", arguments='{"a":1}')], [{"id": "b"}], [part(name="g", arguments="{}")]],
         [("a", "f", '{"a":1}'), ("b", "g", "{}")]),
        ([[part(id="a", name="f", arguments='{"a":1}')], [{"id": "b"}], [part(id="c", name="g", arguments="{}")]],
         [("a", "f", '{"a":1}'), ("c", "g", "{}")]),
        ([[part(id="a", name="f", arguments='{"a":1}')], [{"id": "a"}], [part(name="g", arguments="{}")]],
         [("a", "f", '{"a":1}'), ("", "g", "{}")]),
        ([[{"id": "a"}], [part(name="f", arguments="{}")]], [("a", "f", "{}")]),
        ([[part(0, id=7, name="f", arguments="{}")]], [("7", "f", "{}")]),
        # The same complete arguments again, under the same id or index, are no other call.
        ([[part(0, id="a", name="f", arguments='{"a":1}')]] * 2, [("a", "f", '{"a":1}')]),
        ([[part(0, name="f", arguments='{"a":1}')], [part(0, arguments='{"a":1} ')]], [("", "f", '{"a":1}')]),
        ([[part(0, name="f", arguments='{"a":1}')], [part(0, name="f")], [part(0, arguments='{"a":2}')]],
         [("", "f", '{"a":1}'), ("", "f", '{"a":2}')]),
        # A piece without an index continues the last call.
        ([[part(0, name="f", arguments='{"a":1}')], [part(1, name="g", arguments='{"b"')], [part(arguments=":2}")]],
         [("", "f", '{"a":1}'), ("", "g", '{"b":2}')]),
        # Under another index, incomplete arguments go on.
        ([[part(0, name="f", arguments='{"a"')], [part(1, arguments=":1}")]], [("", "f", '{"a":1}')]),
        ([[part(0, name="f", arguments='{"a"')], [part(1, name="f", arguments=":1}")]], [("", "f", '{"a":1}')]),
        ([[part(0, name="f", arguments='{"a"')], [part(1, name="g", arguments=":1}")]],
         [("", "f", '{"a"'), ("", "g", ":1}")]),
    ],
)  # fmt: skip
def test_a_piece_belongs_to_the_call_that_it_continues(parts, expected):
    """PROTOCOL 3.7"""
    came = calls(*(chunk(tool_calls=pieces) for pieces in parts))
    assert [
        (call.id if given else "", call.name, call.arguments)
        for call, (given, _, _) in zip(came, expected, strict=True)
    ] == expected


@pytest.mark.parametrize(
    ("given", "index"),
    [
        (0, 0),
        (3, 3),
        ("0", 0),
        ("12345678", 12345678),
        ("123456789", 5),
        (-1, 5),
        ("-1", 5),
        (True, 5),
        (1.0, 5),
        (None, 5),
    ],
)
def test_an_index_that_is_none_is_the_position(given, index):
    """PROTOCOL 3.6"""
    assert index_of(given, 5) == index


@pytest.mark.parametrize(
    ("written", "offered", "name"),
    [
        *((f"{prefix}f", (), "f") for prefix in ("functions.", "function.", "functions:", "tools.", "tool.")),
        *((f"{prefix}f", (), "f") for prefix in ("default_api.", "default_api:", " ", "functions.tools.")),
        *((f"f{suffix}", (), "f") for suffix in (":0", ":17", " ")),
        ("f:0:1", (), "f:0"),
        ("f:x", (), "f:x"),
        ("functions.f:0", ("functions.f:0",), "functions.f:0"),
        ("functions.f:0", ("f",), "f"),
        ("functional", (), "functional"),
        ("tool", (), "tool"),
    ],
)
def test_a_name_is_read_without_its_decorations(written, offered, name):
    """PROTOCOL 3.7"""
    sent = {"tools": [{"type": "function", "function": {"name": one}} for one in offered]}
    for pieces in ([written], [written] if written[-1].isdigit() else list(written)):
        payloads = [chunk(tool_calls=[part(0, name=piece)]) for piece in pieces]
        assert [call.name for call in calls(*payloads, chunk(tool_calls=[part(0, arguments="{}")]), sent=sent)] == [
            name
        ]


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": "f", "arguments": "1"}},
        {"custom": {"name": "f", "input": "1"}},
        {"name": "f", "parameters": "1"},
        {"name": "f", "args": 1},
        {"function": "f", "name": "f", "arguments": None, "parameters": 1},
    ],
    ids=json.dumps,
)
def test_a_call_is_read_in_each_of_its_forms(call):
    """PROTOCOL 3.7"""
    assert [(one.name, one.arguments) for one in calls(chunk(tool_calls=[call]))] == [("f", "1")]
    assert [(one.name, one.arguments) for one in calls(chunk(tool_calls=call))] == [("f", "1")]


@pytest.mark.parametrize(
    ("tools", "names"),
    [
        ([{"function": {"name": "f"}}, {"function": {"name": "g"}}], ["f", "g"]),
        ([5, None, {}, {"function": "f"}, {"function": {"name": 5}}, {"function": {}}], []),
        (None, []),
        ({"function": {"name": "f"}}, []),
    ],
)
def test_offered_names_are_those_of_functions(tools, names):
    assert tool_names(tools) == names


@pytest.mark.parametrize("most", [128, 129])
def test_calls_in_one_piece_are_as_many_as_the_limit(most):
    events = decoded([stream(chunk(tool_calls=[part(number, name="f") for number in range(most)]))])
    assert len({event.call for event in of_kind(ToolCallDelta, events)}) == 128
    assert bool(of_kind(Failed, events)) == (most > 128)


# Every framing of the same calls gives the same calls.

NAMES = ("get_weather", "get", "make_payment", "weather")
OFFERED = {"tools": [{"type": "function", "function": {"name": name}} for name in NAMES]}

argument_objects = st.dictionaries(
    st.sampled_from(["city", "{", "a", '"']),
    st.recursive(
        st.integers() | strategies.texts | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "}"]), inner, max_size=2),
        max_leaves=3,
    ),
    max_size=2,
)


def split(text, places):
    marks = sorted({min(place, len(text)) for place in places})
    return [text[start:end] for start, end in zip([0, *marks], [*marks, len(text)], strict=True)]


HABITS = [
    (indices, ids, names, form)
    for indices in ("right", "text", "zero", "none", "rising")
    for ids in ("first", "each", "changing", "late", "none", "empty", "same")
    for names in ("first", "each", "parts", "growing")
    for form in ("cut", "whole", "object", "placeholder", "encoded", "repeated", "growing")
    # ambiguous framings are left out
    if indices in ("right", "text")
    or ids == "each"
    or (ids == "first" and (names == "first" or indices != "rising"))
    or (ids == "changing" and names == "first" and form in ("cut", "whole", "object", "encoded"))
    or (
        ids in ("none", "empty", "late")
        and form in ("cut", "whole", "object", "encoded")
        and indices in ("zero", "none")
    )
    if not (ids == "changing" and names != "first")
    if not (ids == "same" and indices not in ("right", "text"))
]


def pieces_of(form, arguments, places):
    """Return the arguments in the pieces that such a server sends."""
    text = json.dumps(arguments)
    match form:
        case "cut":
            return split(text, places)
        case "object":
            return [arguments]
        case "placeholder":
            return ["{}", text]
        case "encoded":
            return split(json.dumps(text), [3, 7])
        case "repeated":
            return [*split(text, [2, 5]), text]
        case "growing":
            return [text[:2], text[:5], text]
    return [text]


def names_of(how, name, count):
    match how:
        case "first":
            return [name]
        case "each":
            return [name] * count
        case "parts":
            return split(name, [2, 6])
    return [name[:3], name[:8], name]


def id_of(how, number, place, last):
    match how:
        case "first":
            return f"id{number}" if place == 0 else None
        case "each":
            return f"id{number}"
        case "changing":
            return f"id{number}-{place}"
        case "late":
            return f"id{number}" if place == last else None
        case "same":
            return "id"
    return None if how == "none" else ""


def interleave(draw, sequences):
    """Interleave sequences, each in its order."""
    left = [list(sequence) for sequence in sequences]
    mixed = []
    while any(left):
        chosen = draw(st.sampled_from([number for number, rest in enumerate(left) if rest]))
        mixed.append(left[chosen].pop(0))
    return mixed


@st.composite
def framed(draw):
    """Draw calls, and the chunks in which some server sends them."""
    indices, ids, names, form = draw(st.sampled_from(HABITS))
    wanted = draw(st.lists(st.tuples(st.sampled_from(NAMES), argument_objects), min_size=1, max_size=4))
    if ids in ("none", "empty", "late", "same", "changing"):  # then they must differ, and be more than `{}`
        wanted = [(name, {**arguments, "n": number}) for number, (name, arguments) in enumerate(wanted)]
    spelled = draw(st.sampled_from(["{}", "{}", "functions.{}"]))
    is_flat = draw(st.booleans())
    sequences = []
    for number, (name, arguments) in enumerate(wanted):
        pieces = pieces_of(form, arguments, draw(st.lists(st.integers(0, 30), max_size=4)))
        if indices == "rising":
            pieces = [piece for piece in pieces if piece != ""]
        told = names_of(names, spelled.format(name), len(pieces))
        if names in ("parts", "growing"):
            pieces = [""] * (len(told) - 1) + pieces
        sequences.append([])
        for place, piece in enumerate(pieces):
            function = {"name": told[place] if place < len(told) else None, "arguments": piece}
            outside = {"type": "function", "id": id_of(ids, number, place, len(pieces) - 1)}
            if indices != "none":
                outside["index"] = {"zero": 0, "text": str(number)}.get(indices, number)
            sequences[-1].append({**outside, **(function if is_flat else {"function": function})})
    if ids == "each" or (indices in ("right", "text") and ids not in ("same", "changing")):
        elements = interleave(draw, sequences)
    else:
        elements = [element for sequence in sequences for element in sequence]
    if indices == "rising":
        elements = [{**element, "index": place} for place, element in enumerate(elements)]
    batches = [[element] for element in elements] if indices == "none" else draw(strategies.cut(elements))
    return wanted, [chunk(tool_calls=batch) for batch in batches], (indices, ids, names, form)


@given(framed())
@strategies.scaled(6)
def test_the_same_calls_come_however_a_server_frames_them(drawn):
    """PROTOCOL 3.7: never a tool with another's arguments."""
    wanted, payloads, habits = drawn
    draft = Draft(Request("u", {"messages": []}))
    draft.add(events := decoded([stream(*payloads, chunk(finish="tool_calls"))], sent=OFFERED))
    got = [(call.name, json.loads(call.arguments)) for call in draft.reply().tool_calls]
    assert sorted(map(repr, got)) == sorted(map(repr, wanted)), habits
    begun = set()
    for event in of_kind(ToolCallDelta, events):
        assert not (event.name and event.call in begun), "a name after arguments"
        begun |= {event.call} if event.arguments else set()


anything = st.fixed_dictionaries(
    {},
    optional={
        "index": st.sampled_from([0, 1, 2, "0", None, -1, 1.5, True, 10**30]),
        "id": st.sampled_from(["a", "b", "", None, 7, "a\ud83d"]),
        "function": st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["get", "_weather", "weather", "", None, 3]),
                "arguments": st.sampled_from(
                    ["", "{}", '{"a"', ":1}", '{"a":1}', "}", '"', "\\", None, 3, [1], {"a": 2}]
                ),
            },
        ),
        "name": st.sampled_from(["get", None]),
    },
)


@given(st.lists(st.lists(anything, max_size=3), max_size=6))
def test_no_framing_breaks_the_reading(batches):
    """PROTOCOL 3.7: for any input, each call has a name from the input, and nothing raises."""
    for call in calls(*[chunk(tool_calls=batch) for batch in batches], chunk(finish="stop"), sent=OFFERED):
        assert call.id
        assert call.name in {"get", "get_weather", "weather", "_weather"} | {call.name[:20]}
