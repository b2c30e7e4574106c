"""No half of a character comes out of a model's JSON, whose escapes the wire's decoder doesn't see."""

import json

from hypothesis import given

from nbchat.conversation.schemas.schema import Schema
from nbchat.values.json_fields import parsed_json
from nbchat.values.messages import ToolCall
from nbchat.values.surrogates import paired, paired_json
from tests import strategies

ANY = Schema.of({"type": "object", "properties": {"a": {}}})


@given(strategies.broken_texts)
def test_what_is_read_of_json_can_be_written(text):
    """PROTOCOL 3.10"""
    written, whole = json.dumps({"a": [text, {text: 1}]}), paired(text)
    expected = {"a": [whole, {whole: 1}]}
    assert ToolCall("i", "f", written).parsed() == ANY.parse(written) == parsed_json(written) == expected
    assert json.loads(json.dumps(expected, ensure_ascii=False).encode()) == expected


@given(strategies.json_values)
def test_whole_json_is_unchanged(value):
    assert repr(paired_json(value)) == repr(value)
