"""What `--each` and `--truth` may name."""

import pandas as pd
import pytest

from nbchat.cells.row_source import named_rows
from nbchat.magics.evaluation import named_truth

FRAME = pd.DataFrame({"text": ["a", "b"], "label": ["x", "y"], "other": ["x", "x"]})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.parquet"
    FRAME.to_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["frame", "file", "records"])
def test_a_column_is_meant_before_a_variable_of_its_name(kind, file):
    data = {"frame": FRAME, "file": file, "records": FRAME.to_dict("records")}[kind]
    live = {"label": ["n", "n"], "other": 5}
    assert named_truth("label", data, live) == "label"
    assert named_truth("label, other", data, live) == ["label", "other"]


def test_live_values_are_meant_where_there_is_no_such_column():
    assert named_truth("df.label", FRAME, {"df": FRAME}).tolist() == ["x", "y"]
    assert named_truth("text", FRAME.text, {"text": ["x", "y"]}) == ["x", "y"]
    assert named_truth("lable", FRAME, {}) == "lable"
    assert named_truth(None, FRAME, {}) is None
    items = iter(FRAME.to_dict("records"))
    assert named_truth("label", items, {}) == "label"
    assert len(list(items)) == 2


def test_a_file_is_meant_where_there_is_one(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    assert named_rows(" rows.parquet", {}).name == "rows.parquet"
    assert named_rows("rows.pq", {"rows": pd.Series({"pq": 5})}) == 5
