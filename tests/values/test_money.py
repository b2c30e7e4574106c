"""Amounts of money as text."""

import pytest

from nbchat.values.wording import dollars, figure


@pytest.mark.parametrize(
    ("amount", "digits", "text"),
    [
        (0, 2, "$0.00"),
        (0.00005, 2, "$0.00005"),
        (0.0012, 2, "$0.0012"),
        (0.125, 4, "$0.125"),
        (0.5, 4, "$0.50"),
        (0.996, 2, "$1.00"),
        (123.456, 2, "$123.46"),
        (1204.5, 2, "$1,204.50"),
    ],
)
def test_dollars_have_cents_or_significant_digits_and_no_exponent(amount, digits, text):
    assert dollars(amount, digits) == text


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (0, 2, "0"),
        (0.00003, 2, "0.00003"),
        (-0.125, 2, "-0.12"),
        (1.66, 2, "1.7"),
        (99.4, 2, "99"),
        (99.7, 2, "100"),
        (170.4, 2, "170"),
        (9_999.7, 4, "10,000"),
        (-11_234.5, 2, "-11,234"),
        (51, 4, "51"),
        (12_345, 4, "12,345"),
        (1e-9, 2, "1e-09"),
        (1.5e15, 2, "1.5e+15"),
        (float("inf"), 2, "inf"),
    ],
)
def test_figures_have_significant_digits_and_no_exponent_that_can_be_avoided(number, digits, text):
    assert figure(number, digits) == text
