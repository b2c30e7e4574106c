"""The tables of an evaluation, as records: its settings, its rows with each setting, and the rows answered differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from nbchat.rows.evaluation.grading import Case
from nbchat.tuning.grid import Setting, value_text

if TYPE_CHECKING:
    from nbchat.rows.evaluation.result import Evaluation

__all__ = ["FLOATS", "disagreeing", "disagreement_records", "row_records", "setting_records"]

FLOATS = frozenset(
    {"cost", "seconds", "quality", "cost_per_1000", "seconds_per_1000", "macro_f1", "bias", "low", "high"}
)
"""The columns of numbers, some of which may be missing."""

OF_OTHER_KINDS = {"labels": ("bias",), "numbers": ("macro_f1",), "scores": ("bias", "macro_f1")}
"""The columns of settings that a kind of measure does not have."""


def setting_records(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a dict for each setting: see `Evaluation.to_frame`."""
    measure = evaluation.measure
    lost = {one.setting: one.sentence(evaluation.name) for one in evaluation.stopped}
    records = []
    for number, one in enumerate(evaluation.standings):
        quality = one.quality
        record = {
            "setting": number,
            **_values(one.setting),
            "rows": one.counted,
            measure.name: None if quality is None else quality.mean,
            "low": None if quality is None else quality.low,
            "high": None if quality is None else quality.high,
            "macro_f1": one.macro_f1,
            "bias": None if one.bias is None else one.bias.mean,
            "failed": one.failed,
            "unread": one.unread,
            "not_asked": one.not_asked,
            "cost_per_1000": one.cost_per_1000,
            "seconds_per_1000": one.seconds_per_1000,
            "frontier": number in evaluation.frontier,
            "stopped": lost.get(one.setting),
        }
        for name in OF_OTHER_KINDS[measure.kind]:
            del record[name]
        records.append(record)
    return records


def row_records(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a dict for each row and setting, row by row: see `Evaluation.rows`."""
    values = [_values(setting) for setting in evaluation.settings]
    return [
        {
            "row": case.row,
            "index": case.index,
            "setting": number,
            **values[number],
            "truth": case.truth,
            "second_truth": case.second,
            **asdict(graded[case.row]),
        }
        for case in evaluation.cases
        for number, graded in enumerate(evaluation.graded)
    ]


def disagreement_records(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return a dict for each row that settings answered differently: see `Evaluation.disagreements`."""
    names = [evaluation.name(setting) for setting in evaluation.settings]
    return [
        {
            "row": case.row,
            "index": case.index,
            "truth": case.truth,
            **{name: each[case.row].value for name, each in zip(names, evaluation.graded, strict=True)},
        }
        for case in disagreeing(evaluation)
    ]


def disagreeing(evaluation: Evaluation) -> list[Case]:
    """Return the rows to which the settings that were asked gave different answers."""
    found = []
    for case in evaluation.cases:
        grades = [each[case.row] for each in evaluation.graded]
        if len({one.value for one in grades if one.status != "not asked"}) > 1:
            found.append(case)
    return found


def _values(setting: Setting) -> dict[str, Any]:
    """Return a setting's values as columns: texts and numbers as they are, others as text."""
    return {
        name: value if value is None or isinstance(value, (str, int, float)) else value_text(setting, name)
        for name, value in setting.items()
    }
