"""Code out of answers: into the next cell, checked against the names that live."""

import pytest

from nbchat.testing import Say


@pytest.fixture
def run(kernel, server):
    """Runs code in a kernel that talks to the server."""
    kernel.run(
        "%load_ext nbchat\n"
        f"import os; os.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL='scripted-1')\n"
        "import nbchat.frontend; from nbchat import Session; from nbchat.conversation.process import process\n"
        "process.renew(); registry = nbchat.frontend.registry()\n"
    )
    return kernel.run


def shown(result):
    return "\n".join(o["data"].get("text/plain", "") for o in result.outputs if "data" in o)


def next_input(result):
    return [(p["text"], p["replace"]) for p in result.payload if p["source"] == "set_next_input"]


def test_code_goes_to_the_next_cell_with_its_unknown_names(run, server):
    """Only Python blocks; a name that lives nowhere is named, with the live one it may mean."""
    run("df_sales = [1, 2]")
    server.add(Say("Try:\n\n```python\nimport math\ntotal = math.fsum(sales_df)\n```\n\n```bash\nls\n```\n"))
    result = run("%%chat --code\nSum it")
    assert next_input(result) == [("import math\ntotal = math.fsum(sales_df)", False)]
    assert "the code is in the next cell · uses sales_df, not defined; did you mean df_sales?" in shown(result)


def test_an_answer_without_code_says_so(run, server):
    server.add(Say("No code here."))
    result = run("%%chat --code\nSum it")
    assert next_input(result) == []
    assert "the answer has no Python code" in shown(result)


def test_fix_sends_source_traceback_and_shapes_but_no_values(run, server):
    """The corrected cell takes the place of `%chat fix`; the difference is shown."""
    run("secret_rows = ['alice@example.org', 'bob@example.org']")
    failed = run("count = len(secret_rows)\ncount / nought")
    assert failed.status == "error"
    server.add(Say("`nought` is not defined.\n\n```python\ncount = len(secret_rows)\ncount / 1\n```"))
    result = run("%chat fix")
    sent = server.requests[-1].json["messages"][-1]["content"]
    assert "count / nought" in sent
    assert "NameError: name 'nought' is not defined" in sent
    assert "secret_rows: list of 2 items (str)" in sent
    assert "alice" not in sent
    assert next_input(result) == [("count = len(secret_rows)\ncount / 1", True)]
    assert "-count / nought\n+count / 1" in shown(result)


def test_fix_without_a_failure_says_so(kernel, run):
    kernel.restart()
    kernel.run("%load_ext nbchat")
    result = kernel.run("%chat fix")
    assert result.error.value == "No cell has failed yet: there is nothing to fix."


def test_explain_and_doc_look_at_the_previous_cell(run, server):
    run("def area(r):\n    return 3.14 * r * r")
    server.add(Say("It computes an area."))
    run("%chat explain")
    assert "return 3.14 * r * r" in server.requests[-1].json["messages"][-1]["content"]
    server.add(Say('```python\ndef area(r):\n    """Area of a circle."""\n    return 3.14 * r * r\n```'))
    result = run("%chat doc")
    assert '"""Area of a circle."""' in next_input(result)[0][0]
