"""What is a formula: which TeX may be typeset, and how it is told from prices, shell variables and escaped brackets."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.formulas import canonical_tex, is_bracketed, is_formula, is_no_price, on_one_line
from nbchat.markdown.html import markdown_html
from nbchat.markdown.render import render


@pytest.mark.parametrize(
    "tex", ["a", "1", r"\$5", r"a\$", "{}a", r"\{a", r"\}a", "{{a}}", r"\begin{cases}a\end{cases}"]
)
def test_balanced_tex_may_be_typeset(tex):
    assert is_formula(tex, display=False)
    assert is_formula(tex, display=True)


@pytest.mark.parametrize(
    "tex", ["", " ", "+", "}{a", "{a", "a}", "{}}a{", "a$b$$c", r"\def a", "^^a", r"\begin{a}x\end{a}"]
)
def test_anything_else_may_not(tex):
    assert not is_formula(tex, display=False)
    assert not is_formula(tex, display=True)


@pytest.mark.parametrize(
    ("tex", "typeset"),
    [("a$b$c", True), ("$a$b", False), ("a$b$", False), ("a$b", False), ("a$$b$$c", False), (r"a\\$b$c", True)],
)
def test_only_a_display_formula_may_hold_others(tex, typeset):
    assert is_formula(tex, display=True) == typeset
    assert not is_formula(tex, display=False)


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("$a$5", False),
        ("$1a$x", True),
        ("x$a$x", False),
        ("$a$x", True),
        ("$a+$x", False),
        ("x$a+$", True),
        (r"$\a$5", True),
        (r"$5\a$5", True),
        (r"$5\a bcd$5", False),
        (r"$5\a bcd$", True),
        (r"$\a bcd$5", True),
        ("$^2$5", True),
        ("${a${", False),
        ("${a$", True),
        ("$a${", True),
        ("$ a$", False),
        ("$a $", False),
        ("$ a $", True),
        ("$ ab $", True),
        ("$ abc $", False),
        ("$ ab c $", False),
        ("$5 ab$", False),
        ("$5ab$", True),
        ("$5abc$", False),
        ("$5 a$", True),
        ("$abc def$", True),
    ],
)
def test_a_price_or_variable_is_no_formula(text, formula):
    before, inside, after = text.split("$")
    assert is_no_price(before, inside, after) == formula


@pytest.mark.parametrize("inside", ["a", "ab", "a1", "1+2", "x_1", r"\alpha", "see = below", "f(x)-1", "{abc} a"])
def test_brackets_around_signs_or_short_names_are_a_formula(inside):
    assert is_bracketed(inside)


@pytest.mark.parametrize("inside", ["1", "abc", "see below", "1, 2", "", "é"])
def test_brackets_around_words_or_a_number_are_not(inside):
    assert not is_bracketed(inside)


def test_a_formula_is_put_on_one_line_without_its_comments():
    assert on_one_line(" a %b\n c\\%d\n\\\\%e\nf ") == r"a c\%d \\ f"
    assert on_one_line("50% of  a") == "50% of a"


@pytest.mark.parametrize(
    ("inside", "shown"),
    [
        ("|a|", "$|a|$"),
        ("a%", r"$a\%$"),
        (r"a\%", r"$a\%$"),
        ('a`b"', "$a'b\u201d$"),
        ("a\\", r"$a\ {}$"),
        (r"a\\", r"$a\\{}$"),
        ("a\\\\\\", r"$a\\\ {}$"),
        (r"a\\(b", r"$a\\ {}(b$"),
        (r"a\\[-1.5 pt]b", r"$a\\b$"),
        ("a<b", "$a< b$"),
        ("a<1", "$a<1$"),
        ("x![y", "$x! [y$"),
        ("a](b", "$a] (b$"),
        ("a://b", "$a: //b$"),
    ],
)
def test_no_renderer_can_misread_a_formula(inside, shown):
    assert canonical_tex(inside, display=False) == shown
    assert canonical_tex(inside, display=True) == f"${shown}$"


def test_only_in_a_table_are_bars_written_as_commands():
    bars = r"|a| \| b"
    assert canonical_tex(bars, display=False, in_table=True) == r"$\vert a\vert  \Vert  b$"
    assert render(f"${bars}$") == f"${bars}$"
    assert rf"\({bars}\)" in markdown_html(f"${bars}$")


@given(st.text('ab$\\{}%|`"<![]():/@^ \n1', max_size=12), st.booleans())
def test_what_may_be_typeset_ends_where_it_should(inside, display):
    """Its form has no unescaped dollar but its delimiters (and inner formulas in pairs), and no comment."""
    if is_formula(inside, display=display):
        shown = canonical_tex(inside, display=display)
        mark = "$$" if display else "$"
        assert shown.startswith(mark)
        assert shown.endswith(mark)
        tex = shown[len(mark) : -len(mark)]
        bare = tex.replace(r"\\", "").replace(r"\$", "").replace(r"\%", "")
        assert "%" not in bare
        assert "\n" not in tex
        assert bare.count("$") % 2 == 0
        assert display or "$" not in bare
        assert not bare.endswith(("\\", "$"))


@pytest.mark.parametrize("fence", ["```", "~~~~", "- ```", "> ```"])
def test_a_row_with_a_formula_is_code_inside_a_fence_and_a_row_after_it(fence):
    """A bar in a formula would end the cell; in code it stays what the model wrote."""
    margin = "> " if fence.startswith(">") else ""
    row = "| $a|b$ |"
    table = f"| x |\n|---|\n{row}"
    text = f"{fence}\n{margin}{row}\n{margin}{fence.lstrip('-> ')}\n\n{table}\n"
    shown = html.unescape(render(text))
    assert shown.count("$a|b$") == 1
    assert shown.count(r"$a\vert b$") == 1
