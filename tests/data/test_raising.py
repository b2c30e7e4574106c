"""Objects whose own code raises anything, anywhere: each is described in one line, and nothing else fails."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.tools.description import value_text
from nbchat.data.describe import describe
from nbchat.data.fingerprint import fingerprint
from nbchat.data.interpolation.interpolate import interpolate
from nbchat.data.privacy.private_columns import forget, private
from nbchat.data.safe_repr import described_passively, runs_nothing
from nbchat.values.errors import PromptError


class Own(BaseException):
    """A BaseException that a user's class may raise."""

    def __str__(self) -> str:
        raise ValueError("not even this")


METHODS = [
    "__repr__", "__str__", "__len__", "__iter__", "__getattribute__", "__getattr__", "__eq__", "__ne__", "__hash__", "__bool__",
    "__format__", "__dir__", "__getitem__", "__contains__", "__float__", "__array__", "_repr_llm_", "_repr_markdown_", "__lt__",
]  # fmt: skip
PROPERTIES = [
    "__class__",
    "__dict__",
    "__module__",
    "shape",
    "dtype",
    "_fields",
    "columns",
    "model_fields",
    "__array_interface__",
]
BASES: list[tuple[type, ...]] = [
    (),
    (list,),
    (dict,),
    (tuple,),
    (set,),
    (str,),
    (int,),
    (float,),
    (bytes,),
    (pd.DataFrame,),
]


@st.composite
def raising(draw: Any) -> Callable[[], object]:
    """Draw an object of a class that raises in some of its methods and properties."""
    error = draw(
        st.sampled_from([ValueError("no"), ReferenceError("gone"), RecursionError("deep"), AttributeError("x"), Own()])
    )

    def fail(*_args: object, **_more: object) -> Any:
        raise error

    body: dict[str, Any] = dict.fromkeys(draw(st.sets(st.sampled_from(METHODS), min_size=1)), fail)
    body |= {name: property(fail) for name in draw(st.sets(st.sampled_from(PROPERTIES)))}
    bases = draw(st.sampled_from(BASES))
    made = type("Raising", bases, {})()
    made.__class__ = type("Raising", bases, body) if bases == () else made.__class__
    value = made if bases == () else _of(bases[0], body)
    return lambda: value  # Hypothesis itself looks at what it draws


def _of(base: type, body: dict[str, Any]) -> object:
    kept = {name: value for name, value in body.items() if name != "__getattribute__"}
    return base.__new__(type("Raising", (base,), kept))


@given(
    raising(), st.sampled_from(["{x}", "{d}", "{l} and {x.part}", "{x[0]}", "{x['a']}", "{= [x]}", "{x:.2f}", "{t}"])
)
def test_a_message_can_insert_values_that_raise(made: Callable[[], object], text: str) -> None:
    value = made()
    namespace = {"x": value, "d": {"a": value, 1: [value]}, "l": [1, value] * 4000, "t": (value,)}
    try:
        assert isinstance(interpolate(text, namespace).text, str)
    except PromptError as error:
        assert str(error)


@given(raising())
def test_every_describer_accepts_values_that_raise(made: Callable[[], object]) -> None:
    value = made()
    for one in (value, [value], {"k": value}, {"k": [(value,)]}):
        texts = [describe(one).text, value_text(one)]
        assert all(texts) or issubclass(type(one), str)  # an empty text is inserted as it is
        assert fingerprint(one)
        if not runs_nothing(one):
            assert described_passively(one)


@given(raising())
def test_a_private_column_may_hold_values_that_raise(made: Callable[[], object]) -> None:
    value = made()
    forget()
    try:
        column = pd.Series([value, "zelda@mail.example"], dtype=object)
    except BaseException:  # pandas itself can't hold it
        return
    frame = private(pd.DataFrame({"email": column}), "email")
    assert "zelda" not in describe(frame, "all").text


def test_a_dead_reference_is_one_line() -> None:
    class Thing:
        pass

    dead = weakref.proxy(Thing())
    assert "ReferenceError" in describe(dead).text
    assert "1, <weakproxy" in describe([1, dead]).text or "ReferenceError" in describe([1, dead]).text


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("work", [describe, fingerprint])
def test_an_interrupt_stops_the_description(work: Callable[[object], object], stop: type[BaseException]) -> None:
    class Stops:
        def __repr__(self) -> str:
            raise stop

    with pytest.raises(stop):
        work(Stops())


def test_a_property_that_raises_says_so() -> None:
    class Rows:
        @property
        def first(self) -> int:
            raise RuntimeError("the file is closed")

        @property
        def last(self) -> int:
            raise AttributeError("no rows")

    [first, last, none] = interpolate("{r.first} {r.last} {r.other}", {"r": Rows()}).left
    assert str(first) == "{r.first} left as written: it raises RuntimeError: the file is closed"
    assert str(last) == "{r.last} left as written: it raises AttributeError: no rows"
    assert str(none) == "{r.other} left as written"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{df.describe()}", "{df.describe()} left as written: a call; {= df.describe()} evaluates it"),
        ("{len(df)}", "{len(df)} left as written: a call; {= len(df)} evaluates it"),
        (
            "{df[df.x > 1].shape}",
            "{df[df.x > 1].shape} left as written: an expression; {= df[df.x > 1].shape} evaluates it",
        ),
        ("{n + 1}", "{n + 1} left as written: an expression; {= n + 1} evaluates it"),
        ("{sum(i for i in n)}", "{sum(i for i in n)} left as written: a call; {= sum(i for i in n)} evaluates it"),
    ],
)
def test_python_left_as_written_is_reported(text: str, said: str) -> None:
    result = interpolate(f"See {text}.", {"df": pd.DataFrame({"x": [1, 2]}), "n": 1})
    assert result.text == f"See {text}."
    assert [str(left) for left in result.left] == [said]


@pytest.mark.parametrize(
    "text",
    [
        "{n, 1}",
        '{"n": 1}',
        "{{n + 1}}",
        "${n + 1}",
        "`{n + 1}`",
        "{other(1)}",
        "{other(n)}",
        "x^{n+1}",
        "{'n'}",
        "{1 + 1}",
        "{n!r}",
        "{n:}{",
    ],
)
def test_braces_of_other_notations_are_not_reported(text: str) -> None:
    assert not [left for left in interpolate(text, {"n": 1}).left if "evaluates it" in str(left)]


def test_an_expression_that_gives_a_frame_offers_the_next_rung() -> None:
    [inserted] = interpolate("{= df[df.x > 1]}", {"df": pd.DataFrame({"x": [1, 2]})}).inserted
    assert ":stats shows more, :all every row" in str(inserted)


def test_a_call_with_a_rung_is_told_how_it_is_evaluated() -> None:
    (left,) = interpolate("{df.reset_index():head 3}", {"df": pd.DataFrame({"x": [1, 2]})}).left
    assert "a call; {= df.reset_index():head 3} evaluates it" in str(left)
    assert not interpolate("{len(df): 3}", {"df": [1]}).left
