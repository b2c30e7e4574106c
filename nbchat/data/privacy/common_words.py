"""Ordinary words: as values of a private column they identify nobody."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["COMMON", "is_ordinary"]

COMMON = frozenset(
    """about active after again and april august before black blank blue brown cancelled closed completed could customer
    daily december default deleted delivered disabled divorced empty enabled error every false february female first
    found friday gold great green group hello house inactive index january july june large last level local lower
    manager march married may medium member missing monday month monthly name never none north not november null number
    october online open order other paid pending people place premium price private product public quarter ready
    region regular rejected right saturday second september should silver single small south standard started status
    still store street sunday support table target test thanks the their there these think third those three thursday
    title total true tuesday undefined under unknown unpaid upper usual value wednesday weekly where which while white
    widowed world would write yearly yellow yes young""".split()  # noqa: SIM905 - a list of words reads as one
)
"""Single words that identify nobody, in any case."""

ALSO_NAMES = frozenset(
    """abbot amber archer baker banks barber berry bishop bliss booth bowman brook brooks burns butler carpenter carter
    chamber chambers chandler chase cherry church clark cliff coleman cooper cross daisy destiny dexter drake ebony faith
    farmer field fields fisher flint flora flower fowler foster frost gardener garden ginger glass grace grant graves
    hardy harmony haven hazel heath heather holly hunter ivory jasmine jewel judge justice knight lance laurel liberty
    lily mason melody mercy merry meyer miles miller mills moss noble novel olive page paige parker parsons patience
    patience pearl penny piper pleasant pollard poole porter potter prince prudence queen raven reed rhodes rivers robin
    rocky rowan savage savannah shepherd shepard sharp shields silver singer skinner smith sparks spears spencer stack
    stark steel sterling stern stone storm strong summer summers swift tailor taylor temple thatcher tiger tower towns
    trinity trusty tucker turner tyler venus victor violet wagner walker wards warner waters weaver weber wells wheeler
    willow winter winters wolfe woods wright""".split()  # noqa: SIM905 - a list of words reads as one
)
"""Names that are also ordinary words: they count in their own case only."""


@cache
def _ordinary_words() -> frozenset[str]:
    """Lower-case words of Python's documentation: some thousand ordinary words."""
    from pydoc_data.topics import topics

    return frozenset(word for text in topics.values() for word in re.findall(r"\b[a-z]{5,}\b", text))


def is_ordinary(word: str) -> bool:
    """Whether a name is also an ordinary word."""
    return word.casefold() in COMMON or word.casefold() in ALSO_NAMES or word.casefold() in _ordinary_words()
