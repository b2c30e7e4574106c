"""The documentation topics become readable Markdown."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.builtin.model.corpus import passages, topics

TOPIC = """The "spam" statement
********************

A "spam" statement spreads *eggs* over a
well-known plate [3]:

   spam_stmt ::= "spam" expression

It is used so:

   spam(eggs)
   print("done")

Changed in version 3.8: Nobody reads this.

str.spam(sub)

   Return the spam of the string. The spam is not empty, and it is eaten with a spoon.

* The first item is about
  one thing.

* The second is about another.
"""


def test_plain_documentation_becomes_markdown():
    text = "\n\n".join(passage.text for passage in passages({"spam": TOPIC}))
    assert "A `spam` statement spreads *eggs* over a well-known plate:" in text
    assert '```text\nspam_stmt ::= "spam" expression\n```' in text
    assert '```python\nspam(eggs)\nprint("done")\n```' in text
    assert "`str.spam(sub)`: Return the spam of the string." in text
    assert "- The first item is about one thing." in text
    assert "Nobody" not in text


def test_passages_know_what_they_are_about():
    assert {(passage.topic, passage.title) for passage in passages({"spam": TOPIC})} == {
        ("spam", "The `spam` statement")
    }


def test_this_pythons_topics_give_hundreds_of_passages():
    read = list(passages())
    assert len(read) > 300
    assert len({passage.text for passage in read}) == len(read)
    assert any(passage.title == "The `for` statement" for passage in read)


def test_code_blocks_are_closed_in_every_passage():
    assert all(passage.text.count("```") % 2 == 0 for passage in passages())


def test_no_table_heading_or_footnote_is_left():
    for passage in passages():
        assert not re.search(r"^(\+--|\|==|\*{4,}$|={4,}$|-\[)", passage.text, re.MULTILINE)


@given(st.dictionaries(st.text(min_size=1), st.text(alphabet='a b"*=\n-`>:+|.', max_size=200), max_size=3))
def test_any_text_at_all_can_be_read(source):
    for passage in passages(source):
        assert passage.text.strip()


@pytest.mark.parametrize("stripped", ["pydoc_data", "pydoc_data.topics"])
def test_a_python_without_its_topics_gives_the_docstrings_of_its_builtins(stripped):
    """Some distributions leave the topics out; the model then has less to say, but it speaks."""
    code = f"import sys; sys.modules[{stripped!r}] = None; from nbchat.builtin.model.models import learned; learned()"
    code += "; from nbchat.builtin.model.corpus import topics; print(sorted(topics())[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ArithmeticError"


def test_topics_come_in_a_fixed_order():
    assert list(topics()) == sorted(topics())
