"""The end of an answer that grows is Markdown as well."""

from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.tail import markdown_tail

WORDS = st.lists(st.sampled_from(["word", "\n", "\n\n", " ", "```", "```py\n", "~~~\n", "x", "| a |"])).map("".join)


@given(WORDS, st.integers(1, 60))
def test_a_tail_is_the_end_and_short(text, most):
    """It ends as the text ends, and is no longer than asked for, but for the line that opens a fence again."""
    tail = markdown_tail(text, most)
    forms = [tail, tail.partition("\n")[2]]
    kept = next(form for form in forms if text.endswith(form) and len(form) <= most)
    assert kept or not text[-(most // 2 + 1) :].strip()


def test_code_stays_code():
    """A cut within a fence opens it again; one behind it does not."""
    code = "\n".join(f"line {number} = 1" for number in range(50))
    inside = f"Words.\n\n```python\n{code}"
    assert markdown_tail(inside, 100).startswith("```python\nline")
    assert "```" not in markdown_tail(f"{inside}\n```\n\n" + "More words. " * 40, 100)
    assert markdown_tail("a `b` c " * 50, 40).startswith(("a", "`", "c"))


def test_a_tail_begins_with_a_block_a_line_or_a_word():
    assert markdown_tail("one two three four five", 12) == "four five"
    assert markdown_tail("one two\nthree four five", 17) == "three four five"
    assert markdown_tail("one two\n\nthree\nfour five", 18) == "three\nfour five"
    assert markdown_tail("short", 5) == "short"
