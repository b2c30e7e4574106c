"""The grid: which arguments are axes, what their values must be, and in which order runs are made."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.testing import Say
from nbchat.tuning.grid import Axis, Grid, setting_text
from nbchat.tuning.plot import figures
from nbchat.tuning.sweep import sweep
from nbchat.values.errors import ParameterError
from nbchat.views.sweep_table import setting_table


def test_several_values_are_an_axis_and_a_single_value_is_fixed():
    grid, fixed = Grid.split({"temperature": [0, 0.5], "max_tokens": 5, "model": ("a", "b"), "once": True}, repeat=3)
    assert [axis.name for axis in grid.axes] == ["temperature", "model"]
    assert fixed == {"max_tokens": 5, "once": True}
    assert len(grid) == 12


@pytest.mark.parametrize("values", [np.array([0.0, 0.5, 1.0]), range(2), (t for t in (0, 1)), {0: 1}.keys()])
def test_arrays_ranges_and_iterators_are_axes(values):
    grid, _ = Grid.split({"temperature": values})
    assert all(type(value) in (int, float) for value in grid.axes[0].values)


def test_the_texts_of_stop_are_one_value_and_lists_of_them_an_axis():
    assert Grid.split({"stop": ["a", "b"]})[0].axes == ()
    assert Grid.split({"stop": [["a", "b"], None, "c"]})[0].axes[0].values == (("a", "b"), None, ("c",))


def test_system_texts_and_extra_parameters_can_be_axes():
    grid, _ = Grid.split({"system": ["Be brief.", None], "extra": [{"top_k": 1}, {"top_k": 5}]})
    assert grid.settings[1] == {"system": "Be brief.", "extra": {"top_k": 5}}


def test_a_biased_token_is_one_value_and_a_list_of_biases_an_axis():
    assert Grid.split({"logit_bias": {"5": -100}})[0].axes == ()
    assert len(Grid.split({"logit_bias": [{"5": -100}, None]})[0]) == 2


@pytest.mark.parametrize(
    ("options", "repeat", "word"),
    [
        ({"temperature": [0, 3]}, 1, "from 0 to 2"),
        ({"temperature": []}, 1, "no values"),
        ({"temperature": [0, "hot"]}, 1, "hot"),
        ({"system": [5]}, 1, "system must be text"),
        ({}, 0, "repeat"),
        ({}, 2.5, "repeat"),
        ({}, True, "repeat"),
        ({"temperature": [0, 1], "seed": range(1000)}, 10, "20,000 runs"),
        ({"seed": range(20_000)}, 1, "seed has more than 10,000 values"),
        ({"seed": itertools.count()}, 1, "seed has more than 10,000 values"),
        ({"temperature": np.array([[0, 1], [1, 2]])}, 1, "temperature must be"),
        ({}, np.bool_(True), "repeat"),
    ],
)
def test_invalid_axes_are_refused_in_one_sentence(options, repeat, word):
    with pytest.raises(ParameterError, match=word):
        Grid.split(options, repeat)


def test_the_same_value_twice_is_tried_once():
    assert Axis.of("temperature", [0, 0.0, 1, 1]).values == (0, 1)


def test_true_and_1_are_not_the_same_value(server, session):
    """They are sent as different things: each is a run, and a row of the summary."""
    result = sweep(session, "Hi", extra=[{"think": True}, {"think": 1}, {"think": True}])
    sent = sorted((request.json["think"] for request in server.requests), key=repr)
    assert [repr(value) for value in sent] == ["1", "True"]
    assert len(result.summary()) == 2


def test_numpys_numbers_become_pythons():
    grid, fixed = Grid.split({"temperature": np.array(0.5), "seed": [np.array(3), np.int64(3), 4]}, repeat=np.int64(2))
    assert (fixed, len(grid), grid.repeat) == ({"temperature": 0.5}, 4, 2)
    assert (type(fixed["temperature"]), type(grid.repeat)) == (float, int)


def test_ten_thousand_values_are_an_axis():
    grid, _ = Grid.split({"seed": range(10_000)})
    assert len(set(grid.settings)) == 10_000


axes = st.dictionaries(
    st.sampled_from(["temperature", "top_p", "seed"]), st.lists(st.integers(0, 1), min_size=1, unique=True), max_size=3
)


@given(axes, st.integers(1, 4))
def test_rows_are_ordered_by_setting_and_executed_by_repeat(options, repeat):
    """Whenever it is stopped, no setting has two repeats more than another."""
    grid, _ = Grid.split(options, repeat)
    cells = grid.cells()
    assert [cell.index for cell in cells] == list(range(len(grid)))
    assert [cell.setting for cell in cells[::repeat]] == grid.settings
    order = list(grid.order())
    assert sorted(order, key=lambda cell: cell.index) == cells
    assert [cell.repeat for cell in order] == sorted(cell.repeat for cell in cells)


def test_a_setting_reads_as_a_line_and_long_texts_are_cut():
    assert setting_text({"temperature": 0.5, "model": None}) == "temperature=0.5, model=none"
    assert setting_text({}) == "as set"
    assert len(setting_text({"system": "x" * 500})) < 60


LONG = "You are a helpful assistant that answers in the manner of "


@pytest.mark.parametrize(
    ("name", "values", "texts"),
    [
        ("temperature", [0.1234567, 0.1234568], ("0.1234567", "0.1234568")),
        ("temperature", [0.1 + 0.2, 0.5], ("0.3", "0.5")),
        ("temperature", [0.1 + 0.2, 0.3], ("0.30000000000000004", "0.3")),
        ("system", [LONG + "a pirate.", LONG + "a priest."], ("…manner of a pirate.", "…manner of a priest.")),
        ("system", [LONG, LONG + "a cat.", "Hi"], ("…in the manner of", "…in the manner of a cat.", "Hi")),
        ("system", ["a\nb", "a b", None], ("1: a b", "2: a b", "3: none")),
        ("reasoning_effort", ["none", None], ("1: none", "2: none")),
    ],
)
def test_distinct_values_of_an_axis_have_distinct_names(name, values, texts):
    assert Axis.of(name, values).texts == texts


@given(st.lists(st.text("ab \n", max_size=90).map(lambda text: "a" * 40 + text), min_size=1, max_size=8))
def test_no_two_texts_of_an_axis_are_called_alike(texts):
    grid, _ = Grid.split({"system": texts, "temperature": [0, 1]})
    names = {setting_text(setting) for setting in grid.settings}
    assert len(names) == len(grid) == 2 * len(set(texts))
    assert all("\n" not in name and len(name) < 80 for name in names)


def test_the_verdict_and_the_table_name_long_texts_by_where_they_differ(server, session):
    server.default = lambda request: Say("x" * (9 if "pirate" in request.json["messages"][0]["content"] else 1))
    result = sweep(session, "Hi", system=[LONG + "a pirate.", LONG + "a priest."], repeat=3, score=len)
    assert "system=…manner of a pirate. is ahead of system=…manner of a priest. in score by" in str(result.verdict())
    table = setting_table(result)["text/plain"]
    assert table.count("a pirate.") == table.count("a priest.") == 1
    drawn = figures(result)
    assert len({point.x for point in drawn.means}) == len(drawn.series) == 2
