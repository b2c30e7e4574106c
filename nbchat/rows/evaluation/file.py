"""Evaluations as files that other programs can read.

JSON Lines (`.jsonl`): the first line is `{"evaluation": {…}}`, what was asked; each further line is one row asked with
one setting, with these fields (null = unknown or missing):

- `row` (position from 0) and `index` (its label in the data);
- `setting` (number from 0), and a field for each of its values, such as `model`;
- `truth` and `second_truth`, as compared; `status`: "complete", "failed" or "not asked";
- `answer` (text), `value` (the label, number or score read from it), `quality` (1 or 0 for a label, minus the absolute
  error of a number, a score; null = does not count);
- `cost` (US dollars), `seconds`, `prompt_tokens`, `completion_tokens`; `error` (why there is no answer or score);
- `stored`: the answer was in the journal, so that its cost was paid earlier.

Parquet (`.parquet`, needs pyarrow): the same rows; what was asked is JSON in the file's metadata under
`nbchat.evaluation`. There are no keys or addresses in either.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nbchat.rows.evaluation.early_stopping import Stopped
from nbchat.rows.evaluation.grading import Case, Graded, Measure
from nbchat.rows.evaluation.labels import Labels
from nbchat.store.private_file import write_private
from nbchat.tuning.grid import Axis, Grid
from nbchat.tuning.statistics import Difference
from nbchat.values.errors import NbchatError, SessionError
from nbchat.values.messages import Message
from nbchat.values.params import PARAMETERS
from nbchat.values.regular_file import regular

if TYPE_CHECKING:
    from nbchat.conversation.session import Session
    from nbchat.rows.evaluation.result import Design, Evaluation

__all__ = ["FORMATS", "read", "write"]

VERSION = 1

METADATA = b"nbchat.evaluation"

FORMATS = (".jsonl", ".parquet")
"""The suffixes of the formats."""

MOST_BYTES = 2_000_000_000
"""Most bytes of a file to read."""

_E = TypeVar("_E", bound="Evaluation")


def write(evaluation: Evaluation, path: Path) -> Path:
    """Write an evaluation in the format given by the path's suffix; return the path. Raises SessionError."""
    about = json.dumps(_about(evaluation), ensure_ascii=False, default=str)
    try:
        match path.suffix.lower():
            case ".jsonl":
                write_private(path, _lines(evaluation, about))
            case ".parquet":
                write_private(path, _parquet(evaluation, about))
            case ending:
                raise SessionError(f"An evaluation is saved as .jsonl or .parquet; got {ending or 'no suffix'}.")
    except OSError as error:
        raise SessionError(f"{path} can't be written: {error.strerror or error}.") from None
    return path


def _lines(evaluation: Evaluation, about: str) -> bytes:
    rows = [json.dumps(record, ensure_ascii=False, default=str) for record in evaluation.records()]
    text = "\n".join([f'{{"evaluation": {about}}}', *rows, ""])
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate becomes its JSON escape


def _parquet(evaluation: Evaluation, about: str) -> bytes:
    pyarrow, parquet = _pyarrow()
    records = evaluation.records()
    columns = {name: _alike([record[name] for record in records]) for name in (records[0] if records else ())}
    table = pyarrow.table(columns).replace_schema_metadata({METADATA: about.encode("utf-8", "backslashreplace")})
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


def _alike(values: list[Any]) -> list[Any]:
    """Convert values to one type, as a Parquet column needs: text if they are of several types, or not plain."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds != {int}:
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1 and kinds <= {int, bool}:
        return values
    return [None if value is None else str(value).encode("utf-8", "backslashreplace").decode() for value in values]


def _about(evaluation: Evaluation) -> dict[str, Any]:
    design, measure = evaluation.design, evaluation.measure
    return {
        "version": VERSION,
        "template": design.template,
        "axes": [{"name": axis.name, "values": [_json(value) for value in axis.values]} for axis in design.grid.axes],
        "fixed": {
            name: value for name, value in design.fixed.items() if name in PARAMETERS or name in ("extra", "system")
        },
        "kind": measure.kind,
        "column": measure.column,
        "labels": None if measure.labels is None else measure.labels.names,
        "looks": design.looks,
        "notes": design.notes,
        "rows": len(evaluation),
        "stopped": [
            {
                "setting": evaluation.number(one.setting),
                "rows": one.rows,
                "ahead": evaluation.number(one.ahead),
                "difference": one.gap.mean,
                "low": one.gap.low,
                "high": one.gap.high,
                "level": one.gap.level,
            }
            for one in evaluation.stopped
        ],
    }


def _json(value: Any) -> Any:
    return value.as_typed if isinstance(value, Message) else value


def read(path: Path, kind: type[_E], session: Session | None) -> _E:
    """Read an evaluation of this class. Raises SessionError, with the reason, for anything that is not one."""
    try:
        if regular(path).stat().st_size > MOST_BYTES:
            raise SessionError(f"{path} is larger than 2 GB, which is too large for an evaluation.")
        match path.suffix.lower():
            case ".jsonl":
                return _read_lines(path, kind, session)
            case ".parquet":
                return _read_parquet(path, kind, session)
            case ending:
                raise SessionError(f"An evaluation is loaded from .jsonl or .parquet; got {ending or 'no suffix'}.")
    except OSError as error:
        raise SessionError(f"{path} can't be read: {error.strerror or error}.") from None
    except (
        StopIteration,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        RecursionError,
        NbchatError,
    ) as error:
        if isinstance(error, SessionError):
            raise
        raise SessionError(
            f"{path} is not an evaluation that nbchat saved ({type(error).__name__}: {error})."
        ) from None


def _read_lines(path: Path, kind: type[_E], session: Session | None) -> _E:
    with path.open(encoding="utf-8") as file:
        lines = (json.loads(line) for line in file if line.strip())
        about = next(lines)["evaluation"]
        return _evaluation(about, lines, kind, session)


def _read_parquet(path: Path, kind: type[_E], session: Session | None) -> _E:
    _, parquet = _pyarrow()
    table = parquet.read_table(path)
    about = json.loads((table.schema.metadata or {})[METADATA])
    rows = (row for batch in table.to_batches(max_chunksize=10_000) for row in batch.to_pylist())
    return _evaluation(about, rows, kind, session)


def _pyarrow() -> tuple[Any, Any]:
    if not find_spec("pyarrow"):
        raise SessionError("Parquet needs pyarrow: pip install pyarrow, or use a .jsonl file.")
    import pyarrow
    import pyarrow.parquet

    return pyarrow, pyarrow.parquet


def _evaluation(about: Mapping[str, Any], records: Iterable[Any], kind: type[_E], session: Session | None) -> _E:
    from nbchat.rows.evaluation.result import Design

    if about["version"] != VERSION:
        raise SessionError(f"The file has version {about['version']!r:.20}; this nbchat reads version {VERSION}.")
    if about["kind"] not in ("labels", "numbers", "scores"):
        raise SessionError(f"An evaluation is of labels, numbers or scores; got {about['kind']!r:.40}.")
    grid = Grid(tuple(Axis.of(axis["name"], axis["values"]) for axis in about["axes"]))
    labels = None if about["labels"] is None else Labels(map(str, about["labels"]))
    measure = Measure(about["kind"], str(about["column"]), labels)
    design = Design(
        str(about["template"]),
        grid,
        dict(about["fixed"]),
        measure,
        int(about["looks"]),
        tuple(map(str, about["notes"])),
    )
    cases, graded = _rows(records, len(grid.settings), int(about["rows"]))
    return kind(design, cases, graded, list(_stopped(about, design)), session)


def _stopped(about: Mapping[str, Any], design: Design) -> Iterator[Stopped]:
    settings = design.grid.settings
    for one in about["stopped"]:
        gap = Difference(one["difference"], one["rows"], one["low"], one["high"], True, None, one["level"])
        yield Stopped(settings[one["setting"]], one["rows"], settings[one["ahead"]], gap)


def _rows(records: Iterable[Any], settings: int, rows: int) -> tuple[list[Case], list[list[Graded]]]:
    """Return the cases and grades. Raises ValueError if a row or setting is missing or there are too many."""
    cases: list[Case] = []
    graded: list[list[Graded]] = [[] for _ in range(settings)]
    for place, record in enumerate(records):
        row, setting = divmod(place, settings)
        if (record["row"], record["setting"]) != (row, setting):
            raise ValueError(f"row {row} of setting {setting} is not where it belongs")
        if setting == 0:
            cases.append(Case(row, record["index"], record["truth"], record["second_truth"]))
        graded[setting].append(Graded(**{name: record[name] for name in Graded.__struct_fields__}))
    if len(cases) != rows or any(len(each) != rows for each in graded):
        raise ValueError(f"it has {len(cases):,} of {rows:,} rows")
    return cases, graded
