"""What a reader thinks of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from msgspec import Struct

from nbchat.values.errors import ParameterError
from nbchat.values.numbers import is_finite
from nbchat.values.wording import shown

__all__ = ["Rating", "score_of"]

LONGEST_NOTE = 10_000


class Rating(Struct, frozen=True):
    """A thumb (True = up, False = down), a score on any scale (higher is better), and a note; None, "" = not given.

    Raises ParameterError for a score that is not a number, and for a note of more than 10,000 characters.
    """

    thumb: bool | None = None
    score: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        score = self.score
        number = isinstance(score, (int, float)) and not isinstance(score, bool)
        if score is not None and not (number and is_finite(score)):
            raise ParameterError(f"A rating's score must be a number; got {shown(score)}.")
        if self.thumb not in (None, True, False):
            raise ParameterError(f"A rating's thumb must be True, False or None; got {self.thumb!r:.60}.")
        if not isinstance(self.note, str) or len(self.note) > LONGEST_NOTE:
            raise ParameterError(f"A rating's note must be text of at most {LONGEST_NOTE:,} characters.")

    def __bool__(self) -> bool:
        """Whether anything is given."""
        return self != Rating()

    @property
    def value(self) -> float | None:
        """The rating as one number: the score, else 1 for a thumb up and 0 for one down; None = neither is given."""
        if self.score is not None:
            return float(self.score)
        return None if self.thumb is None else float(self.thumb)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form used in files: the values that are given."""
        given = {"thumb": self.thumb, "score": self.score, "note": self.note or None}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def marks(self) -> str:
        """The rating in a list of answers: "👍 4 ✎"; empty = none."""
        thumb = "" if self.thumb is None else "👍" if self.thumb else "👎"
        score = "" if self.score is None else f"{self.score:g}"
        return " ".join(filter(None, (thumb, score, "✎" if self.note else "")))

    @classmethod
    def from_dict(cls, rating: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises ParameterError."""
        return cls(rating.get("thumb"), rating.get("score"), rating.get("note") or "")


def score_of(text: Any) -> float | None:
    """Parse a typed score; None = it is empty. Raises ParameterError."""
    written = str(text).strip().replace(",", ".")
    try:
        return float(written) if written else None
    except ValueError:
        raise ParameterError(f"A score must be a number; got {written!r:.40}.") from None
