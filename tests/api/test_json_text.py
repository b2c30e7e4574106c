"""JSON as servers write it: what is absurd in it becomes null, and what is cut off keeps its beginning."""

import json
import math

import pytest

from nbchat.api.answer.json_text import loads, read_truncated, several


def nested(levels, opening="[", closing="]", inner="7"):
    return opening * levels + inner + closing * levels


@pytest.mark.parametrize("levels", [100, 101, 5_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"[":', "}")])
@pytest.mark.parametrize("inner", ["7", '["\t"]'], ids=["plain", "raw control character"])
def test_a_hundred_levels_are_read_and_deeper_ones_are_null(levels, opening, closing, inner):
    text = nested(levels - inner.count("["), opening, closing, inner)
    for value in (loads(text.encode()), several(text.encode())[0], read_truncated(text)):
        depth = 0
        while isinstance(value, (list, dict)):
            depth, [value] = depth + 1, value.values() if isinstance(value, dict) else value
        assert (depth, value) == (100, json.loads(inner.strip("[]"), strict=False) if levels == 100 else None)


@pytest.mark.parametrize("digits", [4_000, 4_001])
def test_a_number_of_many_digits_is_no_longer_one_of_integers(digits):
    [read] = loads(b'{"a\t": [' + b"9" * digits + b"]}").values()
    [read] = read
    assert (read == 10**4000 - 1) if digits == 4_000 else read == math.inf


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"1 2", [1, 2]),
        (b'{"a":1}{"b":2}', [{"a": 1}, {"b": 2}]),
        (b'{"a":1}\n\ndata: {"b":2} data:data: 3', [{"a": 1}, {"b": 2}, 3]),
        (b"", []),
        (b"null ", [None]),
    ],
)
def test_several_values_may_stand_in_a_row(text, values):
    assert several(text) == values


@pytest.mark.parametrize("text", [b"{", b"1 x", b'{"a":1} oops', b"data: 1", b"[1"])
def test_what_is_no_json_raises(text):
    with pytest.raises(ValueError):
        several(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "b', {"a": "b"}),
        ('{"a": "b\\', {"a": "b"}),
        ('{"a": "b\\u00', {"a": "b"}),
        ('{"a": "b\\n', {"a": "b\n"}),
        ('{"a": 12', {}),
        ('{"a": 1, "b": 12', {"a": 1}),
        ('{"a": 1, "b": tru', {"a": 1}),
        ('{"a": 1, "b": true', {"a": 1, "b": True}),
        ('{"a": 1, "b"', {"a": 1}),
        ('{"a": 1, "b":', {"a": 1}),
        ('{"a": 1,', {"a": 1}),
        ('{"a": [1, {"b": "c", "d": [', {"a": [1, {"b": "c", "d": []}]}),
        ('{"a": ["}", "]", "{"], "b": {}, "c": "', {"a": ["}", "]", "{"], "b": {}, "c": ""}),
        ("[1, 2", [1]),
        ("[", []),
        ("12", None),
        ("", None),
        ("oops", None),
        ("}", None),
    ],
)
def test_what_is_cut_off_keeps_its_beginning(text, value):
    """A last number may have had more digits."""
    assert read_truncated(text) == value
