"""Which placeholders expand in a message, and what stays unchanged, byte for byte."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.data.interpolation.interpolate import interpolate
from nbchat.values.errors import PromptError


class Thing:
    """An object with an attribute, a property that works and one that fails."""

    size = 3

    @property
    def fine(self) -> str:
        return "fine"

    @property
    def broken(self) -> str:
        raise RuntimeError("no")


NAMES: dict[str, object] = {
    "x": 1,
    "name": "Ann",
    "price": 3.14159,
    "when": datetime.date(2024, 3, 5),
    "items": ["a", "b"],
    "table": {"k": [1, 2], "a:b": 3},
    "thing": Thing(),
    "df": pd.DataFrame({"a": [1, 2], "email": ["canary@one.example", "canary@two.example"]}),
    "café": "coffee",
    "_": "last",
    "__doc__": "a docstring",
}

BRACES = st.text(alphabet="{}x:=!.[]'\"0`~ \n\\$^_>-#<\t1name", max_size=60)
CODE_MARKS = st.lists(
    st.sampled_from(
        ["{x}", "`", "``", "```\n", "~~~\n", "\n", "\n\n", "    ", "> ", "- ", "1. ", "a", "\\", "<b>", "{", "}"]
    ),
    max_size=25,
).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{x}", "1"),
        ("Dear {name}, pay {price:.2f} by {when:%d.%m.%Y}.", "Dear Ann, pay 3.14 by 05.03.2024."),
        ("{items[0]}{items[-1]}", "ab"),
        ("{table['k'][1]} {table[\"a:b\"]}", "2 3"),
        ("{thing.size} {thing.fine}", "3 fine"),
        ("{df.shape}", "(2, 2)"),
        ("{df['a'].size}", "2"),
        ("{café}", "coffee"),
        ("{_}", "last"),
        ("{name:>5}|{x:03d}", "  Ann|001"),
        ('{"a": {x}}', '{"a": 1}'),
        ("{items}", "['a', 'b']"),
        ("({x})[{x}]", "(1)[1]"),
        ("x {x}{x} y", "x 11 y"),
        ("{x:}", "1"),
        ("{x: >3}|{x: 1} {x: name} {name: x}", "  1|{x: 1} {x: name} {name: x}"),
    ],
)
def test_live_names_expand(text: str, expected: str) -> None:
    assert interpolate(text, NAMES).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{ }",
        "{{x}}",
        "{{{x}}}",
        "{{ x }}",
        "{ x }",
        "${x}",
        "a^{x}",
        "a_{x}",
        "}{x}",
        r"\frac{x}{x}",
        r"\text{x}",
        r"\sqrt[3]{x}",
        r"\{x\}",
        "{x!r}",
        "{x=}",
        "{x!s:>3}",
        "{df.head()}",
        "{x + 1}",
        "{x, name}",
        '{"x": 1}',
        "{'x': x}",
        "{unknown}",
        "{unknown.x}",
        "{thing.broken}",
        "{thing.missing}",
        "{thing.__class__}",
        "{__doc__}",
        "{items[9]}",
        "{items[x]}",
        "{items[0:1]}",
        "{table['none']}",
        "{price:zz}",
        "{name:.2f}",
        "{items:x}",
        "{thing:x}",
        "{x",
        "x}",
        "<A b={{x}} c={useState} />",
        "`{x}`",
        "``a ` {x}``",
        "```\n{x}\n```",
        "~~~python\n{x}\n~~~",
        "```\n{x}",
        "    {x}",
        "- a\n\n  ```\n  {x}\n  ```",
        "> ```\n> {x}\n> ```",
        "> ~~~\n> {x}",
        "a `b\n{x}` c",
        "\t{x}",
        "1. a\n\n       {x}",
        "{x:\n}",
        "{for}",
        "{None}",
        "{1}",
        "{'x'}",
        "{x.}",
        "{.x}",
        "{x[}",
        "{x[]}",
        "`<b>`{=html}",
        "{=}",
        "{= }",
        "{=x y}",
    ],
)
def test_other_braces_stay(text: str) -> None:
    assert interpolate(text, NAMES).text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("``` {x} ``", "``` 1 ``"),  # runs of backticks of unequal length hold no code
        (r"\`{x}\`", r"\`1\`"),  # escaped backticks are text
        ("`a` {x} `b`", "`a` 1 `b`"),
        ("`a\n\n{x}`", "`a\n\n1`"),  # a paragraph's end ends the search
        ("a\n    {x}", "a\n    1"),  # an indented line that goes on a paragraph is no code
        ("```\n{x}\n```\n{x}", "```\n{x}\n```\n1"),
        ("~~~\n{x}\n```\n{x}\n~~~\n{x}", "~~~\n{x}\n```\n{x}\n~~~\n1"),
        ("- ```\n  {x}\n\n{x}", "- ```\n  {x}\n\n1"),  # a list's end ends its fence
        ('<a title="`">{x}`', '<a title="`">1`'),  # the backtick of a tag opens nothing
        ("a\r\n```\r\n{x}\r\n```\r\n{x}", "a\r\n```\r\n{x}\r\n```\r\n1"),
    ],
)
def test_code_is_where_commonmark_has_it(text: str, expected: str) -> None:
    assert interpolate(text, NAMES).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See: ```python\n{x}\n```\n{x}", "See: ```python\n{x}\n```\n1"),
        ("See: ```python\n{x}\n\n{x}\n```\n{x}", "See: ```python\n{x}\n\n{x}\n```\n1"),
        ("{x} ```\n\n{x}\n```\n\n{x}: ````c++\n{x}\n```\n{x}\n````\n{x}",
         "1 ```\n\n{x}\n```\n\n1: ````c++\n{x}\n```\n{x}\n````\n1"),
        ("See: ```python\n\n{x}\n", "See: ```python\n\n1\n"),  # nothing closes it
        ("See: ```\n\n{x}\n``\n", "See: ```\n\n1\n``\n"),
        ("- ```\n  {x}\n  ```\n{x}", "- ```\n  {x}\n  ```\n1"),  # a list's own
        ("```\nSee: ```python\n\n{x}\n```\n{x}", "```\nSee: ```python\n\n{x}\n```\n1"),  # words in a fence
    ],
)  # fmt: skip
def test_a_fence_behind_words_holds_code_too(text: str, expected: str) -> None:
    assert interpolate(text, NAMES).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{= x + 1}", "2"),
        ('{= {"a": 1}["a"] }', "1"),
        ('{= f"{x}" }', "1"),
        ('{= "}" }', "}"),
        ("{= [i for i in range(x + 2)] }", "[0, 1, 2]"),
        ("{= price:.1f}", "3.1"),
        ("{= table['a:b']:>3}", "  3"),
        ("{= items[0:1] }", "['a']"),
        ("{= (lambda: name)() }", "Ann"),
        ("{= [y for y in items if (lambda v: v in items)(y)] }", "['a', 'b']"),
        ("{=x}", "1"),
        ("{= df.a.sum() } and {x}", "3 and 1"),
    ],
)
def test_expressions_evaluate(text: str, expected: str) -> None:
    assert interpolate(text, NAMES).text == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{= 1 / 0 }", "ZeroDivisionError"),
        ("{= nothing }", "NameError"),
        ("{= x ++ }", "not a Python expression"),
        ("{= x:zz}", "does not support the format"),
        ("{df:everything}", "stats, sample N, head N or all"),
        ("{df:head -1}", "'head -1'"),
        ("{df['emial']}", "did you mean 'email'"),
    ],
)
def test_a_clearly_intended_but_wrong_placeholder_fails_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(PromptError, match=says) as caught:
        interpolate(text, NAMES)
    assert "\n" not in str(caught.value)


def test_an_expression_sees_the_namespace_and_leaves_it_alone() -> None:
    names: dict[str, object] = {"x": 1}
    assert interpolate("{= (y := x + 1) }", names).text == "2"
    assert names == {"x": 1}


def test_looking_up_an_item_does_not_make_it() -> None:
    grown: defaultdict[str, int] = defaultdict(int)
    assert interpolate("{d['k']}", {"d": grown}).text == "{d['k']}"
    assert not grown


def test_raw_text_stays() -> None:
    assert interpolate("{x} {= 1}", NAMES, raw=True).text == "{x} {= 1}"


@given(st.text())
def test_text_without_live_names_arrives_byte_for_byte(text: str) -> None:
    assert interpolate(text, {"a_name_nobody_writes": 1}, raw=False).text == text or "{=" in text


@given(st.one_of(BRACES, CODE_MARKS))
def test_braces_without_live_names_arrive_byte_for_byte(text: str) -> None:
    result = interpolate(text.replace("{=", "{ ="), {"other": 1})
    assert result.text == text.replace("{=", "{ =")
    assert not result.inserted


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    ),
    st.sampled_from([None, 2]),
)
def test_json_arrives_byte_for_byte(value: object, indent: int | None) -> None:
    """With live variables named like the keys of the JSON: an object has quotes or a colon where a placeholder has none."""
    text = json.dumps(value, indent=indent)
    result = interpolate(text, {"key": 1})
    assert result.text == text or "{key" in text or "{=" in text


@given(st.one_of(BRACES, CODE_MARKS))
def test_no_text_fails_but_by_an_expression(text: str) -> None:
    names = {key: value for key, value in NAMES.items() if key != "df"}
    interpolate(text.replace("{=", "{"), names)


@given(BRACES)
def test_values_never_expand_again(value: str) -> None:
    result = interpolate("<{v}>{v}", {"v": value, "x": 1, "name": "n"})
    assert result.text == f"<{value}>{value}"


@given(st.lists(st.one_of(st.just("{x}"), st.just("{name:>4}"), st.text(alphabet="ab {}.", max_size=5)), max_size=12))
def test_parts_join_to_the_message_and_say_where_each_came_from(pieces: list[str]) -> None:
    result = interpolate("".join(pieces), NAMES)
    assert "".join(part.text for part in result.parts) == result.text
    assert len([part for part in result.parts if part.source]) == len(result.inserted)
    assert {part.source for part in result.parts} <= {None, "x", "name:>4"}


def test_the_footer_says_what_went_in() -> None:
    result = interpolate("{df} {name} {df:head 1}", NAMES)
    assert [str(one) for one in result.inserted] == [
        "df: schema of 2 columns, 65 B, no row values",
        "name: text of 3 characters, 3 B",
        "df: 1 row of 2 columns, 91 B, real values",
    ]


def test_the_footer_names_what_was_left_and_the_nearest_name() -> None:
    result = interpolate("{dff} {Name} {table['kk']} {thing.sise} {price:zz} {qqqq} {{x}} `{zz}`", NAMES)
    assert [(one.text, one.nearest) for one in result.left] == [
        ("{dff}", "df"),
        ("{Name}", "name"),
        ("{table['kk']}", "table['k']"),
        ("{thing.sise}", "thing.size"),
        ("{price:zz}", None),
        ("{qqqq}", None),
    ]
    assert str(result.left[0]) == "{dff} left as written; did you mean df?"


def test_names_of_the_shell_are_not_expanded() -> None:
    assert interpolate("{open} {exit}", {"open": open, "exit": open}).text == "{open} {exit}"


def test_hashes_change_with_the_values_that_were_used() -> None:
    frame = pd.DataFrame({"a": range(1000)})
    first = interpolate("{df} {= len(df) + n }", {"df": frame, "n": 1, "other": 2}).hashes
    assert set(first) == {"df", "n"}
    assert interpolate("{df} {= len(df) + n }", {"df": frame.copy(), "n": 1}).hashes == first
    frame.loc[999, "a"] = -1
    assert interpolate("{df}", {"df": frame}).hashes["df"] != first["df"]


def test_an_image_is_named_in_the_text_and_attached_once(tmp_path: Path) -> None:
    from PIL import Image

    names: dict[str, object] = {"picture": Image.new("RGB", (4, 3))}
    result = interpolate("What is in {picture}? {picture}", names)
    assert result.text == "What is in [image: picture]? [image: picture]"
    (image,) = result.images
    assert image.url.startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (True, "", "True"),
        (None, "", "None"),
        (Decimal("1.50"), ".3f", "1.500"),
        (np.float64(1.5), "", "1.5"),
        (np.int32(7), "03d", "007"),
        (datetime.datetime(2024, 1, 2, 3, 4), "", "2024-01-02 03:04:00"),
        (pd.Timestamp("2024-01-02"), "%Y", "2024"),
        (np.str_("s"), "", "s"),
        (1 + 2j, "", "(1+2j)"),
        (Path("/tmp/a"), "", "/tmp/a"),
        (np.datetime64("2024-01-02"), "", "2024-01-02"),
        (pd.NaT, "", "NaT"),
    ],
)
def test_scalars_go_in_as_str_or_by_their_own_format(value: object, spec: str, text: str) -> None:
    assert interpolate(f"{{v:{spec}}}" if spec else "{v}", {"v": value}).text == text


def test_a_long_text_full_of_braces_is_read_once() -> None:
    """Texts on which a backtracking parser would hang are returned unchanged."""
    for text in (
        "{=a b}" * 2_000,
        "{=" * 5_000 + "}" * 200,
        "{" * 50_000,
        "{x[" * 20_000,
        "`" * 999 + "{x}" + "`" * 999,
    ):
        assert interpolate(text, NAMES).text == text
