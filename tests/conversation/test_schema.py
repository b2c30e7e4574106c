"""What an answer must be can be said in any usual way, and is read out of whatever text the model wrote around it."""

from __future__ import annotations

import dataclasses
import datetime
import json
import subprocess
import sys
import typing
from importlib.util import find_spec
from typing import Literal, NamedTuple, NotRequired, TypedDict

import jsonschema
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.schemas.converters import Misfit
from nbchat.conversation.schemas.jsonschemas import closed, is_strict, moved
from nbchat.conversation.schemas.records import records_of
from nbchat.conversation.schemas.schema import NoJson, Schema
from nbchat.values.errors import ParameterError
from tests.environment import ROOT
from tests.strategies import finite_json, texts


@dataclasses.dataclass
class City:
    name: str
    temp: float
    visited: bool = False


class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)
    nick: str | None = None


class Entry(TypedDict):
    key: str
    note: NotRequired[str]


class Point(NamedTuple):
    x: int
    y: int


RECORD = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}

WAYS = {
    "dataclass": (City, '{"name": "Rome", "temp": 30}', City("Rome", 30.0)),
    "pydantic": (Person, '{"name": "Ada", "age": 36, "nick": null}', Person(name="Ada", age=36)),
    "typed dict": (Entry, '{"key": "a"}', {"key": "a"}),
    "named tuple": (Point, '{"x": 1, "y": 2}', Point(1, 2)),
    "list": (list[City], '{"items": [{"name": "Rome", "temp": 30}]}', [City("Rome", 30.0)]),
    "list of pydantic": (list[Person], '{"items": [{"name": "A", "age": 1}]}', [Person(name="A", age=1)]),
    "literal": (Literal["yes", "no"], '{"value": "yes"}', "yes"),
    "scalar": (int, '{"value": 3}', 3),
    "union": (int | None, '{"value": null}', None),
    "names and types": ({"a": int, "b": list[str]}, '{"a": 1, "b": ["x"]}', {"a": 1, "b": ["x"]}),
    "JSON schema": (RECORD, '{"a": 1, "b": 2}', {"a": 1, "b": 2}),
    "JSON schema as text": (json.dumps(RECORD), '{"a": 1}', {"a": 1}),
    "JSON schema of a list": ({"type": "array", "items": RECORD}, '{"items": [{"a": 1}]}', [{"a": 1}]),
    "response_format": (
        {"type": "json_schema", "json_schema": {"name": "mine", "schema": RECORD}},
        '{"a": 1}',
        {"a": 1},
    ),
    "columns": ("city:str,temp:float", '{"city": "Rome", "temp": 30}', {"city": "Rome", "temp": 30.0}),
    "columns in brackets": ("[city, day:date]", '{"items": [{"city": "Rome", "day": "2025-01-31"}]}', None),
}


@pytest.mark.parametrize(("what", "text", "value"), WAYS.values(), ids=WAYS)
def test_every_kind_of_schema_is_accepted(what, text, value):
    """An object at the top, as servers want it; the value typed; lists and plain values wrapped and unwrapped."""
    schema = Schema.of(what)
    assert schema.json_schema["type"] == "object"
    jsonschema.Draft202012Validator.check_schema(schema.json_schema)
    jsonschema.validate(json.loads(text), _without_required(schema.json_schema))
    expected = [{"city": "Rome", "day": datetime.date(2025, 1, 31)}] if value is None and "day" in text else value
    assert schema.parse(text) == expected
    assert Schema.of(schema) is schema


def _without_required(schema):
    """Return a schema without strict mode's requirement of every property."""
    if isinstance(schema, dict):
        return {key: _without_required(value) for key, value in schema.items() if key != "required"}
    return schema


@pytest.mark.parametrize("what", [City, Person, list[City], "a:int,b:[str]", Literal["a"], Entry, Point], ids=str)
def test_a_type_uses_strict_mode(what):
    sent = Schema.of(what).response_format["json_schema"]
    assert sent["strict"] is True
    assert is_strict(sent["schema"])


def test_a_json_schema_is_sent_unchanged():
    """Strict only if it already keeps the rules of strict mode."""
    sent = Schema.of({**RECORD, "title": "My answer!"}).response_format
    assert sent == {
        "type": "json_schema",
        "json_schema": {"name": "My_answer", "schema": {**RECORD, "title": "My answer!"}},
    }
    assert Schema.of({**RECORD, "additionalProperties": False}).response_format["json_schema"]["strict"] is True
    assert "strict" not in Schema.of(dict[str, int]).response_format["json_schema"]


def test_references_hold_where_a_schema_is_wrapped():
    tree = {
        "type": "array",
        "items": {"$ref": "#/$defs/leaf"},
        "$defs": {"leaf": {"type": "object", "properties": {"next": {"$ref": "#"}}}},
    }
    schema = Schema.of(tree)
    validator = jsonschema.Draft202012Validator(schema.json_schema)
    assert validator.is_valid({"items": [{"next": [{}]}]})
    assert not validator.is_valid({"items": [{"next": [1]}]})
    assert schema.parse('{"items": [{"next": [{}]}]}') == [{"next": [{}]}]
    with pytest.raises(Misfit, match=r"items\[0\]\.next\[0\]"):
        schema.parse('{"items": [{"next": [1]}]}')


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Rome", "temp": 30}',
        '\ufeff {"name": "Rome", "temp": 30}\n',
        '```json\n{"name": "Rome", "temp": 30}\n```',
        'Sure! Here it is:\n\n```\n{"name": "Rome", "temp": 30}\n```\nAnything else?',
        '~~~JSON\n{"name": "Rome", "temp": 30}\n~~~',
        '```json\n{"name": "Rome", "temp": 30}',
        'The {answer} is [here]: {"name": "Rome", "temp": 30}. Bye [1].',
        'First {"name": "Rome", "temp": "hot"}, no: {"name": "Rome", "temp": 30}',
    ],
)
def test_text_around_the_json_is_ignored(text):
    assert Schema.of(City).parse(text) == City("Rome", 30.0)


@pytest.mark.parametrize(
    ("what", "text", "value"),
    [
        (City, "{'name': 'Rome', 'temp': 3, 'visited': True,}", City("Rome", 3.0, True)),
        (City, '{"name": "it\'s", "temp": 1, // a comment\n "visited": false, /* and\nanother */ }', City("it's", 1.0)),
        (City, "{name: 'it's fine', temp: .5}  # done", City("it's fine", 0.5)),
        (City, "{'name': 'a \"b\" \\' c', 'temp': 1_000 # many\n}", City('a "b" \' c', 1000.0)),
        (City, r'{"name": "\d in C:\Users", "temp": 2}', City(r"\d in C:\Users", 2.0)),
        (City, '{"name": "Rome", "temp": -Infinity, "visited": yes}', City("Rome", float("-inf"), True)),
        (Person, "{name: 'Ada', age: 3, nick: None}", Person(name="Ada", age=3)),
        ("k:warm|cold,b:bool,d:date?", "{k: Warm, b: True, d: undefined}", {"k": "warm", "b": True, "d": None}),
        ("k:n/a|very good", "{k: very good}", {"k": "very good"}),
        (RECORD, "```json\n{a: 1, b: [x, True,]} // as asked\n```", {"a": 1, "b": ["x", True]}),
        (Literal["yes", "no"], "Yes.", "yes"),
        (Literal["yes", "no"], '"no"', "no"),
        (Literal["very good", "bad"], "**very good**", "very good"),
        (list[Literal["a", "b"]], 'Of [a] and [b]: ["a", "b"]. See [b].', ["a", "b"]),
        (bool, "True", True),
        (bool, "It holds:\n```\nTrue\n```", True),
        (bool, "```\nfalse\n```", False),
        (list[int], "[1, 2,]", [1, 2]),
        (list[Literal["a", "b"]], "[a, b]", ["a", "b"]),
        (list[str], "See [here]: [\"a\", 'b']. And [there].", ["a", "b"]),
    ],
)
def test_json_is_read_as_models_write_it(what, text, value):
    assert Schema.of(what).parse(text) == value


def test_a_word_in_one_of_several_code_blocks_is_not_the_answer():
    assert Schema.of(Literal["yes", "no"]).parse("It is:\n```\nyes\n```") == "yes"
    with pytest.raises(Misfit):
        Schema.of(Literal["yes", "no"]).parse("Run:\n```\nls\n```\nand type:\n```\nyes\n```")


def test_a_word_that_is_exactly_one_option_is_that_one():
    assert Schema.of(Literal["Yes", "YES"]).parse("YES") == "YES"
    assert Schema.of(Literal["Yes", "YES"]).parse("Yes.") == "Yes"


def test_references_are_renamed_wherever_they_stand():
    node = {"$ref": "#/a"}
    nested = {"anyOf": [node, {"not": node}], "items": node, "properties": {"x": {"prefixItems": [node]}}, "$ref": 5}
    renamed = json.loads(json.dumps(nested).replace("#/a", "#/b"))
    assert moved(nested, lambda name: name.replace("a", "b")) == renamed
    assert node == {"$ref": "#/a"}


def test_a_word_that_may_be_several_options_fits_none():
    with pytest.raises(Misfit):
        Schema.of(Literal["Yes", "YES"]).parse("yes")


def test_nan_is_a_number():
    assert str(Schema.of("a:float").parse('{"a": NaN}')["a"]) == "nan"


@pytest.mark.parametrize(
    "text",
    [
        'For example {"name": "Name of a rather long city", "temp": 0}.\n\n{"name": "Rome", "temp": 30}',
        '```json\n{"name": "Example", "temp": 0}\n```\nNow:\n```json\n{"name": "Rome", "temp": 30,}\n```',
        '```\n{"name": "Example", "temp": 0}\n```\n{"name": "Rome", "temp": 30} {"city": 1}',
        "[see] {this} " * 200 + "{'name': 'Rome', 'temp': 30}",
        'First {"name": "Draft", "temp": 1}. Better: {name: \'Rome\', temp: 30}',
    ],
)
def test_of_several_values_that_fit_the_last_counts(text):
    assert Schema.of(City).parse(text) == City("Rome", 30.0)


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError


ERRORS = [KeyError("a\nb"), RuntimeError("x" * 5000), SystemExit(1), Unspeakable(), AssertionError(), ValueError("no")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_validator_that_raises_anything_is_one_sentence(error):
    class Model(pydantic.BaseModel):
        a: int

        @pydantic.field_validator("a")
        @classmethod
        def check(cls, value):
            raise error

    @dataclasses.dataclass
    class Plain:
        a: int

        def __post_init__(self):
            raise error

    for schema in (Model, Plain, list[Model]):
        with pytest.raises(Misfit) as misfit:
            Schema.of(schema).parse('[{"a": 1}]' if schema is list[Model] else '{"a": 1}')
        assert "\n" not in str(misfit.value)
        assert 3 < len(str(misfit.value)) < 300


def test_items_that_can_not_be_made_into_a_set_do_not_fit():
    with pytest.raises(Misfit, match="TypeError"):
        Schema.of(set[typing.Any]).parse("[[1], {}]")


@given(st.recursive(finite_json, lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_the_lenient_reading_of_a_python_value_is_that_value(value):
    """What `repr` writes (single quotes, True, None) is read as the value itself."""
    schema = Schema.of({"type": "object", "properties": {"a": {}}})
    assert schema.parse(repr({"a": value})) == {"a": value}


def test_line_breaks_in_json_strings_do_no_harm():
    assert Schema.of("a:str").parse('{"a": "one\ntwo"}') == {"a": "one\ntwo"}


def test_a_list_may_come_unwrapped():
    assert Schema.of(list[int]).parse("[1, 2]") == [1, 2]
    assert Schema.of(list[int]).parse("Not [1] but [1, 2]") == [1, 2]


@pytest.mark.parametrize(
    ("what", "text", "said"),
    [
        (City, "", "the answer is empty"),
        (City, "I can't.", "there is no JSON in it"),
        (City, '{"name": "Rome", "temp": }', "its JSON is broken at line 1, column 26"),
        (City, '```json\n{\n"name": x}\n```', "its JSON is broken at line 2, column 9"),
        (City, '{"name": "Rome"}', "temp: this field is missing"),
        (City, '{"name": "Rome", "temp": "hot"}', 'temp: expected a number, got "hot"'),
        (list[City], '{"items": [{"name": "A", "temp": 1}, {"name": 2}]}', "items[1].temp: this field is missing"),
        (list[City], '{"cities": []}', "expected an object with 'items' alone, got an object"),
        (list[City], "3", "expected a list, got 3"),
        (Person, '{"name": "A", "age": -1}', "age: Input should be greater than or equal to 0"),
        (RECORD, '{"a": "x"}', "a: 'x' is not of type 'integer'"),
        ("a:int", '{"a": NaN}', "its JSON can't be read: NaN is not JSON"),
        ("a:int", '{"a": ' * 200_000, "its JSON is nested too deep"),
        ("a:good|bad", '{"a": "ugly"}', 'a: expected one of "good", "bad", got "ugly"'),
        ("a:int", '{"a": 1' + "0" * 5000 + "}", "its JSON can't be read"),
    ],
)
def test_what_does_not_fit_says_where(what, text, said):
    with pytest.raises(Misfit) as misfit:
        Schema.of(what).parse(text)
    assert said in str(misfit.value)
    assert isinstance(misfit.value, NoJson) == (said in ("the answer is empty", "there is no JSON in it"))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (3, "got int"),
        (None, "got NoneType"),
        ({}, "A dict must be"),
        ({"a": 1}, "A dict must be"),
        ("", "expected a name but found the end"),
        ("a:", "expected a type but found the end"),
        ("[a:int", "expected a ] but found the end"),
        ("a:int]", "expected its end but found ']'"),
        ("a,a:int", "names 'a' twice"),
        ("a:" + "[" * 50, "fewer brackets"),
        ("{", "looks like JSON but is not valid"),
        ("{" * 100_000, "looks like JSON but is not valid"),
        ({"$schema": [], "type": "object"}, "['$schema']: [] is not of type 'string'"),
        ({"type": "text"}, "type is one of object, array"),
        ({"type": "object", "properties": []}, "['properties']: [] is not of type 'object'"),
        ({"$ref": "https://example.org/x"}, "refers to 'https://example.org/x'; copy the definition"),
        ({"$ref": "#/$defs/no"}, "refers to '#/$defs/no', which is not there"),
        ({"type": "integer", "minimum": "x"}, "This is not a JSON schema: ['minimum']"),
        ({"type": "object", "default": {1}}, "holds only JSON values"),
        (object, "allows everything"),
        (typing.Any, "allows everything"),
        (print, "can't be written as JSON"),
        (City("a", 1.0), "got City"),
        (dict[int, int], "JSON's keys are text"),
    ],
)
def test_an_invalid_schema_is_refused_in_one_sentence(what, said):
    with pytest.raises(ParameterError) as refused:
        Schema.of(what)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_json_schema_builds_no_grammar_that_it_does_not_need():
    """It takes 1.2 s of CPU; others that use jsonschema still find the format."""
    code = (
        "import sys\n"
        "from nbchat.conversation.schemas.schema import Schema\n"
        "Schema.of({'type': 'object', 'properties': {'a': {'type': 'integer'}}}).parse('{\"a\": 1}')\n"
        "print(not {'lark', 'rfc3987_syntax'} & {*sys.modules})\n"
        "from jsonschema import FormatChecker\n"
        "print([FormatChecker().conforms(text, 'iri') for text in ('https://exämple.org', 'no iri')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    checks = find_spec("rfc3987_syntax") is not None  # which JupyterLab brings; without it, any text conforms
    assert done.stdout.split("\n") == ["True", f"[True, {not checks}]", ""]


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("a:str", {"a": {"type": "string"}}),
        ("a : int , b", {"a": {"type": "integer"}, "b": {"type": "string"}}),
        ("a:int?", {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}),
        ("a:int|null", {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}),
        ("label:good|bad", {"label": {"type": "string", "enum": ["good", "bad"]}}),
        ("label:'int'|\"so, so\"", {"label": {"type": "string", "enum": ["int", "so, so"]}}),
        ("how much:Float", {"how much": {"type": "number"}}),
        ("tags:[str],n:[[int]]", None),
    ],
)
def test_columns(text, properties):
    schema = Schema.of(text).json_schema
    if properties is None:
        items = {"type": "array", "items": {"type": "integer"}}
        properties = {"tags": {"type": "array", "items": {"type": "string"}}, "n": {"type": "array", "items": items}}
    assert schema["properties"] == properties
    assert schema["required"] == list(properties)


class Namespace:
    """A stand-in for a module: an object with types, and an attribute that raises."""

    City = City

    @property
    def broken(self):
        raise RuntimeError


NAMES = {
    "City": City,
    "Cities": list[City],
    "models": Namespace(),
    "df": 3,
    "spec": "city:str",
    "time": datetime,
    "date": City,
    "record": RECORD,
}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("int", int),
        ("bool", bool),
        ("Text", str),
        ("time", datetime.time),
        ("City", City),
        ("date", City),
        ("[City]", list[City]),
        ("City?", City | None),
        ("City | None", City | None),
        ("Cities", list[City]),
        ("list[City]", list[City]),
        ("dict[str, list[City]]", dict[str, list[City]]),
        ("models.City", City),
        ("list[models.City]", list[City]),
        ("Literal['a', 'b', 1]", Literal["a", "b", 1]),
        ("Literal[a,b]", Literal["a", "b"]),
        ("'a'", Literal["a"]),
        ("spec", {"city": str}),
        ("record", RECORD),
        ("city:City,tags:list[str]", {"city": City, "tags": list[str]}),
        ("a:models.City?", {"a": City | None}),
        ("a:dict[str, int]|none", {"a": dict[str, int] | None}),
        ("[a:Cities]", None),
    ],
)
def test_types_are_found_by_name(text, meant):
    expected = Schema.of(meant) if meant else None
    found = Schema.of(text, NAMES)
    assert expected is None or found.json_schema == expected.json_schema
    assert found.json_schema["type"] == "object"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strr", "There is no type 'strr'. Did you mean str?"),
        ("city", "There is no type 'city'. Did you mean City?"),
        ("list[Cty]", "There is no type 'Cty'. Did you mean City?"),
        ("models.Cty", "has no type 'Cty'. Did you mean City?"),
        ("models.broken", "has no type 'broken'"),
        ("nothing.City", "There is no type 'nothing'"),
        ("df", "got int"),
        ("sentiment", "A column is written name:type"),
        ("good|bad", "There is no type 'good'"),
        ("City()", "holds 'City()', which is not a type"),
        ("int[str]", "is not a type"),
        ("a b", "neither a type nor columns"),
        ("col:strr", "There is no type 'strr'. Did you mean str?"),
        ("a:int,col:Flaot?", "There is no type 'Flaot'. Did you mean float?"),
        ("col:[strr]", "There is no type 'strr'"),
        ("col:list[strr]", "There is no type 'strr'"),
        ("col:int|strr", "There is no type 'strr'"),
        ("col:strr|flaot", "There is no type 'strr'"),
        ("col:warm", "There is no type 'warm'"),
        ("col:list[str", "expected a ] but found the end"),
        ("list[" * 3000 + "int" + "]" * 3000, "neither a type"),
    ],
)
def test_a_word_that_is_no_type_is_a_mistake(text, said):
    with pytest.raises(ParameterError) as refused:
        Schema.of(text, NAMES)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["col:'warm'", "col:warm|cold", "col:int|unknown", "col:n/a|float", "kind:day|week?"])
def test_words_are_values_where_there_are_several_or_quotes(text):
    assert "enum" in json.dumps(Schema.of(text).json_schema)


@given(st.text(alphabet="ab:,[]|?\"' \\{", max_size=20) | texts)
def test_any_text_is_columns_or_an_error(text):
    try:
        schema = Schema.of(text)
    except ParameterError:
        return
    assert schema.json_schema["type"] == "object"


@given(texts | st.text(alphabet='{}[]",:1 a`\n', max_size=30))
def test_any_text_is_parsed_or_does_not_fit(text):
    try:
        value = Schema.of("a:str").parse(text)
    except Misfit:
        return
    assert isinstance(value["a"], str)


names = st.sampled_from(["a", "b", "c"])
schemas = st.recursive(
    st.sampled_from(["integer", "number", "string", "boolean", "null", "object", "array"]).map(lambda t: {"type": t})
    | st.lists(finite_json, min_size=1, max_size=3).map(lambda values: {"enum": values})
    | finite_json.map(lambda value: {"const": value})
    | st.builds(lambda low: {"type": ["number", "null"], "minimum": low}, st.integers(-3, 3))
    | st.builds(lambda most: {"maxLength": most, "maxItems": most, "minProperties": most}, st.integers(0, 2))
    | st.sampled_from([True, False, {}, {"multipleOf": 2}, {"pattern": "^a"}, {"uniqueItems": True}]),
    lambda inner: (
        st.builds(
            lambda properties, required, more: {
                "properties": properties,
                "required": required,
                "additionalProperties": more,
            },
            st.dictionaries(names, inner, max_size=2),
            st.lists(names, unique=True, max_size=1),
            inner,
        )
        | inner.map(lambda item: {"items": item})
        | st.lists(inner, min_size=1, max_size=2).map(lambda first: {"prefixItems": first, "items": False})
        | st.tuples(st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, min_size=1, max_size=2)).map(
            lambda pair: {pair[0]: pair[1]}
        )
        | inner.map(lambda child: {"not": child})
    ),
    max_leaves=6,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "a", "ab", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@given(schemas, values)
def test_what_fits_the_strict_form_fits_the_schema(schema, value):
    schema = schema if isinstance(schema, dict) else {"allOf": [schema]}
    before = json.dumps(schema)
    strict = closed(schema)
    assert json.dumps(schema) == before
    if is_strict(strict) and jsonschema.Draft202012Validator(strict).is_valid(value):
        assert jsonschema.Draft202012Validator(schema).is_valid(value)


def test_a_schema_that_refers_to_itself_without_end_does_not_fit():
    schema = Schema.of({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"})
    with pytest.raises(Misfit):
        schema.parse('{"value": 1}')


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        ([City("Rome", 30.0)], [{"name": "Rome", "temp": 30.0, "visited": False}]),
        ([Person(name="A", age=1)], [{"name": "A", "age": 1, "nick": None}]),
        ([Point(1, 2)], [{"x": 1, "y": 2}]),
        ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 2}]),
        ([], None),
        ([1, 2], None),
        ([{"a": 1}, 2], None),
        ({"a": 1}, None),
        ("text", None),
        (None, None),
    ],
)
def test_a_list_of_records_is_a_table(data, rows):
    assert records_of(data) == rows


def test_a_type_whose_own_hooks_raise_is_refused_in_one_sentence():
    class Hooked:
        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            raise KeyError("a\nb")

    with pytest.raises(ParameterError, match="for which pydantic makes no schema") as refused:
        Schema.of(Hooked)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "found"), [('{"n": "a"} or {"n": 1.5}', "1.5"), ('{"n": 1.5} or {"n": "a"}, {"n": null}', "null")]
)
def test_of_several_misfits_the_last_is_told(text, found):
    with pytest.raises(Misfit, match=f"expected a whole number, got {found}"):
        Schema.of("n:int").parse(text)


@pytest.mark.parametrize("text", ["{n:1}", "{n:1,}", "{'n':1}", "{n :1 }", "{ n:\t1}"])
def test_unquoted_names_need_no_space(text):
    assert Schema.of("n:int").parse(text) == {"n": 1}
