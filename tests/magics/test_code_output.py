"""Code in answers: what counts as Python, and which names it lacks."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbchat.magics.answer_code import code_in, parsed
from nbchat.magics.code_output import complaints, difference, python_code


@pytest.mark.parametrize(
    ("markdown", "code"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("```\nx = 1\n```", "x = 1"),
        ("```\nnot python at all\n```", ""),
        ("- item\n\n  ```py\n  y = 2\n  ```\n", "y = 2"),
        ("```python\na = 1\n```\ntext\n~~~python\nb = 2\n~~~", "a = 1\n\nb = 2"),
        ("```sql\nselect 1\n```", ""),
        ("`x = 1`", ""),
        ("```python\nunclosed = 1", "unclosed = 1"),
    ],
)
def test_which_blocks_count(markdown, code):
    assert python_code(markdown) == code


@pytest.mark.parametrize(
    "label",
    [
        *[
            "py",
            "python",
            "Python",
            "PYTHON3",
            "python3.11",
            "py3",
            "pycon",
            "ipython",
            "ipython3",
            "{python}",
            "python:main.py",
            "main.py",
            "src/app.py",
        ],
        *[
            "jupyter",
            "jupyter-python",
            "tool_code",
            "python-repl",
            "language-python",
            "text/x-python",
            "python{1,3}",
            "pyodide",
        ],
        "python title='a b'",
        "{code-cell} ipython3",
        "{python, echo=FALSE}",
        "{.python .numberLines}",
        "python repl",
        " python ",
    ],
)
def test_every_spelling_of_python(label):
    """Beside it, a block without a label does not count."""
    assert python_code(f"```{label}\nx = 1\n```\n\n```\ny = 2\n```") == "x = 1"


@pytest.mark.parametrize(
    "label",
    [
        "output",
        "text",
        "txt",
        "console-output",
        "stdout",
        "result",
        "traceback",
        "python-traceback",
        "pytb",
        "tool_output",
        "json",
        "bash",
        "r",
        "sql",
    ],
)
def test_blocks_that_are_no_python(label):
    assert python_code(f"```{label}\nx = 1\n```") == ""


@pytest.mark.parametrize(
    "lead",
    [
        "Output:",
        "**Output:**",
        "The expected output is:",
        "Result:",
        "Which prints:",
        "This returns",
        "### Output",
        "Output (first rows):",
    ],
)
def test_a_block_that_is_announced_as_output_is_none(lead):
    for label in ("", "python"):
        printed = "[1]" if label else "Point(x=1)"
        answer = f"```{label}\nx = [1]\nprint(x)\n```\n\n{lead}\n\n```{label}\n{printed}\n```"
        assert python_code(answer) == "x = [1]\nprint(x)"


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (">>> x = 1\n>>> x + f()\n1", "x = 1\nx + f()"),
        (">>> for i in [1]:\n...     print(i)\n...\n1\n>>> y = 2", "for i in [1]:\n    print(i)\n\ny = 2"),
        ("In [1]: x = 1\n   ...: y = 2\n\nIn [2]: x\nOut[2]: 1", "x = 1\ny = 2\nx"),
        ("In [1]:\nx = 1\ny = 2\nOut[1]:\n3", "x = 1\ny = 2"),
        ("In [3]: def f():\n    return 1\n\nIn [4]: f()\n1", "def f():\n    return 1\n\nf()"),
    ],
)
def test_prompts_go_and_outputs_with_them(session, code):
    for label in ("pycon", "", "python", "doctest") if ">>>" in session else ("pycon", "", "python"):
        found = python_code(f"```{label}\n{session}\n```")
        assert [line for line in found.split("\n") if line] == [line for line in code.split("\n") if line]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("import os\nprint(os.getcwd())", "import os\nprint(os.getcwd())"),
        (">>> x = 1\n>>> x\n1", "x = 1\nx"),
        ("Try this:\n\n    x = 1\n    print(x)\n\nDone.", "x = 1\nprint(x)"),
        ("No, thanks", ""),
        ("Temperature: warm", ""),
        ("Sure, see (below)", ""),
        ("42", ""),
        ("", ""),
        ("```\nls -la\n```", ""),
        ("```\npip install pandas\n```\n\n```\nimport pandas\n```", "import pandas"),
        ("```\r\nx = 1\r\ny = 2\r\n```", "x = 1\ny = 2"),
        ("```python\n!pip install x\nfiles = !ls\nx?\n```", "!pip install x\nfiles = !ls\nx?"),
    ],
)
def test_code_without_a_label(answer, code):
    assert python_code(answer) == code


@pytest.mark.parametrize(
    ("blocks", "code", "note"),
    [
        (["x = 1", "x = ("], "x = 1", "left out a block that does not parse (line 1: '(' was never closed)"),
        (["return 1", "x = 1"], "x = 1", "left out a block that does not parse (line 1: 'return' outside function)"),
        (["def f():", "    return 1"], "def f():\n\n    return 1", None),
        (["x = ("], "x = (", None),
        (["x = 1", "%%time\ny = 2"], "x = 1\n\ny = 2", "left out %%time, which works only at the top of a cell"),
        (["%%time\ny = 2", "x = 1"], "%%time\ny = 2\n\nx = 1", None),
        (["# slow\n%%time\ny = 2"], "%%time\n# slow\ny = 2", None),
        (["%%bash\nls", "x = 1"], "%%bash\nls", "left out what follows the %%bash cell"),
        (["x = 1", "%%bash\nls"], "x = 1", "left out a %%bash block, which needs a cell of its own"),
    ],
)
def test_omitted_code_is_reported(blocks, code, note):
    answer = "\n\nor\n\n".join(f"```python\n{block}\n```" for block in blocks)
    assert code_in(answer) == (code, (note,) if note else ())


PIECES = [
    "```python\n",
    "```\n",
    "```",
    "{python}",
    ">>> ",
    "... ",
    "In [1]: ",
    "Out[1]: ",
    "x = 1\n",
    "(\n",
    "\n",
    "Output:\n",
    "%%time\n",
    "%%bash\n",
    "!ls\n",
    "    ",
    "\x00",
    "'''",
    "\r\n",
    "\u2028",
    "> ",
    "- ",
]


@example("```python\n```python\n%%time\n%%time\n")
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_the_code_of_any_answer_parses_or_is_all_of_it(answer):
    code, notes = code_in(answer)
    if code and any(note.startswith("left out a block that") for note in notes):
        parsed(code)
    assert "%%" not in [line[:2] for line in code.split("\n")[1:]] or code.startswith("%%")


@pytest.mark.parametrize(
    "code",
    [
        "import pandas as pd\npd.DataFrame()",
        "from math import *\nfloor(1.5)",
        "for i in range(3): print(i)",
        "[x for x in range(3) if x]",
        "def f(a, *b, c=1, **d): return a, b, c, d, f",
        "try: 1\nexcept ValueError as e: print(e)",
        "with open('x') as h: h.read()",
        "match 1:\n  case {'a': v, **rest}: print(v, rest)\n  case [first, *others]: print(first, others)",
        "(n := 3) + n",
        "class A:\n  x = 1\n  y = x",
        "import os.path\nos.path.join('a')",
        "lambda q: q + live",
        "global g\nprint(g)",
    ],
)
def test_names_that_code_makes_are_no_complaint(code):
    assert complaints(code, {"live": 1}) == []


def test_unknown_names_are_named_with_the_nearest():
    assert complaints("print(customrs)", {"customers": 1}) == [
        "uses customrs, which is not defined; did you mean customers?"
    ]
    assert complaints("f(", {})[0].startswith("line 1:")
    assert complaints("a\0b", {})


def test_code_that_is_indented_wrongly_is_a_complaint_too(shell):
    """IPython looks at it first, and has its own way to fail."""
    for code in ("def f():\n    if 1:\n        pass\n   x = 1\n", "  x\n y", '"' * 3 + "open"):
        assert complaints(code, {}, shell)[0].startswith("line ")


def test_the_difference_has_only_its_lines():
    assert difference("a\nb", "a\nc") == "@@ -1,2 +1,2 @@\n a\n-b\n+c"
    assert difference("same", "same") == ""
