"""Code in answers: what counts as Python, and which names it lacks."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

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
    assert complaints("print(customrs)", {"customers": 1}) == ["uses customrs, not defined; did you mean customers?"]
    assert complaints("f(", {})[0].startswith("line 1:")
    assert complaints("a\0b", {})


def test_code_that_is_indented_wrongly_is_a_complaint_too():
    """IPython looks at it first, and has its own way to fail."""
    shell = InteractiveShell.instance()
    for code in ("def f():\n    if 1:\n        pass\n   x = 1\n", "  x\n y", '"' * 3 + "open"):
        assert complaints(code, {}, shell)[0].startswith("line ")


def test_the_difference_has_only_its_lines():
    assert difference("a\nb", "a\nc") == "@@ -1,2 +1,2 @@\n a\n-b\n+c"
    assert difference("same", "same") == ""
