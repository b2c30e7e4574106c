"""Read labels and numbers from truths and answers."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from nbchat.data.description import missing, safe_str
from nbchat.tuning.judge import number_in
from nbchat.values.errors import ParameterError

__all__ = ["RULE", "Kind", "Labels", "infer_kind", "label_text", "only_value", "plain_value", "read_number"]

Kind = Literal["labels", "numbers", "scores"]
"""The kind of measure: whether the label is right, the error of a number, or a score of the answer."""

RULE = "answers and truths are compared ignoring case, white space, quotes or asterisks around them, and a final period"

MOST_LABELS = 200
"""Most distinct labels; more is taken for free text."""

LONGEST_LABEL = 60
"""Most characters of a label on average; longer texts are taken for free text."""

_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}
"""Spellings of truth values, which are read as each other's if they are the only labels."""

_AROUND = " \t\n\"'`*_“”‘’«»"
_PERIODS = ".。"
_THOUSANDS = re.compile(r"(?<=\d)[,_\u00a0\u202f ](?=\d{3}(?!\d))")


class Labels:
    """The labels that an answer may give, in order: `names` as they are written in the truths or the schema.

    An answer is read by `rule`, except that labels which differ only in what the rule ignores must match exactly.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(names))
        keys = Counter(map(_key, self.names))
        self._exact = set(self.names)
        self._by_key = {_key(name): name for name in self.names if keys[_key(name)] == 1}
        groups = [[name for name in self.names if _key(name) in values] for values in (_TRUE, _FALSE)]
        self._truth_values = 0 < len(self.names) == sum(map(len, groups)) and max(map(len, groups)) == 1
        if self._truth_values:
            pairs = zip(groups, (_TRUE, _FALSE), strict=True)
            self._by_key |= {spelling: name for names, values in pairs for name in names for spelling in values}

    @property
    def rule(self) -> str:
        """How answers are read, in words."""
        return RULE + ("; yes, true and 1 are the same, as are no, false and 0" if self._truth_values else "")

    @classmethod
    def of(cls, truths: Iterable[str | None], allowed: Iterable[Any] | None = None) -> Self:
        """Return the allowed labels (None = not restricted), and those of the truths, most frequent first.

        Spellings of the truths that `RULE` takes for the same are one label, called by the most frequent of them. Raises
        ParameterError if there are more than 200.
        """
        known = Counter(truth for truth in truths if truth is not None)
        stated = [text for value in (() if allowed is None else allowed) if (text := label_text(value)) is not None]
        spellings: dict[str, str] = {}
        for name, _ in known.most_common():
            spellings.setdefault(_key(name), name)
        stated_keys = set(map(_key, stated))
        labels = cls([*stated, *(name for key, name in spellings.items() if key not in stated_keys)])
        if len(labels.names) > MOST_LABELS:
            raise ParameterError(
                f"The truths have {len(labels.names):,} different labels, more than {MOST_LABELS}: "
                "give score= (a function or a judge's prompt) for free text."
            )
        return labels

    def read(self, value: Any) -> str | None:
        """Return the label that an answer or its value gives; None = none of the labels."""
        text = label_text(value)
        if text is None or text in self._exact:
            return text
        return self._by_key.get(_key(text))


def _key(text: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.strip(_AROUND).rstrip(_PERIODS).strip(_AROUND) or folded


def plain_value(value: Any) -> Any:
    """Convert a scalar of NumPy, pandas and the like to Python's, and anything missing to None."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    return None if missing(value) else value


def label_text(value: Any) -> str | None:
    """Write a value as a label: True is "true", 3.0 is "3" (a column with gaps holds floats); None = missing or empty."""
    value = plain_value(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else safe_str(value).strip()
    return text or None


def read_number(value: Any) -> float | None:
    """Return the number in an answer or its value; None = none, or several that differ.

    Spaces and commas between thousands are ignored: "1,250" is 1250.
    """
    value = plain_value(value)
    if isinstance(value, (bool, int, float)):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return number_in(_THOUSANDS.sub("", safe_str(value))) if value is not None else None


def only_value(data: Any, column: str) -> Any:
    """Return the value of structured data to compare: the field named like the truth's column, or the only one.

    Data that is not a record is its own value; None = the record has several other fields.
    """
    if hasattr(data, "model_dump"):
        data = data.model_dump()
    elif hasattr(data, "__dataclass_fields__"):
        data = {name: getattr(data, name) for name in data.__dataclass_fields__}
    if not isinstance(data, Mapping):
        return getattr(data, "value", data)  # the member of an enumeration is its value
    if column in data:
        return only_value(data[column], "")
    return only_value(next(iter(data.values())), "") if len(data) == 1 else None


def infer_kind(truths: Iterable[Any]) -> Kind:
    """Return the kind of a column of truths: labels, or numbers.

    Numbers are numbers, except for bools and for whole numbers of at most two values, such as 0 and 1, which are labels,
    as are texts. Raises ParameterError for texts that look like free text (long, or mostly different) or no truths at all.
    """
    values = [value for each in truths if (value := plain_value(each)) is not None]
    if not values:
        raise ParameterError("No row has a truth: every value of the truth's column is missing.")
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        distinct = set(values)
        return "labels" if len(distinct) <= 2 and all(each % 1 == 0 for each in distinct) else "numbers"
    texts = Counter(map(safe_str, values))
    length = sum(len(text) * times for text, times in texts.items()) / len(values)
    if length > LONGEST_LABEL or len(texts) > MOST_LABELS or (len(values) > 10 and len(texts) > 0.7 * len(values)):
        raise ParameterError(
            f"The truths look like free text ({len(texts):,} different ones in {len(values):,} rows): give score= "
            "(a function of the answer and the truth, or a judge's prompt with {answer} and {truth}), or kind='labels'."
        )
    return "labels"
