"""`Summary`, the figures of one setting of a sweep, and `AllRuns`, what they are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from msgspec import Struct

from nbchat.tuning.agreement import agreement
from nbchat.tuning.grid import Setting, setting_text
from nbchat.tuning.run import Run
from nbchat.tuning.statistics import Mean

__all__ = ["AllRuns", "Summary"]


class Summary(Struct, frozen=True):
    """The summary of one setting. Means are over complete runs; None = unknown. `cost` is in US dollars per run.

    All of the setting's runs in the sweep count, including those that a view leaves out.
    """

    setting: Setting
    runs: int
    complete: int
    failed: int
    score: Mean | None
    agreement: Mean | None
    cost: float | None
    first_token_s: float | None
    total_s: float | None
    tokens_per_s: float | None
    completion_tokens: float | None

    @property
    def name(self) -> str:
        """The setting on one line."""
        return setting_text(self.setting)


class AllRuns:
    """All runs of a sweep, with figures computed once for all views."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)

    @cached_property
    def by_setting(self) -> dict[Setting, list[Run]]:
        """The runs of each setting, in order."""
        groups: dict[Setting, list[Run]] = {}
        for run in self.runs:
            groups.setdefault(run.setting, []).append(run)
        return groups

    @cached_property
    def texts(self) -> dict[Setting, list[str]]:
        """The answers' texts, by setting."""
        return {setting: [text for run in runs for text in run.texts] for setting, runs in self.by_setting.items()}

    @cached_property
    def agreements(self) -> dict[Setting, Mean | None]:
        """How much a setting's answers agree; None = too few to say."""
        return {setting: agreement(texts) for setting, texts in self.texts.items()}

    @cached_property
    def truths(self) -> bool:
        """Whether scores are truth values: only 0 and 1, and either given as bools or both present.

        Decided over all settings, since 1, 1, 1 in one of them may be on a scale from 1 to 5.
        """
        scores = [run for run in self.runs if run.score is not None]
        found = {run.score for run in scores}
        return found <= {0, 1} and (len(found) == 2 or all(run.truth for run in scores))
