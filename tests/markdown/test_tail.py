"""The end of an answer that grows is Markdown as well."""

from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.code_blocks import code_blocks
from nbchat.markdown.tail import markdown_tail

WORDS = st.lists(st.sampled_from(["word", "\n", "\n\n", " ", "```", "```py\n", "~~~\n", "x", "| a |"])).map("".join)
FENCES = st.lists(st.sampled_from(["\n```", "\n```", "\n````", "\n~~~", "\n  ```", "\n``` a`b", "\n~~~ a`b", "\n```py", "\nx", "\n"]),
                  max_size=9).map(lambda lines: "".join(lines).removeprefix("\n")).filter(bool)  # fmt: skip


@given(WORDS, st.integers(1, 60))
def test_a_tail_is_the_end_and_short(text, most):
    """It ends as the text ends, and is no longer than asked for, but for the line that opens a fence again."""
    tail = markdown_tail(text, most)
    forms = [tail, tail.partition("\n")[2]]
    kept = next(form for form in forms if text.endswith(form) and len(form) <= most)
    assert kept or not text[-(most // 2 + 1) :].strip()


@given(FENCES, st.integers(1, 9))
def test_a_fence_is_opened_again_where_the_parser_sees_one(before, lines):
    end = "\nabc" * lines
    blocks = code_blocks(f"{before}\n")
    opened = f"{before}\n"[blocks[-1].start :].split("\n")[0] if blocks and not blocks[-1].closed else None
    tail = markdown_tail(before + end, len(end))
    assert tail.removesuffix(end[1:]) == (f"{opened}\n" if opened else "")


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
    assert markdown_tail("a b\nc", 5) == markdown_tail("a b\nc", 6) == "a b\nc"
    assert markdown_tail("one two three four", 11) == "three four"
    assert markdown_tail("-" * 12 + "abcde\nfghijk", 12) == "fghijk"
    assert markdown_tail("-" * 12 + "abcdef\nghijk", 12) == "abcdef\nghijk"
