"""Amounts of money as text."""

import pytest

from nbchat.values.wording import dollars


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
