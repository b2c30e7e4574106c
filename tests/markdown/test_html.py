"""Markdown as HTML of our own: it looks as it is meant, whatever it says nothing of it is live, and nothing is lost."""

import re
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbchat.markdown.code_colours import coloured_code
from nbchat.markdown.html import (
    MARKDOWN_TAGS,
    MATH,
    MOST_CHARACTERS,
    MOST_NESTED,
    first_words,
    markdown_html,
    markdown_words,
)
from tests.markdown.hostile import PAYLOADS, payload


class Elements(HTMLParser):
    """The elements of some HTML with their attributes, and its text; every element is closed where it was opened."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text, self._open = [], "", []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("br", "hr"):
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


ATTRIBUTES = {"style", "dir", "class", "href", "target", "rel", "start"}
STYLES = re.compile(r"[\w:;.%\- ]*|color:var\(--jp-mirror-editor-[a-z]+-color\)(;font-weight:bold)?")


def check(text):
    """Nothing of the HTML runs, is fetched, or leads elsewhere than a click on a web address does."""
    for tag, attributes in Elements(markdown_html(text)).found:
        assert tag in MARKDOWN_TAGS
        assert attributes.keys() <= ATTRIBUTES
        assert re.match(r"(?i)https?://|mailto:", attributes.get("href", "http://"))
        assert STYLES.fullmatch(attributes.get("style", ""))


@pytest.mark.parametrize("text", PAYLOADS)
def test_nothing_is_live(text):
    check(text)


@given(st.integers(0, 10**9))
def test_nothing_composed_is_live(seed):
    check(payload(seed))


@given(st.text())
@example("\ud83d[a](http://\u202eb/)")
def test_any_text_will_do(text):
    check(text)
    assert markdown_html(text).encode()


def test_it_looks_as_it_is_meant():
    shown = Elements(
        markdown_html("# Title\nA **bold** [link](https://a.b/c?d=e&f) for $5 to $10.\n\n```\n1 < 2\n```\n")
    )
    tags = [tag for tag, _ in shown.found]
    assert tags == ["div", "h1", "p", "strong", "a", "pre", "code"]
    assert dict(shown.found)["a"]["href"] == "https://a.b/c?d=e&f"
    assert shown.text.split() == ["Title", "A", "bold", "link", "for", "$5", "to", "$10.", "1", "<", "2"]
    aligned = markdown_html("| a | b |\n|---|--:|\n| 1 | 2 |\n")
    assert "text-align:right" in aligned


def test_blocks_are_apart_and_those_in_a_list_less_so():
    shown = markdown_html("a\n\nb\n\n- c\n\n  d\n\n| e | f |\n|---|:-:|\n\n# g\n\n```\nh\n```")
    assert re.findall(r"margin:(\S+) 0 0", shown) == ["0", "0.6em", "0.6em", "0.2em", "0.2em", *["0.6em"] * 3]
    assert re.findall(r"text-align:(\w+)", shown) == ["left", "center"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("$x$", r"\(x\)"),
        ("$$x$$", r"\[x\]"),
        (r"$\begin{cases}a\end{cases}$", r"\(\begin{cases}a\end{cases}\)"),
        (r"\begin{align}a\end{align}", r"\begin{align}a\end{align}"),
        (r"\begin{cases}a\end{cases}", r"\begin{cases}a\end{cases}"),
        ("$a<b$", r"\(a< b\)"),
    ],
)
def test_a_formula_is_written_for_mathjax(text, written):
    assert f'<span class="{MATH}">{escape(written)}</span>' in markdown_html(text)


def test_a_link_leads_out_of_the_notebook_and_holds_no_other():
    [(_, attributes)] = [
        element for element in Elements(markdown_html("[a <http://b.c>](http://d.e)")).found if element[0] == "a"
    ]
    assert attributes == {"href": "http://d.e", "target": "_blank", "rel": "noopener noreferrer"}
    assert Elements(markdown_html("[a](#b) [c](http://d.e)")).found[2:] == [("span", {}), ("a", attributes)]


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "/api/shutdown", "//evil.example/x", "data:text/html,x", "#top"]
)
def test_a_link_that_must_not_be_live_keeps_its_words(address):
    shown = Elements(markdown_html(f"see [these words]({address}) there"))
    assert "these words" in shown.text
    assert "a" not in dict(shown.found)


def test_a_picture_stands_as_its_description():
    shown = Elements(markdown_html("![a cat](http://evil.example/cat.png)"))
    assert shown.text.strip() == "[image: a cat]"


@pytest.mark.parametrize("text", [">" * (MOST_NESTED + 9) + " deep", "*x* " * MOST_CHARACTERS + "deep"])
def test_what_the_parser_would_leave_out_stands_as_written(text):
    assert Elements(markdown_html(text)).text == text


@pytest.mark.parametrize("before", ["", "- "])
@pytest.mark.parametrize("depth", range(33, 44))
def test_no_depth_loses_words(before, depth):
    text = f"{before}{'>' * depth} deep"
    assert "deep" in Elements(markdown_html(text)).text
    assert ("<blockquote" in markdown_html(text)) == (depth + len(before) <= 37)


def test_a_text_has_a_longest_length():
    assert "<em" in markdown_html("*a* " * 12_500)
    assert "<em" not in markdown_html("*a* " * 12_500 + "b")


def test_its_first_words_have_no_marks():
    text = "## Which **col**umns `x` to\nclean [a](http://b)\n\n```python\nx = 1\n```\n| c | d |\n|--|--|\n| e | f |\n"
    assert markdown_words(text, 300) == "Which columns x to clean a x = 1 c d e f"
    assert markdown_words("word " * 100, 20) == "word word word word"
    assert markdown_words("a  \nb\\\nc\nd", 20) == "a b c d"
    assert first_words("*a b* " * 9, 9) == "a b a b …"
    assert first_words("[r]: http://a.b", 9) == "[r]: htt…"


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("def f():\n\n    return 'a<b'  # c\n", "python"),
        ("SELECT 1;\n", "sql"),
        ("\n\n  x", "py"),
        ("a\n", "nonsense"),
        ("", "py"),
    ],
)
def test_code_keeps_its_text_and_takes_the_front_ends_colours(code, language):
    page = Elements(markdown_html(f"```{language}\n{code}\n```"))
    assert page.text.strip("\n") == code.strip("\n")
    colours = {attributes.get("style", "") for tag, attributes in page.found if tag == "span"}
    assert any("editor-keyword-color" in colour for colour in colours) == (language in ("python", "sql"))


def test_very_long_code_is_whole_and_has_one_colour():
    code = "x = 'a' # b\n" * 1000
    page = Elements(markdown_html(f"```py\n{code}```"))
    assert page.text.strip() == code.strip()
    assert "span" not in {tag for tag, _ in page.found}
    assert coloured_code("1" * 5000, "py")
    assert not coloured_code("1" * 5001, "py")
    assert "<span" not in markdown_html("```py\nx = 1\n```", coloured=False)


def test_code_has_the_colours_of_its_tokens():
    def word(text, colour, weight=""):
        return f'<span style="color:var(--jp-mirror-editor-{colour}-color){weight}">{text}</span>'

    bold = ";font-weight:bold"
    assert coloured_code("\n\nif x and f(1): # c", "py") == "\n\n{} x {} f({}): {}".format(
        word("if", "keyword", bold), word("and", "keyword", bold), word("1", "number"), word("# c", "comment")
    )
