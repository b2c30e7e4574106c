"""Code out of answers: into the next cell, checked against the names that live."""

import json
import threading

import pytest

from nbchat.testing import DONE, Say, Status, Stream, Until, chunk, error
from tests.kernel.kernels import shown


@pytest.fixture
def run(load):
    """Runs code in a kernel that talks to the server."""
    return load()


def next_input(result):
    return [(p["text"], p["replace"]) for p in result.payload if p["source"] == "set_next_input"]


def test_code_goes_to_the_next_cell_with_its_unknown_names(run, server):
    """Only Python blocks; an undefined name is reported, with the similar defined one."""
    run("df_sales = [1, 2]")
    server.add(Say("Try:\n\n```python\nimport math\ntotal = math.fsum(sales_df)\n```\n\n```bash\nls\n```\n"))
    result = run("%%chat --code\nSum it")
    ((code, replace),) = next_input(result)
    mark, _, rest = code.partition("\n")
    assert (rest, replace) == ("import math\ntotal = math.fsum(sales_df)", False)
    assert mark.startswith("# nbchat: code of answer ")
    assert "the code is in the next cell · uses sales_df, which is not defined; did you mean df_sales?" in shown(result)


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


CODE = Say("```python\nran = 'first'\n```")


def rerun(run, server, answer):
    """Fills a cell, asks the same cell again, and gives the filled cell's text and the second result."""
    server.add(CODE)
    filled = next_input(run("%%chat --code\nDo it"))[0][0]
    assert run(filled + "\nprint(ran)").stdout == "first\n"
    run("del ran")
    server.add(answer)
    return filled, run("%%chat --code\nDo it")


@pytest.mark.parametrize(
    ("answer", "now"),
    [
        (Say("No code today."), "has no code"),
        (Say("```python\nran = 'second'\n```"), "has different code"),
        (Status(401, error("no")), "has not arrived yet"),
    ],
)
def test_the_code_of_an_earlier_answer_never_runs(run, server, answer, now):
    """Run All reaches a cell that was filled earlier: it fails with one line, and its code does not run."""
    filled, _ = rerun(run, server, answer)
    assert filled.startswith("# nbchat: code of answer ")
    stale = run(filled)
    assert stale.status == "error"
    assert stale.error.name == "UsageError"
    assert stale.error.value.startswith("This cell holds the code of an earlier answer;")
    assert now in stale.error.value
    assert run("print('ran' in globals())").stdout == "False\n"
    assert run(filled.partition("\n")[2] + "\nprint(ran)").stdout == "first\n"


def test_a_cell_that_got_no_code_says_so_of_the_one_it_filled(run, server):
    _, result = rerun(run, server, Say("No code today."))
    assert next_input(result) == []
    assert "the answer has no Python code · the cell with the earlier answer's code will not run again" in shown(result)


def test_the_same_code_again_runs(run, server):
    filled, _ = rerun(run, server, CODE)
    assert run(filled + "\nprint(ran)").stdout == "first\n"


def test_a_mark_is_a_comment_where_nothing_was_asked(kernel, run, server):
    """In a new kernel, with nbchat or without, the filled cell is a cell like any other."""
    server.add(Say("```python\n%%time\nran = 3\n```"))
    filled = next_input(run("%%chat --code\nTime it"))[0][0]
    assert filled.split("\n")[0] == "%%time"
    kernel.restart()
    assert kernel.run(filled).status == "ok"
    assert kernel.run("%load_ext nbchat\nprint(ran)").stdout == "3\n"
    assert kernel.run(filled).status == "ok"


def test_a_background_cell_fills_the_next_one_with_the_line_that_fetches_its_code(kernel, run, server):
    rest = threading.Event()
    server.add(Stream([chunk("```python\ndone = totl\n```"), Until(rest), chunk(finish="stop"), DONE]))
    run("total = 3")
    started = run("%%chat --code --background\nDo it")
    ((line, replace),) = next_input(started)
    assert (line.startswith("%chat code "), replace) == (True, False)
    assert run(line).error.value == "The answer has not arrived yet; run this cell again when it has."
    rest.set()
    run("import time\nfrom nbchat.magics import background\nwhile background.running(): time.sleep(0.02)")
    fetched = run(line)
    ((code, replace),) = next_input(fetched)
    assert (code.endswith("\ndone = totl"), replace) == (True, True)
    assert "uses totl, which is not defined; did you mean total?" in shown(fetched)


def test_a_background_cell_shows_its_table(kernel, run, server):
    server.add(Say('{"items": [{"city": "Oslo", "temp": -3.5}]}'))
    asked = run("%%chat --background --schema '[city:str,temp:float]' << r\nTemperatures?")
    run("import time\nfrom nbchat.magics import background\nwhile background.running(): time.sleep(0.02)")
    assert "Oslo" in json.dumps([asked.messages, kernel.stray], default=str)


def test_fix_sends_the_cell_as_it_was_typed(run, server):
    """`%%time` and `!ls`, not what IPython makes of them; the frame below them is the one that failed."""
    typed = "%%time\nfiles = !echo hi\nrows = [1, 2]\nrows / 0"
    run(typed)  # IPython 7's %%time shows an error and goes on
    server.add(Say(f"```python\n{typed.replace('/ 0', '* 2')}\n```"))
    result = run("%chat fix")
    sent = server.requests[-1].json["messages"][-1]["content"]
    assert typed in sent
    assert "get_ipython" not in sent
    assert "rows: list of 2 items (int)" in sent
    assert next_input(result) == [(typed.replace("/ 0", "* 2"), True)]


@pytest.mark.parametrize(
    "typed", ["!echo {nought()}\nnought", "x = %time nought", "for i in range(2:\n    !ls", "?nought\nnought"]
)
def test_fix_knows_every_way_to_type(run, server, typed):
    run(typed)
    server.add(Say("No code."))
    fixed = run("%chat fix")
    assert fixed.status == "ok", (fixed.error, fixed.stderr)
    sent = server.requests[-1].json["messages"][-1]["content"]
    assert typed in sent
    assert "get_ipython" not in sent.partition("Traceback")[0]


def test_explain_sends_the_cell_as_it_was_typed(run, server):
    run("files = !echo hi")
    server.add(Say("It lists."))
    run("%chat explain")
    assert "files = !echo hi" in server.requests[-1].json["messages"][-1]["content"]


def test_fix_describes_values_that_raise_in_a_line_each(run, server):
    """Lazy proxies and dead references raise where they are looked at, be it in isinstance."""
    run(
        "class Proxy:\n"
        "    def __getattribute__(self, name): raise ZeroDivisionError\n"
        "    def __len__(self): raise RuntimeError\n"
        "    def __repr__(self): raise ValueError\n"
        "class Row(list):\n"
        "    def __len__(self): raise RuntimeError\n"
        "proxy, row, fence = Proxy(), Row(), '```'\n"
    )
    assert run("text = '''\n```\n'''\n(proxy, row, fence).nothing").status == "error"
    server.add(Say("No code."))
    assert run("%chat fix").status == "ok"
    sent = server.requests[-1].json["messages"][-1]["content"]
    assert "- proxy: Proxy, which raises ZeroDivisionError when inspected" in sent
    assert "- row: Row, which raises RuntimeError when inspected" in sent
    assert "\n````python\ntext = '''\n```\n'''" in sent
