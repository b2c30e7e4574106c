"""Rows with a schema: columns of the right types, a second question where an answer does not fit, failures as values."""

import dataclasses
import datetime
import json

import pandas as pd
import polars as pl
import pyarrow
import pytest
from pyarrow import parquet

from nbchat.conversation.process import process
from nbchat.testing import Say, Status
from nbchat.testing.payloads import error
from nbchat.values.errors import ParameterError, SchemaError
from nbchat.values.wording import shown

SCHEMA = "label:good|bad, stars:int, share:float, sure:bool"
FRAME = pd.DataFrame({"comment": ["one", "two", "three", None]}, index=list("wxyz"))
VALUE = {"label": "good", "stars": 4, "share": 0.5, "sure": True}


@pytest.fixture(autouse=True)
def nothing_learned():
    """What one test's server refuses is not known to the next."""
    yield
    process.renew()


def text_of(request):
    return request.json["messages"][-1]["content"]


def valued(request):
    return Say("nonsense" if "two" in json.dumps(request.json["messages"]) else json.dumps(VALUE))


def test_a_schema_of_several_columns_gives_a_frame_of_their_types(chat, server):
    server.default = lambda request: Say(json.dumps(VALUE))
    result = chat.map(FRAME.iloc[:3], "{comment}", schema=SCHEMA)
    assert isinstance(result, pd.DataFrame)
    assert result.columns.tolist() == ["label", "stars", "share", "sure"]
    assert result.index.tolist() == ["w", "x", "y"]
    assert [str(result[name].dtype) for name in ("stars", "share", "sure")] == ["int64", "float64", "bool"]
    frame = FRAME.iloc[:3].copy()
    frame[["a", "b", "c", "d"]] = result
    assert frame["b"].tolist() == [4, 4, 4]
    assert type(result[["stars"]]) is type(result.copy()) is pd.DataFrame
    assert type(result["stars"]) is pd.Series


def test_holes_make_the_types_nullable(chat, server):
    server.default = valued
    result = chat.map(FRAME, "{comment}", schema=SCHEMA)
    assert [str(result[name].dtype) for name in ("stars", "share", "sure")] == ["Int64", "float64", "boolean"]
    assert result.isna().all(axis=1).tolist() == [False, True, False, True]
    assert "1 of 4 rows failed" in repr(result)
    assert "1 of 4 rows failed" in result._repr_html_()


def test_polars_columns_have_their_types(chat, server):
    server.default = valued
    result = chat.map(pl.from_pandas(FRAME), "{comment}", schema=SCHEMA)
    assert result.schema == {"label": pl.String, "stars": pl.Int64, "share": pl.Float64, "sure": pl.Boolean}
    assert result["stars"].to_list() == [4, None, 4, None]
    assert "1 of 4 rows failed" in str(result)


def test_one_column_gives_a_column_of_its_name(chat, server):
    server.default = lambda request: Say('{"stars": 3}')
    result = chat.map(FRAME["comment"].iloc[:2], "{item}", schema="stars:int")
    assert isinstance(result, pd.Series)
    assert (result.name, result.tolist(), str(result.dtype)) == ("stars", [3, 3], "int64")


@dataclasses.dataclass
class Visit:
    day: datetime.date
    tags: list[str]


def test_a_class_gives_its_objects_to_a_list_and_columns_to_a_frame(chat, server):
    server.default = lambda request: Say('{"day": "2025-01-31", "tags": ["a", "b"]}')
    assert chat.map(["one"], "{item}", schema=Visit) == [Visit(datetime.date(2025, 1, 31), ["a", "b"])]
    frame = chat.map(FRAME.iloc[:1], "{comment}", schema=Visit)
    assert frame.iloc[0].tolist() == [datetime.date(2025, 1, 31), ["a", "b"]]


@pytest.mark.parametrize(
    ("schema", "said", "value"), [(int, '{"value": 7}', 7), (list[str], '{"items": ["a"]}', ["a"])]
)
def test_a_type_gives_its_values(chat, server, schema, said, value):
    server.default = lambda request: Say(said)
    result = chat.map(FRAME["comment"].iloc[:1], "{item}", schema=schema)
    assert result.tolist() == [value]


def test_an_answer_that_does_not_fit_is_asked_again_once(chat, server):
    server.default = lambda request: Say('{"stars": 2}' if "does not fit" in text_of(request) else "two stars")
    assert chat.map(["a", "b"], "{item}", schema="stars:int") == [{"stars": 2}, {"stars": 2}]
    assert len(server.requests) == 4
    assert chat.map(["a", "b"], "{item}", schema="stars:int") == [{"stars": 2}, {"stars": 2}]
    assert len(server.requests) == 4


def test_a_row_that_never_fits_fails_with_its_answer(chat, server):
    server.default = lambda request: Say("no")
    result = chat.map(["a"], "{item}", schema="stars:int")
    assert result == [None]
    outcome = result.details.outcomes[0]
    assert isinstance(outcome.error, SchemaError)
    assert "even after asking again" in outcome.reason
    assert outcome.answer.text == "no"
    assert result.usage.total_tokens == 36
    server.default = lambda request: Say('{"stars": 1}')
    assert chat.map(["a"], "{item}", schema="stars:int") == [{"stars": 1}]


def test_a_server_without_schemas_is_asked_in_words(chat, server):
    def answer(request):
        if "response_format" in request.json:
            return Status(400, error("Unsupported parameter: response_format", param="response_format"))
        assert "JSON schema" in text_of(request)
        return Say('{"stars": 5}')

    server.default = answer
    rows = [str(number) for number in range(100)]
    result = chat.map(rows, "{item}", schema="stars:int", concurrency=4)
    assert list(result) == [{"stars": 5}] * 100
    assert sum("response_format" in request.json for request in server.requests) <= 64 + 4
    assert chat.map(rows, "{item}", schema="stars:int").details.stored == 100


HUGE = 10**400
TIMES = [datetime.datetime(9999, 12, 31), datetime.datetime(2020, 1, 1, 12, 30)]
UNEVEN = {
    "halves of characters": ("v:str", ['{"v": "a\\ud83d"}', '{"v": "b"}'], ["a\ufffd", "b"]),
    "integers of any size": ("v:int", [f'{{"v": {2**64}}}', '{"v": 1}'], [2**64, 1]),
    "numbers of any size": (
        {"type": "object", "properties": {"v": {"type": "number"}}},
        [f'{{"v": {HUGE}}}', '{"v": 0.5}'],
        [HUGE, 0.5],
    ),
    "times of any year": ("v:datetime", ['{"v": "9999-12-31T00:00"}', '{"v": "2020-01-01T12:30"}'], TIMES),
    "lists beside numbers": ({"type": "object", "properties": {"v": {}}}, ['{"v": 1}', '{"v": [1]}'], [1, [1]]),
    "dates as text": (
        {"type": "object", "properties": {"v": {"type": "string", "format": "date"}}},
        ['{"v": "2020-01-01"}', '{"v": "soon"}'],
        ["2020-01-01", "soon"],
    ),
}
INPUTS = {
    "pandas": lambda: pd.DataFrame({"q": ["0", "1"]}),
    "polars": lambda: pl.DataFrame({"q": ["0", "1"]}),
    "pyarrow": lambda: pyarrow.table({"q": ["0", "1"]}),
}


@pytest.mark.parametrize(("schema", "answers", "values"), UNEVEN.values(), ids=UNEVEN)
@pytest.mark.parametrize("library", INPUTS)
def test_values_of_no_common_type_are_kept_as_they_are(chat, server, library, schema, answers, values):
    server.default = lambda request: Say(answers[int(text_of(request))])
    made = list(chat.map(INPUTS[library](), "{q}", schema=schema))
    assert made in (values, [value if isinstance(value, str) else json.dumps(value, default=str) for value in values])


@pytest.mark.parametrize(("schema", "answers", "values"), UNEVEN.values(), ids=UNEVEN)
def test_values_of_no_common_type_are_written_to_a_file(chat, server, tmp_path, schema, answers, values):
    server.default = lambda request: Say(answers[int(text_of(request))])
    result = chat.map(INPUTS["pandas"](), "{q}", schema=schema, out=tmp_path / "out.parquet")
    written = parquet.read_table(tmp_path / "out.parquet").to_pydict()
    texts = [value.isoformat() if schema == "v:datetime" else json.dumps(value) for value in values]
    assert written["v"] in (values, [None, values[1]], texts)
    if written["v"][0] is None:
        assert written["answer_error"] == [f"v is {shown(values[0])}, too large for the file's column.", None]
        assert result.details.summary == "1 value too large for the file's columns: see answer_error"


def test_a_column_called_like_the_reasons_is_refused(chat, server, tmp_path):
    with pytest.raises(ParameterError, match="'answer_error' holds why a row has no answer: rename"):
        chat.map(FRAME, "{comment}", schema="answer_error:str, a:int", out=tmp_path / "out.parquet")
    assert not server.requests
