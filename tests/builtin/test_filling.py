"""For every satisfiable schema, the model generates a value that fits."""

import contextlib
import json
import math
from random import Random

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.builtin.model.material import Material
from nbchat.builtin.model.models import learned
from nbchat.builtin.model.sampling import Sampling, draw, pick
from nbchat.builtin.model.tokenizer import END
from nbchat.builtin.structured.filling import Filling, Writer
from nbchat.builtin.structured.json_schema import Schema, SchemaError

VALIDATOR = jsonschema.Draft202012Validator
MATERIAL = Material(
    'Book 12 seats in Paris for "Ada Lovelace" on 2025-03-04, at most 80.5 euro.', ["A list is a sequence."]
)


def fill(schema, seed=0, temperature=1.0, material=MATERIAL, bias=None):
    """The text the model writes for a schema."""
    random, tokenizer = Random(seed), learned().tokenizer
    writer = Writer(Schema(schema), material, lambda weights: pick(weights, temperature, random))
    source, tokens = Filling(writer.script(), tokenizer), []
    while True:
        drawn = draw(source.next(), Sampling(temperature=temperature, bias=bias or {}), {}, random)
        if drawn.token == END:
            return tokenizer.decode(tokens)
        source.take(drawn.token)
        tokens.append(drawn.token)


def check(schema, text):
    value = json.loads(text)
    VALIDATOR(schema, format_checker=VALIDATOR.FORMAT_CHECKER).validate(value)
    return value


@st.composite
def numeric(draw):
    kind = draw(st.sampled_from(["integer", "number"]))
    low = draw(st.integers(-50, 50) if kind == "integer" else st.floats(-50, 50))
    schema = {"type": kind}
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.integers(4, 40))
    if kind == "integer" and draw(st.booleans()):
        schema["multipleOf"] = draw(st.integers(1, 2))
    return schema


@st.composite
def textual(draw):
    form = draw(
        st.sampled_from([None, None, None, "date", "date-time", "time", "email", "uuid", "ipv4", "ipv6", "uri"])
    )
    if form:
        return {"type": "string", "format": form}
    pattern = draw(
        st.sampled_from([None, None, "^[A-Z]{2}-\\d+$", "^(red|green)$", "[^aeiou]x?", "^\\w+@\\w+\\.com$", ""])
    )
    if pattern is not None:
        return {"type": "string", "pattern": pattern}
    low = draw(st.integers(0, 40))
    return {"type": "string", "minLength": low, "maxLength": low + draw(st.integers(0, 40))}


JSON = st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=8) | st.lists(st.integers(0, 5), max_size=2)
NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(["city", "seats", "answer", "max_price", "ü", '"', "\\"])
LEAVES = (
    numeric()
    | textual()
    | st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True, {"type": ["string", "null"]}])
    | JSON.map(lambda value: {"const": value})
    | st.lists(JSON, min_size=1, max_size=4).map(lambda values: {"enum": values})
)


def nested(children):
    arrays = st.builds(
        lambda items, least, more: {"type": "array", "items": items, "minItems": least, "maxItems": least + more},
        children, st.integers(0, 4), st.integers(0, 3),
    )  # fmt: skip
    unique = st.builds(
        lambda items, least: {"type": "array", "items": items, "minItems": least, "uniqueItems": True},
        st.sampled_from([{"type": "string"}, {"type": "integer"}, {"type": "integer", "minimum": 0, "maximum": 9}]),
        st.integers(0, 8),
    )
    tuples = st.lists(children, min_size=1, max_size=3).map(
        lambda items: {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
    )

    @st.composite
    def objects(draw):
        properties = draw(st.dictionaries(NAMES, children, max_size=4))
        required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
        schema = {"type": "object", "properties": properties, "required": required}
        closing = draw(
            st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": {"type": "integer"}}])
        )
        return {**schema, **closing}

    either = st.lists(children, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts})
    both = children.map(lambda part: {"allOf": [part, {"title": "the same"}]})
    maps = children.map(lambda part: {"type": "object", "additionalProperties": part, "minProperties": 2})
    return arrays | unique | tuples | objects() | either | both | maps


SCHEMAS = st.recursive(LEAVES, nested, max_leaves=8)


@given(SCHEMAS, st.integers(0, 99), st.sampled_from([0, 0.7, 2.0]))
def test_what_is_written_fits_any_schema(schema, seed, temperature):
    check(schema, fill(schema, seed, temperature))


@given(SCHEMAS, st.text(max_size=60))
def test_any_prompt_may_come_with_it(schema, text):
    check(schema, fill(schema, material=Material(text, [])))


PERSON = {
    "$defs": {
        "person": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "mother": {"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]},
                "father": {"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/person"}},
            },
            "required": ["name", "mother", "father", "children"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/person",
}


@pytest.mark.parametrize("seed", range(10))
def test_a_recursive_schema_terminates(seed):
    assert len(fill(PERSON, seed, temperature=1.5)) < 50_000
    check(PERSON, fill(PERSON, seed))


def test_a_pydantic_models_schema_is_filled():
    from enum import Enum
    from typing import Literal

    from pydantic import BaseModel, Field

    class Mood(Enum):
        good = "good"
        bad = "bad"

    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int = Field(ge=1, le=9)

    class Dog(BaseModel):
        kind: Literal["dog"]
        tricks: list[str] = Field(min_length=1)

    class Pet(BaseModel):
        animal: Cat | Dog = Field(discriminator="kind")
        mood: Mood
        weight: float | None
        born: tuple[int, int]
        notes: dict[str, str]

    for seed in range(20):
        Pet.model_validate_json(fill(Pet.model_json_schema(), seed))


def test_values_come_from_the_prompt_where_they_fit():
    schema = {
        "type": "object",
        "properties": {
            "seats": {"type": "integer"},
            "city": {"type": "string"},
            "passenger": {"type": "string"},
            "date": {"type": "string", "format": "date"},
            "colour": {"enum": ["red", "blue"]},
            "limit": {"type": "number", "minimum": 50},
        },
    }
    material = Material(
        'I want 12 seats. The city is Paris, the passenger is "Ada L.", blue, 2025-03-04, limit: 80.5', []
    )
    assert check(schema, fill(schema, temperature=0, material=material)) == {
        "seats": 12,
        "city": "Paris",
        "passenger": "Ada L.",
        "date": "2025-03-04",
        "colour": "blue",
        "limit": 80.5,
    }


def test_a_bias_shapes_the_choice_but_never_breaks_the_json():
    schema = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}, "required": ["mood"]}
    tokenizer = learned().tokenizer
    bad = dict.fromkeys(tokenizer.encode('"bad"')[1:2], 100.0)
    assert check(schema, fill(schema, bias=bad)) == {"mood": "bad"}
    everything = dict.fromkeys(range(len(tokenizer)), -100.0)
    check(schema, fill(schema, bias=everything))


def test_the_share_of_each_token_is_that_of_the_texts_it_leads_to():
    """One of four values, each as likely: the token that three of them begin with has 3/4."""
    schema = {"enum": [100, 101, 102, 200]}
    writer = Writer(Schema(schema), Material("", []), lambda weights: 0)
    filling = Filling(writer.script(), learned().tokenizer)
    first = filling.next()
    assert math.fsum(first.known.values()) == pytest.approx(1)
    shares = sorted(first.known.values())
    assert shares in ([0.25] * 4, [0.25, 0.75])
    assert first.rest == 0


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "strin"}, "type must be one or more of"),
        ({"type": []}, "type must be one or more of"),
        ({"not": {}}, "not is not supported"),
        ({"$ref": "https://example.org/x"}, "must point into the schema itself"),
        ({"$ref": "#/$defs/x"}, "which does not exist"),
        ({"$ref": "#"}, "refers to itself"),
        ({"anyOf": [{"$ref": "#"}]}, "without end"),
        ({"allOf": [{"$ref": "#"}]}, "without end"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "without end"),
        ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, "without end"),
        ({"properties": []}, "properties must be an object"),
        ({"type": "array", "items": [{}]}, "items must be a schema"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "'a' is required"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "can't be"),
        ({"minLength": 10**9}, "minLength must be at most"),
        ({"multipleOf": 0}, "more than 0"),
        ({"minimum": "1"}, "must be a number"),
        ({"minItems": -1}, "whole number"),
        ({"format": {}}, "format must be a string"),
        ({"required": [1]}, "required must name"),
        ({"anyOf": []}, "No branch"),
        ({"properties": {"a": 3}}, "must be an object or a boolean"),
        (False, "here it is false"),
    ],
)
def test_a_schema_that_cannot_be_followed_is_refused_in_one_sentence(schema, says):
    with pytest.raises(SchemaError, match=r"(?s)^[^\n]*$") as refused:
        Schema(schema)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"type": "number", "minimum": 5, "maximum": 4},
        {"enum": []},
        {"enum": ["a"], "type": "integer"},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "string", "pattern": "(?=a)b"},
        {"type": "string", "pattern": "(["},
        {"type": "array", "items": {"enum": [1, 2]}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "minItems": 3, "maxItems": 2},
    ],
)
def test_a_schema_nothing_fits_is_found_out_while_writing(schema):
    with pytest.raises(SchemaError):
        fill({"type": "object", "properties": {"x": schema}, "required": ["x"]})


KEYWORDS = """
    type properties items anyOf allOf oneOf $ref enum const required minimum maximum multipleOf minItems maxItems
    minLength maxLength pattern format prefixItems additionalProperties uniqueItems $defs minProperties a
"""
WORDS = st.sampled_from(["#", "#/$defs/a", "#/properties/a", "object", "array", "string", "integer"])
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.sampled_from(KEYWORDS.split()), children | WORDS, max_size=5)
    ),
    max_leaves=25,
)


@given(HOSTILE)
def test_nonsense_for_a_schema_is_refused_or_filled_but_never_breaks(schema):
    if not isinstance(schema, dict):
        return
    with contextlib.suppress(SchemaError):
        json.loads(fill(schema, temperature=0.5))
