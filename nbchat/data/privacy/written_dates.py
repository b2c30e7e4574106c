"""Find dates in a text, in any usual order and with times of day, in normal form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime

__all__ = ["Moment", "dates_in", "moment_of"]

Moment = tuple[int, ...]
"""Year, month, day; and hour and minute if there is a time of day."""

_MONTHS = {
    "juil": 7, "juin": 6,
    "jan": 1, "ene": 1, "feb": 2, "fév": 2, "mar": 3, "mär": 3, "apr": 4, "avr": 4, "abr": 4, "may": 5, "mai": 5, "jun": 6,
    "jul": 7, "aug": 8, "aoû": 8, "ago": 8, "sep": 9, "oct": 10, "okt": 10, "nov": 11, "dec": 12, "déc": 12, "dez": 12,
    "dic": 12,
}  # fmt: skip
"""Month prefixes in English, German, French and Spanish; a prefix of another comes after it."""

_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[^\W\d_]{{0,8}}\.?"
_TIME = r"(?:(?:[T_]|,? +(?:at |um |à )?)(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?::\d{2}(?:\.\d+)?)? ?(?P<half>[ap]\.?m)?)?"
_SEPARATOR = r"(?:[-/.]| ?[-/.] ?| )"
_DATES = tuple(
    re.compile(rf"(?<!\d)(?:{form}){_TIME}(?!\d)", re.IGNORECASE)
    for form in (
        rf"(?P<year>\d{{4}}){_SEPARATOR}(?P<a>\d{{1,2}}){_SEPARATOR}(?P<b>\d{{1,2}})",
        rf"(?P<a>\d{{1,2}}){_SEPARATOR}(?P<b>\d{{1,2}}){_SEPARATOR}(?P<year>\d{{4}}|\d{{2}})",
        rf"(?P<a>\d{{1,2}})(?:st|nd|rd|th|\.)?[- ]?(?:of |de )?{_MONTH}[-, ]{{1,2}}(?:de )?(?P<year>\d{{4}}|'?\d{{2}})",
        rf"{_MONTH}[- ](?P<a>\d{{1,2}})(?:st|nd|rd|th)?,?[- ]{{1,2}}(?P<year>\d{{4}}|'?\d{{2}})",
        rf"(?P<year>\d{{4}})[-, ]{{1,2}}{_MONTH}[- ](?P<a>\d{{1,2}})",
        r"(?P<year>(?:19|20)\d\d)(?P<a>\d\d)(?P<b>\d\d)",
    )
)


def dates_in(text: str) -> Iterator[Moment]:
    """Yield every reading of every date (3/4/1971 has two), with its time of day if it has one, and without."""
    for form in _DATES:
        for match in form.finditer(text):
            yield from _meant(match)


def moment_of(value: date) -> Moment:
    """Return a date's normal form, with its time of day unless that is midnight."""
    day = (value.year, value.month, value.day)
    if isinstance(value, datetime) and (value.hour or value.minute or value.second):
        return (*day, value.hour, value.minute)
    return day


def _meant(match: re.Match[str]) -> Iterator[Moment]:
    groups = match.groupdict()
    year = int(groups["year"].lstrip("'"))
    years = [year] if year > 99 else [1900 + year, 2000 + year]
    first = int(groups["a"])
    if groups.get("month"):
        month = _MONTHS[groups["month"].casefold()]
        orders = [(month, first)]
    else:
        second = int(groups["b"])
        orders = [(first, second)] if match.re in (_DATES[0], _DATES[5]) else [(first, second), (second, first)]
    for year in years:
        for month, day in orders:
            if 1 <= month <= 12 and 1 <= day <= 31:
                yield (year, month, day)
                if groups["hour"] is not None:
                    yield (year, month, day, _hour(int(groups["hour"]), groups["half"]), int(groups["minute"]))


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    return hour % 12 + (12 if half[0] in "pP" else 0)
