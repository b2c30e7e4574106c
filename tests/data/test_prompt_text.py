"""`nbchat.describe`: in Python, the same text that a placeholder inserts in a cell."""

import pandas as pd
import pytest

import nbchat
from nbchat.data.interpolation.interpolate import interpolate
from nbchat.values.errors import PromptError

VALUES = {
    "df": nbchat.private(
        pd.DataFrame({"city": ["Rome", "Oslo"], "email": ["a@mail.example", "b@mail.example"]}), "email"
    ),
    "column": pd.Series([1.5, 2.5], name="price"),
    "text": "as it is",
    "record": {"a": [1, 2]},
    "number": 3,
}


@pytest.mark.parametrize("spec", ["", "stats", "sample 1", "head 1", "all"])
@pytest.mark.parametrize("name", ["df", "column"])
def test_a_frame_is_described_as_in_a_cell(name, spec):
    inserted = interpolate(f"{{{name}:{spec}}}" if spec else f"{{{name}}}", VALUES).text
    assert nbchat.describe(VALUES[name], spec) == inserted.replace(f"{name}: ", "", 1)


@pytest.mark.parametrize("name", ["text", "record", "number"])
def test_other_values_are_described_as_in_a_cell(name):
    assert nbchat.describe(VALUES[name]) == interpolate(f"{{{name}}}", VALUES).text


def test_the_schema_has_no_rows_and_no_private_column():
    said = nbchat.describe(VALUES["df"])
    assert "city" in said
    assert not {"Rome", "Oslo", "email", "mail.example"} & set(said.replace(",", " ").split())
    assert "email" not in said


def test_a_budget_bounds_the_text():
    assert len(nbchat.describe(pd.DataFrame({f"column {n}": [n] for n in range(5_000)}), budget=100)) <= 400


@pytest.mark.parametrize("spec", ["rows", "head x", "everything"])
def test_a_format_that_a_frame_has_not_is_named(spec):
    with pytest.raises(PromptError, match="schema"):
        nbchat.describe(VALUES["df"], spec)


def test_a_picture_has_no_text():
    pyplot = pytest.importorskip("matplotlib.figure")
    with pytest.raises(PromptError, match="picture"):
        nbchat.describe(pyplot.Figure())
