"""The progress of a run."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Progress"]


class Progress(Struct, frozen=True):
    """Progress of a run. `total` is the number of rows, None = not known yet (an iterator).

    `done` of them have ended: `failed` without an answer, `skipped` because a field is missing, `stored` with an answer
    from the journal; `under_way` are sent or about to be. `cost` is what the run has cost so far in US dollars, `tokens`
    its tokens, `seconds` its time. `rows_per_second` counts the requests that were answered; `seconds_left` and
    `cost_left` extrapolate. None = unknown. `at_once` is how many requests may be in flight now; `waits` is for how many
    seconds the server's rate limit still forbids requests (0 = it does not).
    """

    done: int
    total: int | None
    failed: int = 0
    skipped: int = 0
    stored: int = 0
    under_way: int = 0
    cost: float | None = None
    tokens: int | None = None
    seconds: float = 0.0
    rows_per_second: float | None = None
    seconds_left: float | None = None
    cost_left: float | None = None
    at_once: int | None = None
    waits: float = 0.0
