"""What a dry run over rows says, without a kernel: also of rows that the run itself would leave out."""

import pandas as pd
import pytest

from nbchat.frontend import Session
from nbchat.magics.rows_plan import plan_bundles
from nbchat.testing import ScriptedServer


@pytest.fixture
def plan():
    """Returns the plan's first line, after making sure that nothing was sent."""
    with ScriptedServer() as server:
        chat = Session(base_url=server.base_url, model="m")

        def told(data, template, **options):
            text = str(plan_bundles(chat, data, template, options)[0]["text/plain"])
            assert server.requests == []
            return text

        yield told


def test_a_long_file_is_measured_all_along(plan, tmp_path):
    path = tmp_path / "rows.parquet"
    short, long = ["short"] * 3000, ["a much longer text than those before"] * 3000
    pd.DataFrame({"text": [*short, *long]}).to_parquet(path)
    told = plan(path, "{text}")
    assert "dry run: 6,000 rows" in told
    assert told == plan(pd.DataFrame({"text": [*short, *long]}), "{text}")


def test_rows_that_the_run_would_fail_are_counted_and_the_others_planned(plan):
    told = plan(["one", " ", "two", None], "{item}", max_tokens=5)
    assert "about 50% are not asked" in told
    assert "The message of this row is empty" in told
    assert "at most 10 tokens of answers" in told


def test_with_no_row_to_ask_the_reason_is_said(plan):
    assert "The message of this row is empty" in plan([" ", ""], "{item}")
    assert "all the fields" in plan([None], "{item}")
