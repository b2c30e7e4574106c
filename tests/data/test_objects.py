"""Descriptions of containers, records, code, paths and objects that describe themselves."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import types
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.data.describe import describe
from nbchat.data.description import UnknownFormat
from nbchat.data.interpolation.interpolate import interpolate
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import PromptError

CANARY = "canary-77-value"
FRAME = pd.DataFrame({"a": [CANARY]})


@dataclasses.dataclass
class Record:
    name: str
    data: Any
    password: str = dataclasses.field(default="hidden-one", repr=False)


class Model(pydantic.BaseModel):
    name: str
    key: pydantic.SecretStr = pydantic.SecretStr("hidden-two")
    extra: Any = None


class Pair(NamedTuple):
    left: Any
    right: Any


class Colour(enum.Enum):
    RED = 1


def area(width: float, height: float = 2.0, *, frame: Any = FRAME) -> float:
    """The area of a rectangle."""
    return width * height


class Shape:
    """A shape."""

    sides = 4

    def area(self, unit: str = "m") -> float:
        return 1.0

    @staticmethod
    def unit() -> str:
        return "m"


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
containers = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner) | st.tuples(inner) | st.sets(scalars),
    max_leaves=30,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 2.5, "a", None], "[1, 2.5, 'a', None]"),
        ((1,), "(1,)"),
        ((), "()"),
        ({}, "{}"),
        (set(), "set()"),
        ({"k": [{}]}, "{'k': [{}]}"),
        ({3, 1, 2}, "{1, 2, 3}"),
        (frozenset("a"), "frozenset({'a'})"),
        (collections.deque([1]), "deque([1])"),
        (Pair(1, [2]), "Pair(left=1, right=[2])"),
        ([np.float64(1.5)], "[1.5]"),
        (collections.Counter("aab"), "Counter({'a': 2, 'b': 1})"),
        ({"a": 1}.keys(), "dict_keys(['a'])"),
        (b"ab", "b'ab'"),
        (Colour.RED, "Colour.RED"),
        ([Record("n", 1)], "[Record(name='n', data=1)]"),
    ],
)
def test_short_containers_go_in_whole(value: object, text: str) -> None:
    said = describe(value)
    assert said.text == text
    assert not said.cut


@given(containers, st.integers(60, 400))
def test_containers_keep_within_the_budget_and_are_the_same_each_time(value: object, budget: int) -> None:
    said = describe(value, budget=budget)
    assert len(said.text) <= budget * 4
    assert said.text == describe(value, budget=budget).text


@given(st.recursive(st.integers() | st.text(max_size=5), st.lists, max_leaves=20))
def test_a_whole_list_reads_as_python_writes_it(value: object) -> None:
    assert describe(value, budget=100_000).text == (value if isinstance(value, str) else repr(value))


def test_long_containers_tell_their_size_what_is_in_them_and_what_was_cut() -> None:
    said = describe(list(range(10_000)), budget=100, name="l")
    assert said.cut
    assert said.text.startswith("l: list of 10,000 items (int); the first ")
    rows = describe([{"id": 1, "text": "x" * 1_000}] * 500, budget=200)
    assert "list of 500 items (dict)" in rows.text
    assert "- {'id': 1, 'text': 'xxx" in rows.text
    keys = describe({f"k{place}": "v" * 500 for place in range(50)}, budget=500)
    assert "dict of 50 items (str → str)" in keys.text
    assert keys.label.startswith("dict of 50 items, the first ")


def test_a_container_that_holds_itself_ends() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    assert describe(loop).text == "[1, …]"
    record = Record("n", None)
    record.data = [record]
    assert "Record" in describe(record).text
    deep: list[object] = []
    for _ in range(10_000):
        deep = [deep]
    assert "…" in describe(deep).text


@pytest.mark.parametrize(
    "value",
    [
        [FRAME],
        {"k": FRAME},
        {"k": [FRAME["a"]]},
        Record("n", FRAME),
        [Record("n", FRAME)],
        Pair(FRAME, 1),
        Model(name="n", extra=FRAME),
        types.SimpleNamespace(x=FRAME),
        area,
        [np.array([CANARY])],
        Shape,
        types.SimpleNamespace(x=[types.SimpleNamespace(y=FRAME)]),
    ],
)
def test_wrapping_a_value_reveals_no_more(value: object) -> None:
    assert CANARY not in describe(value).text


def test_records_tell_their_fields_but_not_those_kept_out_of_their_repr() -> None:
    assert describe(Record("n", [1])).text == "Record with 2 fields\n- name: str = 'n'\n- data: Any = [1]"
    text = describe(Model(name="n")).text
    assert "- name: str = 'n'" in text
    assert "hidden" not in text
    plain = Shape()
    plain.colour = "red"  # type: ignore[attr-defined]  # the point of it
    assert describe(plain).text == "Shape with 1 field\n- colour: str = 'red'"


def test_functions_classes_and_modules() -> None:
    said = describe(area)
    assert (
        said.text.splitlines()[0] == "def area(width: 'float', height: 'float' = 2.0, *, frame: 'Any' = ...) -> 'float'"
    )
    assert "The area of a rectangle." in said.text
    assert said.label == "signature of area"
    assert describe(area, "source").text.endswith("return width * height")
    text = describe(Shape).text
    assert "class Shape" in text
    assert "- def area(self, unit: 'str' = 'm') -> 'float'" in text
    assert "- sides: int" in text
    assert "module json" in describe(json).text
    assert describe(len).text.startswith("def len(")
    with pytest.raises(PromptError, match="not available"):
        describe(len, "source")
    with pytest.raises(UnknownFormat):
        describe(area, "code")


def test_a_class_describes_itself() -> None:
    class Full:
        def __nbchat__(self, spec: str, budget: int) -> str:
            return f"{spec}/{budget}"

    class Short:
        def __nbchat__(self) -> str:
            return "short"

        def __repr__(self) -> str:
            return CANARY

    class Failing:
        def __nbchat__(self) -> str:
            raise RuntimeError("no data")

        def __repr__(self) -> str:
            return CANARY

    assert interpolate("{f:any {f}", {"f": Full()}).text == "{f:any /2000"
    assert describe(Full(), "brief", budget=100).text == "brief/100"
    assert interpolate("{s} {s:x} {l}", {"s": Short(), "l": [Short()]}).text == "short {s:x} [short]"
    with pytest.raises(PromptError, match=r"Failing\.__nbchat__ failed: RuntimeError: no data"):
        describe(Failing())


def test_the_other_ways_to_describe_itself_in_their_order() -> None:
    class Both:
        def _repr_llm_(self) -> str:
            return "for a model"

        def _repr_markdown_(self) -> str:
            return "**markdown**"

    class Markdown(dict[str, int]):
        def _repr_markdown_(self) -> tuple[str, dict[str, int]]:
            return "**markdown**", {}

    class Broken:
        def _repr_llm_(self) -> str:
            raise RuntimeError

        def __repr__(self) -> str:
            raise ValueError

    assert describe(Both()).text == "for a model"
    assert describe(Markdown()).text == "**markdown**"
    assert describe(Broken()).text == "<Broken, whose repr raises ValueError>"


def test_every_way_has_a_cap_that_says_it_cut() -> None:
    class Long:
        def __init__(self, hook: str) -> None:
            self.hook = hook

        def __repr__(self) -> str:
            return "x" * 100_000

    for hook in ("__nbchat__", "_repr_llm_", "_repr_markdown_", "other"):
        kind = type("Kind", (Long,), {hook: lambda self: "y" * 100_000})
        said = describe(kind(hook))
        assert said.cut
        assert len(said.text) <= 8_000
        assert "[cut: the first " in said.text


def test_addresses_of_memory_are_left_out() -> None:
    assert " at 0x" not in describe(object()).text
    assert " at 0x" not in describe([object(), area, (lambda: 0)]).text


def test_strings_go_in_whole_up_to_a_million_characters() -> None:
    assert describe("x" * 1_000_000).text == "x" * 1_000_000
    said = describe("x" * 1_000_001)
    assert said.cut
    assert "[cut: the first " in said.text


def test_paths_give_themselves_or_what_is_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("first {x}\nsecond", encoding="utf-8")
    names: dict[str, object] = {"p": file, "x": 1, "none": tmp_path / "none.txt"}
    assert interpolate("{p}", names).text == str(file)
    assert interpolate("{p:text}", names).text == "first {x}\nsecond"
    assert describe(file, "text").label == "text of notes.txt"
    with pytest.raises(PromptError, match="can't be read: No such file"):
        interpolate("{none:text}", names)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PromptError, match="not a text file"):
        interpolate("{p:text}", names)


@given(st.text(max_size=20))
def test_no_format_of_a_plain_value_fails_but_as_unknown(spec: str) -> None:
    for value in (1, 1.5, "s", None, [1], {"a": 1}, Record("n", 1), area, Colour.RED, np.float64(1)):
        try:
            describe(value, spec)
        except UnknownFormat:
            continue


def test_a_reply_goes_in_as_its_text() -> None:
    reply = Reply((Choice(text="forty-two"),))
    assert interpolate("{_} {all}", {"_": reply, "all": [reply]}).text == "forty-two ['forty-two']"


class Unspeakable:
    """A value whose `str` and `bool` raise."""

    def __str__(self) -> str:
        raise ValueError

    def __bool__(self) -> bool:
        raise ValueError

    def __eq__(self, other: object) -> bool:
        raise ValueError

    __hash__ = None  # type: ignore[assignment]  # how Python says unhashable


@pytest.mark.parametrize(
    "value",
    [
        Unspeakable(),
        [Unspeakable()],
        pd.DataFrame({"a": [Unspeakable()]}),
        np.array([Unspeakable()], dtype=object),
        10**5000,
    ],
    ids=["object", "list", "frame", "array", "number"],
)
def test_a_value_that_fails_at_everything_still_has_a_class(value: object) -> None:
    for placeholder in ("{v}", "{v:head 1}", "{v:sample 1}", "{v:all}"):
        assert interpolate(placeholder, {"v": value}).text
