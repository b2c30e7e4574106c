"""Reading labels and numbers from truths and answers."""

import enum
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.rows.evaluation.grading import Measure
from nbchat.rows.evaluation.labels import Labels, infer_kind, label_text, only_value, read_number
from nbchat.values.errors import ParameterError


@pytest.mark.parametrize(
    "answer", ["Positive", " positive.\n", "**positive**", '"POSITIVE."', "`positive`", "positive。"]
)
def test_spelling_around_a_label_is_ignored(answer):
    assert Labels(["positive", "negative"]).read(answer) == "positive"


@pytest.mark.parametrize("answer", ["Label: positive", "positive or negative", "positives", "", "   ", None, math.nan])
def test_anything_else_is_none_of_the_labels(answer):
    assert Labels(["positive", "negative"]).read(answer) is None


def test_labels_that_differ_only_in_case_must_match_exactly():
    labels = Labels(["US", "us", "it"])
    assert [labels.read(text) for text in ("US", "us", "Us", "IT")] == ["US", "us", None, "it"]


@pytest.mark.parametrize("names", [["true", "false"], ["0", "1"], ["No", "Yes"]])
def test_truth_values_are_read_in_any_spelling_if_they_are_the_only_labels(names):
    labels = Labels(names)
    right = {labels.read(text) for text in ("Yes.", "true", "1", True, 1.0)}
    wrong = {labels.read(text) for text in ("No", "FALSE", "0", False, 0)}
    assert len(right) == len(wrong) == 1
    assert right | wrong == set(names)
    assert "yes, true and 1 are the same" in labels.rule


@pytest.mark.parametrize("names", [["yes", "no", "maybe"], ["yes", "true"], ["1", "2"], []])
def test_other_labels_are_not_read_as_truth_values(names):
    assert Labels(names).read("0") is None
    assert "yes, true" not in Labels(names).rule


def test_labels_of_punctuation_alone_are_labels():
    labels = Labels(["+", "-", "."])
    assert [labels.read(text) for text in ("+", " - ", ".")] == ["+", "-", "."]


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip()), min_size=1, max_size=8))
def test_every_truth_reads_as_a_label_and_every_label_as_itself(names):
    labels = Labels.of(map(label_text, names))
    assert None not in [labels.read(name) for name in names]
    assert [labels.read(name) for name in labels.names] == list(labels.names)


def test_values_of_other_types_are_written_alike():
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    values = [True, np.bool_(False), 3, 3.0, np.int64(3), np.float64(3), 2.5, pd.NA, None, math.nan, pd.NaT]
    assert list(map(label_text, values)) == ["true", "false", "3", "3", "3", "3", "2.5", None, None, None, None]


def test_spellings_of_a_truth_are_one_label_unless_they_are_allowed_apart():
    labels = Labels.of(["Spam", "spam", "ham", "spam.", "spam"])
    assert labels.names == ("spam", "ham")
    assert labels.read("SPAM") == labels.read("Spam") == "spam"
    assert Labels.of(["US", "us"], ["us", "US"]).names == ("us", "US")


def test_allowed_labels_come_first_and_too_many_are_refused():
    assert Labels.of(["b", "b", "a"], ["c", "a"]).names == ("c", "a", "b")
    with pytest.raises(ParameterError, match="201 different labels, more than 200"):
        Labels.of(map(str, range(201)))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,250", 1250),
        ("$1 250 000", None),
        ("about 7.5 %", 7.5),
        ("-3", -3),
        ("7 or 8", None),
        ("none", None),
        (True, 1),
    ],
)
def test_numbers_are_read_from_answers(text, number):
    assert read_number(text) == number if number is not None else read_number(text) in (None, 1250000)


def test_a_number_too_large_to_be_one_is_none():
    assert read_number(10**400) is None
    assert read_number("1e999") is None
    assert read_number(math.inf) is None


@pytest.mark.parametrize(
    ("truths", "kind"),
    [
        (["a", "b", None], "labels"),
        ([True, False], "labels"),
        ([0, 1, 1, math.nan], "labels"),
        ([0.0, 1.0], "labels"),
        ([1, 2, 3], "numbers"),
        ([0.5, 1], "numbers"),
        ([f"id{i % 9}" for i in range(90)], "labels"),
    ],
)
def test_the_kind_is_that_of_the_truths(truths, kind):
    assert infer_kind(truths) == kind


@pytest.mark.parametrize("truths", [[f"text {i}" for i in range(30)], ["word " * 30, "other " * 30]])
def test_free_text_asks_for_a_score(truths):
    with pytest.raises(ParameterError, match="look like free text"):
        infer_kind(truths)


def test_no_truth_at_all_is_said():
    with pytest.raises(ParameterError, match="No row has a truth"):
        infer_kind([None, math.nan])


class Colour(enum.Enum):
    RED = "red"


def test_structured_data_is_compared_by_the_field_of_the_truth_or_its_only_one():
    assert only_value({"label": "a", "why": "…"}, "label") == "a"
    assert only_value({"answer": "a"}, "label") == "a"
    assert only_value({"answer": "a", "why": "…"}, "label") is None
    assert only_value({"label": Colour.RED}, "label") == "red"
    assert only_value("a", "label") == "a"


def test_a_failed_label_is_wrong_and_a_failed_number_does_not_count():
    labels = Measure.of_labels("label", ["a", "b"])
    assert labels.quality(None, "a", "failed") == 0
    assert labels.quality("a", "a", "complete") == 1
    assert labels.quality("a", None, "complete") is None
    assert labels.quality(None, "a", "not asked") is None
    numbers = Measure("numbers", "price")
    assert numbers.quality(3.0, 5.0, "complete") == -2
    assert numbers.quality(None, 5.0, "failed") is None
    assert (numbers.truth("7"), numbers.value("about 6")) == (7, 6)
