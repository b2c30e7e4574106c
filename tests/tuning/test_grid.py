"""The grid: which arguments are axes, what their values must be, and in which order runs are made."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.tuning.grid import Axis, Grid, setting_text
from nbchat.values.errors import ParameterError


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
    ],
)
def test_what_makes_no_sweep_is_refused_in_one_sentence(options, repeat, word):
    with pytest.raises(ParameterError, match=word):
        Grid.split(options, repeat)


def test_the_same_value_twice_is_tried_once():
    assert Axis.of("temperature", [0, 0.0, 1, 1]).values == (0, 1)


axes = st.dictionaries(
    st.sampled_from(["temperature", "top_p", "seed"]), st.lists(st.integers(0, 1), min_size=1, unique=True), max_size=3
)


@given(axes, st.integers(1, 4))
def test_rows_read_setting_by_setting_and_are_made_repeat_by_repeat(options, repeat):
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
