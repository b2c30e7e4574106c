"""A function is a tool by its signature, its annotations and its docstring alone."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import json
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar

import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from nbchat.conversation.schemas.converters import Misfit
from nbchat.conversation.schemas.docstring import Docstring
from nbchat.conversation.tools.tool import Tool
from nbchat.values.errors import ToolError
from nbchat.values.messages import ToolCall
from tests.strategies import texts

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.Enum):
    SMALL = (1, 2)
    LARGE = (3, 4)


@dataclasses.dataclass
class Point:
    """A place.

    Attributes:
        x: to the right
    """

    x: float
    y: float = 0.0

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x is negative")


@dataclasses.dataclass
class Tree:
    label: str
    children: list[Tree] = dataclasses.field(default_factory=list)


class Row(TypedDict, total=False):
    id: int


class Pair(NamedTuple):
    first: int
    second: int = 2


class Model(pydantic.BaseModel):
    count: int = pydantic.Field(ge=1, description="how many")
    inner: Model | None = None


Metres = NewType("Metres", float)


def parameters(function):
    return Tool.of(function).schema["function"]["parameters"]


def property_of(annotation):
    def tool(value):
        return value

    tool.__annotations__ = {"value": annotation}
    return parameters(tool)["properties"]["value"]


def called(function, arguments):
    """Return the tool's result for a model's arguments, given as JSON."""
    return Tool.of(function).call(ToolCall("1", "tool", json.dumps(arguments)))()


def loaded(annotation, value):
    def tool(value):
        return value

    tool.__annotations__ = {"value": annotation}
    return called(tool, {"value": value})


def test_the_complete_schema_of_a_tool():
    """Name, description and parameters; a default makes a parameter optional, and is shown."""

    def rows_over(
        limit: float,
        column: str = "price",
        *,
        order: Literal["up", "down"] = "up",
        unit: Annotated[str | None, "of the limit"] = None,
    ) -> int:
        """Count the rows over a limit.

        Slow for large frames.

        Args:
            limit: lowest value
                that counts
            column (str): which column

        Returns:
            int: how many
        """

    assert Tool.of(rows_over).schema == {
        "type": "function",
        "function": {
            "name": "rows_over",
            "description": "Count the rows over a limit.\n\nSlow for large frames.",
            "parameters": {
                "type": "object",
                "properties": {
                    "limit": {"type": "number", "description": "lowest value that counts"},
                    "column": {"type": "string", "description": "which column", "default": "price"},
                    "order": {"type": "string", "enum": ["up", "down"], "default": "up"},
                    "unit": {
                        "anyOf": [{"type": "string"}, {"type": "null"}],
                        "description": "of the limit",
                        "default": None,
                    },
                },
                "required": ["limit"],
                "additionalProperties": False,
            },
        },
    }


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (int, {"type": "integer"}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        (set[str], {"type": "array", "items": {"type": "string"}}),
        (list, {"type": "array", "items": {}}),
        (TypeAliasType("Ids", list[int]), {"type": "array", "items": {"type": "integer"}}),
        (TypeAliasType("Many", list[T], type_params=(T,))[int], {"type": "array", "items": {"type": "integer"}}),
        (T, {}),
        (TypeVar("T", bound=int), {"type": "integer"}),
        (TypeVar("T", int, str), {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (tuple[int, int], {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045  # as people write it
        ("int | None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Literal["a", 1, None], {"type": ["integer", "null", "string"], "enum": ["a", 1, None]}),  # noqa: PYI061  # as people write it
        (Colour, {"type": "string", "enum": ["red", "blue"]}),
        (Size, {"type": "string", "enum": ["SMALL", "LARGE"]}),
        (datetime.date, {"type": "string", "format": "date"}),
        (Metres, {"type": "number"}),
        (Any, {}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, pydantic.Field(ge=1)], {"type": "integer", "minimum": 1}),
        (
            Point,
            {
                "type": "object",
                "description": "A place.",
                "properties": {
                    "x": {"type": "number", "description": "to the right"},
                    "y": {"type": "number", "default": 0.0},
                },
                "required": ["x"],
                "additionalProperties": False,
            },
        ),
        (
            Row,
            {
                "type": "object",
                "properties": {"id": {"type": "integer"}},
                "required": [],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_annotations_as_json_schema(annotation, schema):
    assert property_of(annotation) == schema


def test_a_class_that_holds_itself_is_a_definition():
    def plant(tree: Tree, model: Model, models: list[Model]) -> str:
        return f"{tree.children[0].label} {model.inner.count} {models[0].count}"

    schema = parameters(plant)
    assert schema["properties"]["tree"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    references = {text for text in json.dumps(schema).split('"') if text.startswith("#/$defs/")}
    assert {reference.removeprefix("#/$defs/") for reference in references} == schema["$defs"].keys()
    tree = {"label": "a", "children": [{"label": "b"}]}
    assert (
        called(plant, {"tree": tree, "model": {"count": 1, "inner": {"count": 2}}, "models": [{"count": 3}]}) == "b 2 3"
    )


@pytest.mark.parametrize(
    ("annotation", "given", "value"),
    [
        (float, 3, 3.0),
        (int, 3.0, 3),
        (bool, True, True),
        (int | float, 1, 1),
        (str | datetime.date, "2025-01-31", "2025-01-31"),
        (datetime.date | str, "2025-01-31", datetime.date(2025, 1, 31)),
        (datetime.datetime, "2025-01-31T12:00:00Z", datetime.datetime(2025, 1, 31, 12, tzinfo=datetime.UTC)),
        (Colour, "red", Colour.RED),
        (Size, "LARGE", Size.LARGE),
        (Literal[Colour.RED], "red", Colour.RED),
        (list[Point], [{"x": 1}], [Point(1.0)]),
        (dict[str, Point], {"a": {"x": 1, "y": 2}}, {"a": Point(1.0, 2.0)}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (frozenset[int], [1, 1], frozenset({1})),
        (Pair, {"first": 1}, Pair(1, 2)),
        (Row, {}, {}),
        (datetime.timedelta, "PT1H", datetime.timedelta(hours=1)),
    ],
)
def test_json_becomes_the_annotated_type(annotation, given, value):
    made = loaded(annotation, given)
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("annotation", "given", "said"),
    [
        (int, "3", 'value: expected a whole number, got "3"'),
        (int, 3.5, "value: expected a whole number, got 3.5"),
        (int, True, "value: expected a whole number, got true"),
        (float, 2**53 + 1, f"value: expected a number, got {2**53 + 1}"),
        (float, 10**400, "value: expected a number"),
        (int, float("inf"), "value: expected a whole number, got Infinity"),
        (bool, 1, "value: expected true or false, got 1"),
        (str, None, "value: expected text, got null"),
        (Literal[1], True, "value: expected one of 1, got true"),
        (Colour, "green", 'value: expected one of "red", "blue", got "green"'),
        (datetime.date, "31.1.2025", "value: expected a date as YYYY-MM-DD"),
        (list[int], [1, "a"], 'value[1]: expected a whole number, got "a"'),
        (list[Point], [{"x": 1, "z": 2}], "value[0].z: there is no such field; expected x, y"),
        (list[Point], [{}], "value[0].x: this field is missing"),
        (Point, {"x": -1}, "value: ValueError: x is negative"),
        (Point | None, {"x": "a"}, "value.x: expected a number"),
        (dict[str, int], {"a b": "c"}, 'value["a b"]: expected a whole number'),
        (tuple[int, int], [1], "value: expected a list of 2, got a list of 1"),
        (Model, {"count": 0}, "value.count: Input should be greater than or equal to 1"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(annotation, given, said):
    with pytest.raises(Misfit) as misfit:
        loaded(annotation, given)
    assert said in str(misfit.value)


class Store:
    def find(self, name: str, /, limit: int = 5, *, exact: bool = False) -> tuple:
        """Find by name.

        :param name: what to find
        :param int limit: most hits
        """
        return name, limit, exact

    def __call__(self, key: str) -> str:
        """Get one."""
        return key


def both(first: int = 1, second: int = 2, /) -> tuple:
    """Both."""
    return first, second


def test_methods_partials_and_callable_objects_are_tools():
    """Each way of passing an argument works; what a partial fixes can be left out."""
    assert called(Store().find, {"name": "a", "exact": True}) == ("a", 5, True)
    assert parameters(Store().find)["properties"]["limit"]["description"] == "most hits"
    assert Tool.of(Store()).name == "Store"
    assert called(Store(), {"key": "k"}) == "k"
    assert called(both, {"second": 5}) == (1, 5)
    some = functools.partial(Store().find, limit=2)
    assert Tool.of(some).name == "find"
    assert called(some, {"name": "a"}) == ("a", 2, False)


def test_a_decorated_function_is_told_as_it_was_written():
    def noted(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

    @noted
    def double(n: int) -> int:
        """Twice."""
        return 2 * n

    assert parameters(double)["properties"] == {"n": {"type": "integer"}}
    assert called(double, {"n": 2}) == 4


def test_annotations_that_are_text_are_read_where_the_function_was_written():
    """Names of an enclosing function count too, as long as the function uses them."""

    @dataclasses.dataclass
    class Local:
        a: int

    def use(local: Local) -> int:
        return local.a if isinstance(local, Local) else 0

    assert called(use, {"local": {"a": 3}}) == 3


def test_a_default_tells_the_type_where_nothing_else_does():
    def tool(n=3, s="a", f=1.5, b=True):
        return n, s, f, b

    kinds = [each["type"] for each in parameters(tool)["properties"].values()]
    assert kinds == ["integer", "string", "number", "boolean"]


def test_a_default_that_json_can_not_write_is_not_shown():
    def tool(when: datetime.date = datetime.date(2025, 1, 1), limit: float = float("inf")):
        return when, limit

    assert all("default" not in each for each in parameters(tool)["properties"].values())
    assert called(tool, {}) == (datetime.date(2025, 1, 1), float("inf"))


@dataclasses.dataclass
class Unread:
    there: Nowhere  # noqa: F821  # the point of it


def starred(*names: str) -> None: ...
def keyworded(**options: int) -> None: ...
def bare(x) -> None: ...
def framed(df: pd.DataFrame) -> None: ...
def unknown(x: Nowhere) -> None: ...  # noqa: F821  # the point of it
def bytewise(data: Literal[b"a"]) -> None: ...
def unread(x: Unread) -> None: ...
def keyed(d: dict[int, str]) -> None: ...
def naïve(x: int) -> None: ...


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (starred, "parameter *names, which a tool's schema can't describe"),
        (keyworded, "parameter **options, which a tool's schema can't describe"),
        (bare, "bare has the parameter x without an annotation: annotate it"),
        (framed, "framed has the parameter df of the type DataFrame, which can't be written as JSON: annotate it"),
        (unknown, "the parameter x of the type 'Nowhere', which can't be read"),
        (unread, "the parameter x of the type Unread, whose annotations can't be read (name 'Nowhere' is not defined)"),
        (bytewise, "the parameter data of the type"),
        (keyed, "with keys of int, but JSON's keys are text"),
        (naïve, "up to 64 plain letters, digits and underscores; got 'naïve'"),
        (Store.find, "the parameter self: give an object's method, such as obj.find"),
        (lambda x: x, "got '<lambda>'"),
        (Store, "got the class Store"),
        (3, "got int"),
        (None, "got NoneType"),
        (print, "parameter *args"),
        ({"function": {"parameters": {}}}, "got the name None"),
        ({"name": "f", "parameters": {"x": {1}}}, "The tool f must hold only JSON values"),
    ],
)
def test_an_untypable_tool_is_refused_in_one_sentence_that_says_what_to_do(tool, said):
    with pytest.raises(ToolError) as refused:
        Tool.of(tool)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


GOOGLE = """Sum it.

    Args:
        a (int, optional): the first
            of two
        b: the second: last

    Returns:
        c: the sum
    """
NUMPY = """Sum it.

    Parameters
    ----------
    a : int, default 3
        the first
        of two
    b
        the second: last

    Returns
    -------
    c : int
        the sum
    """
REST = """Sum it.

    :param int a: the first
        of two
    :param b: the second: last
    :type b: int
    :returns: the sum
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_three_styles_of_docstring(text):
    assert Docstring.of(text) == Docstring("Sum it.", {"a": "the first of two", "b": "the second: last"})


@given(
    st.lists(st.sampled_from(["Args:", "Parameters", "----", ":param x: y", "  x: y", "x : y", "", "    z"]) | texts)
)
def test_any_docstring_can_be_read(lines):
    doc = Docstring.of("\n".join(lines))
    assert all(name and said for name, said in doc.parameters.items())
