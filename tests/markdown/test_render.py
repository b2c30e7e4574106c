"""Model text in a trusted cell: nothing in it runs, fetches or leads astray, and what is harmless stays."""

import gc
import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nbchat.markdown.formulas import canonical_tex
from nbchat.markdown.html import markdown_html
from nbchat.markdown.parsing import parse
from nbchat.markdown.render import render
from tests.markdown.hostile import PAYLOADS, nested, payload
from tests.markdown.readers import dangers, lab_html, nbconvert_html, remove_math
from tests.strategies import scaled

PIECES = [
    '<img src="x" onerror="window.ran=1">', "![i](http://x/probe.png)", "[a](javascript:x)", "$x$", "$", "$$", "\\(", "\\)", "\\[",
    "\\]", "\\\\(", "\\\\)", "\\begin{align}", "\\end{align}", "`", "``", "```", "~~~", "\t", "\n", "\n\n", "    ", "> ", "- ", "1. ", "|",
    "|---|---|", "---", "# ", "[a]: http://b.c", "[a]", "![", "](", "<", ">", "&lt;", "&#36;", "&#10;", "&#92;(", "\r", "\0", "\u2028",
    "\u202e", '"', "@@0@@", "http://a.b/", "www.a.b", "a@b.c", "{", "}", "\\", "*", "**", "_", "~~", "a", "word ", "<br>", "<sub>", "<kbd>",
    "</sub>", "</kbd>", "[ ] ", "!", "^", "%", "=", "-", "+", ": ", "<!--", "<b>", "中", "1", "$5 to $6", "\\$", "</code></pre>", "<pre>",
]  # fmt: skip
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def live(markdown):
    return dangers(lab_html(markdown)) + dangers(nbconvert_html(markdown))


@pytest.mark.parametrize("text", PAYLOADS)
def test_no_payload_is_live_in_a_notebook_or_in_its_export(text):
    assert live(render(text)) == []


def test_the_payloads_are_live_when_nothing_is_done():
    """The control: a check that finds nothing in these could not fail."""
    alive = [text for text in PAYLOADS if "attachment:" not in text and live(text)]
    assert len(alive) > len(PAYLOADS) / 2


@pytest.mark.parametrize("block", range(8))
def test_no_composed_payload_is_live(block):
    for seed in range(block * 150, block * 150 + 150):
        text = payload(seed)
        assert live(render(text)) == [], f"seed {seed}: {text!r}"


@given(st.integers(min_value=0))
def test_no_composed_payload_is_live_whatever_the_seed(seed):
    text = payload(seed)
    assert live(render(text)) == [], text


@given(st.integers(min_value=0))
def test_nothing_in_containers_is_live_whatever_the_seed(seed):
    text = nested(seed)
    assert live(render(text)) == [], text


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_mixture_of_signs_is_live(text):
    assert live(render(text)) == []


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_a_text_cut_anywhere_is_as_safe(seed, cut):
    text = payload(seed)
    part = text[: cut % (len(text) + 1)]
    assert live(render(part)) == [], part


@pytest.mark.parametrize("text", [text for text in PAYLOADS if len(text) < 60])
def test_every_beginning_of_a_payload_is_safe(text):
    for cut in range(len(text)):
        assert dangers(lab_html(render(text[:cut]))) == []


@given(st.text(alphabet=st.sampled_from("`~$\\[]()<>!:|*_-+#@0123 \t\nax\"'&;{}/.")))
def test_any_signs_are_safe(text):
    assert dangers(lab_html(render(text))) == []


@given(st.text())
def test_any_text_comes_out_as_text_that_encodes(text):
    render(text).encode()


LINKS = ["<http://x.y>", "<http://x.y>", " http://e.f", " www.g.h ", "![i](http://i.j/k.png)", " *b* "]


@given(st.lists(st.sampled_from(LINKS), max_size=6).map(lambda parts: f"[a {''.join(parts)}](http://c.d) http://n.o"))
def test_no_link_is_within_a_link(text):
    """Nor in the page: a browser would end the outer link there."""
    depth = 0
    for token in MarkdownIt("commonmark").parseInline(render(text))[0].children:
        depth += token.nesting * token.type.startswith("link")
        assert depth <= 1
    assert not re.search("<a [^>]*>(?:(?!</a>).)*<a ", markdown_html(text), re.DOTALL)


@pytest.mark.parametrize("letter", "\u017f\u212a\u0130\u0131")
@pytest.mark.parametrize(
    "text", ["<sub>a</sub>", "<kbd>a</kbd>", "<mark>a</mark>", "https://a.b/c", "[a](https://b.c)", "![a](https://b.c)"]
)
def test_a_letter_that_only_folds_to_an_ascii_one_makes_no_markup(text, letter):
    """Where case is ignored, Python takes a long s for an s; no browser does."""
    for place in range(len(text)):
        if text[place] == letter.casefold()[0] or (text[place], letter) == ("i", "\u0131"):
            shown = render(text[:place] + text[place:].replace(text[place], letter), images=True)
            assert not re.search(r"<\w|\]\(", shown)


def test_what_is_safe_stays_safe_when_it_goes_through_twice():
    for text in PAYLOADS:
        assert dangers(lab_html(render(render(text)))) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain words.",
        "**bold**, *it*, ~~no~~, `code`, &lt;, 5 % of snake_case.",
        "$x$, $E=mc^2$, $\\alpha$ and $$y$$",
        "[a](https://b.c/d?e=f), [a](mailto:x@y.z), [a](#b)",
        "- a\n\n  ```html\n  <script>alert(1)</script>\n  ```\n\n- [x] b",
        "> a\n>\n> ```\n> <b>\n> ```",
        "1. a\n   ```c\n   if (a<b) f[i](x);\n   ```\n2. b",
        "```mermaid\ngraph TD\nA-->B\n```",
        "| a | b |\n| :-- | --- |\n| 1 | `x` |",
        "> a\n> b\n>\n> - c\n\n# D\n\n___",
        "- > a\n  >\n  b",
        "- > a\n\n  > b",
        "> a  \n> b\n>\n> ```\n> c  \n> ```",
        f"![a picture]({PIXEL})",
        "H<sub>2</sub>O and x<sup>2</sup>",
        "Press <kbd>Ctrl</kbd>+<kbd>C</kbd>, <mark>now</mark> or <u>never</u>.",
    ],
)
def test_canonical_text_comes_back_as_it_is(text):
    assert render(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a <b>bold</b> word, List<int>", "a &lt;b&gt;bold&lt;/b&gt; word, List&lt;int&gt;"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
        ("    <b>", "```\n<b>\n```"),
        ("> - ```\n>   <b>\n>   ```", "> - <pre><code>&lt;b&gt;&#10;</code></pre>"),
        ("- a\n  - b\n\n    ```\n    <b>\n    ```", "- a\n  - b\n\n    <pre><code>&lt;b&gt;&#10;</code></pre>"),
        ("- - - ```\n      <b>\n", "- - - <pre><code>&lt;b&gt;&#10;</code></pre>"),
        ("[a](javascript:x)", "&#91;a&#93;(javascript:x)"),
        ("[a](docs/b.md#c)", "[a](#docs/b.md%23c)"),
        ("[a](/api/shutdown)", "[a](#/api/shutdown)"),
        ("[a]()", "[a](#)"),
        (f"[a]({PIXEL})", "a"),
        ("[a <http://b.c> http://d.e](http://f.g)", "[a http&#58;//b.c http&#58;//d.e](http://f.g)"),
        ("[a]: javascript:x", "&#91;a&#93;: javascript:x"),
        ("<javascript:x>", "&lt;javascript:x&gt;"),
        ("ftp://a.b", "ftp&#58;//a.b"),
        ("see https://b.c/d_e?f=g&h=1.", "see [https&#58;//b.c/d_e?f=g&amp;h=1](https://b.c/d_e?f=g&amp;h=1)."),
        ("(see https://b.c/d(e))", "(see [https&#58;//b.c/d(e)](https://b.c/d%28e%29))"),
        ("www.b.c/d; a@b.c", "[www&#46;b.c/d](http://www.b.c/d); [a&#64;b.c](mailto:a@b.c)"),
        ("(https://b.c/d).", "(<https://b.c/d>)."),
        ("https://b.c/d)e f", "[https&#58;//b.c/d)e](https://b.c/d%29e) f"),
        ("![a](https://b.c/d.png)", "[a](https://b.c/d.png)"),
        ("![](https://b.c/d.png)", "[image](https://b.c/d.png)"),
        ("[![a](https://b.c/d.svg)](https://e.f)", "[a](https://e.f)"),
        ("![a](/api/b)", "&#91;image: a&#93;"),
        ("![a](data:image/svg+xml;base64,AAAA)", "!&#91;a&#93;(data:image/svg+xml;base64,AAAA)"),
        ("![a][b]\n\n[b]: https://c.d", "[a](https://c.d)"),
        ("```mermaid\ngraph TD\nA[<img src=x>]\n```", "```text\ngraph TD\nA[<img src=x>]\n```"),
        ("```mermaid\ngraph TD\nA--", "```text\ngraph TD\nA--\n```"),
        ('```py" onclick="x\na\n```', "```py\na\n```"),
        ("```\na\n```\t\nb", "```\na\n```\n\nb"),
        ("a\r\nb\rc\0d\u2028e\u202ef", "a\nb\nc\ufffdd ef"),
        ("\ud83d\ude42 \ud83d", "🙂 \ufffd"),
        ("&#10;&#9;&#96;&#8238;x", "&#10;&#9;&#96;x"),
        ("1\\. a\n\\- b\n\\# c", "1&#46; a\n&#45; b\n&#35; c"),
        ("- a\n\n\n* b", "- a\n\n* b"),
        (">" * 60 + " deep\n\nafter\n\n- b", f"<pre><code>{'&gt;' * 60} deep</code></pre>\n\nafter\n\n- b"),
        ("```" + "x" * 50 + "\na\n```", "```" + "x" * 40 + "\na\n```"),
        (">" * 60 + " deep", f"<pre><code>{'&gt;' * 60} deep</code></pre>"),
    ],
)
def test_what_could_be_live_is_written_otherwise(text, shown):
    assert render(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x**a**! (*b c*) *d:* ~~e~~;", "x<strong>a</strong>! (*b c*) *d:* ~~e~~;"),
        ("*a!* *-b* *`c`* *d `e`*", "<em>a&#33;</em> <em>-b</em> <em>`c`</em> <em>d `e`</em>"),
        ('*a*b *c*% *d*: *e* "*f*"', "<em>a</em>b <em>c</em>% <em>d</em>: *e* &quot;<em>f</em>&quot;"),
        ("*a*[b](http://c.d)\n*e*\n~~f!~~", "<em>a</em>[b](http://c.d)\n*e*\n<del>f&#33;</del>"),
        ("*a*\\\nb<br>\nc<br><br>d", "<em>a</em>&#8288;<br>b  \nc  \n&#8288;<br>d"),
        ("<br>a\n\n# b<br>c\n\n| d<br>e |\n|---|", "&#8288;<br>a\n\n# b<br>c\n\n| d<br>e |\n| --- |"),
        (
            "- [ ] 1. a\n- [X] # b\n- [x]c\n- d [ ] e",
            "- [ ] 1&#46; a\n- [X] &#35; b\n- &#91;x&#93;c\n- d &#91; &#93; e",
        ),
        ("[ ] a\n\n- # [ ] b\n- - [ ] - c", "&#91; &#93; a\n\n- # &#91; &#93; b\n\n- - [ ] &#45; c"),
        (f"a\n\n[]({PIXEL})\n\nb", "a\n\nb"),
        ("a $5", "a &#36;5"),
        ("| 1. a | \\- b |\n|---|---|", "| 1&#46; a | &#45; b |\n| --- | --- |"),
        ("- [ ] - http://a.b", "- [ ] &#45; <http://a.b>"),
        ("\\- http://a.b\n1\\. http://c.d", "&#45; <http://a.b>\n1&#46; <http://c.d>"),
        ("a $5 $x$", "a <span class=tex2jax_ignore>&#36;</span>5 $x$"),
        ("$x$`a`", "$x$&#8288;`a`"),
        ("a\\\\(b", "a<span class=tex2jax_ignore>&#92;</span>(b"),
        (
            "![](https://b.c)![ ](https://b.c)![$5](/d)![- a](/d)",
            "[image](https://b.c)[image](https://b.c)&#91;image: &#36;5&#93;&#91;image: - a&#93;",
        ),
        ("[x ![](/d) ![a](/d) y](http://e.f)", "[x image a y](http://e.f)"),
        (f'![&b"c_d]({PIXEL})![]({PIXEL})', f"![ b c_d]({PIXEL})![]({PIXEL})"),
        ('![a](HTTP://b.c/d?e&f) [g](http://h.i?j&k "l")', '[a](HTTP://b.c/d?e&amp;f) [g](http://h.i?j&amp;k "l")'),
        (
            "- http://a.b/_ c http://d.e/*f* [http://g.h](http://i.j)",
            "- <http://a.b/>&#95; c <http://d.e/><em>f</em> [http&#58;//g.h](http://i.j)",
        ),
        ("http.a@b.c, x http://127.1 y", "[http.a&#64;b.c](mailto:http.a@b.c), x http&#58;//127.1 y"),
        ("```js{1} a\nb\n\n```\n\n```\n```\n\n```\n\n```", "```js1\nb\n\n```\n\n```\n```\n\n```\n\n```"),
        ("```mermaidx\na\n```", "```text\na\n```"),
        (
            "> ```\n> $a\n> ```\n> ```\n> [a]: b\n> ```",
            "> <pre><code>&#36;a&#10;</code></pre>\n>\n> ```\n> [a]: b\n> ```",
        ),
        (
            "- ```\n  [a]: b\n  ```\n- - ```\n    a\n    ```",
            "- <pre><code>&#91;a&#93;&#58; b&#10;</code></pre>\n\n- - ```\n    a\n    ```",
        ),
        ("a\n- [a]: b\n-", "a\n\n-\n\n-"),
        ("1. a\n1) b\n2) c\n\n\n3. d\n   - e\n   + f\n   * g", "1. a\n\n1) b\n2) c\n\n3. d\n   - e\n   + f\n   * g"),
        ("999999998. a\n1. b\n1. c", "999999998. a\n999999999. b\n999999999. c"),
        ("> - a\n>\n>   b\n> - c\n", "> - a\n>\n>   b\n>\n> - c"),
        ("> 1. ```\n>    a\n>\n>    b\n>    ```", "> 1. ```\n>    a\n>\n>    b\n>    ```"),
        ("````\n" + "`" * 19 + "a\n````", "`" * 20 + "\n" + "`" * 19 + "a\n" + "`" * 20),
        ("````\n" + "`" * 20 + "a\n````", "<pre><code>" + "&#96;" * 20 + "a&#10;</code></pre>"),
        (">" * 37 + " a", "> " * 37 + "a"),
        (">" * 38 + " a", "<pre><code>" + "&gt;" * 38 + " a</code></pre>"),
        ("- " + ">" * 35 + " a", "- " + "> " * 35 + "a"),
        ("- " + ">" * 36 + " a", "<pre><code>- " + "&gt;" * 36 + " a</code></pre>"),
    ],
)
def test_each_mark_takes_one_form(text, shown):
    assert render(text) == shown


@pytest.mark.parametrize("marks", [">", "- ", "1. ", "> - ", "- > "])
def test_no_depth_loses_words(marks):
    for depth in range(15, 45):
        shown = render(marks * depth + "deep\n\nafter")
        assert "deep" in shown
        assert "after" in shown


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_waits_and_is_as_it_was(enabled):
    seen = []
    before = gc.isenabled()
    gc.callbacks.append(lambda phase, _: seen.append(phase))
    (gc.enable if enabled else gc.disable)()
    try:
        gc.collect()
        seen.clear()
        render("*a* " * 5_000)
        assert seen == []
        assert gc.isenabled() == enabled
    finally:
        gc.callbacks.pop()
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\\(a+b\\) and \\[\n\\frac{1}{2}\n= c\n\\]", "$a+b$ and $$\\frac{1}{2} = c$$"),
        ("So:\n$$\na % note\n- b\n= c\n$$\nok", "So:\n$$a - b = c$$\nok"),
        ("\\begin{align}\na &= b\n\\end{align}", "\\begin{align} a &= b \\end{align}"),
        ("\\begin{align}\na\n- b\n\\end{align}", "\\begin{align} a - b \\end{align}"),
        ("$$\\begin{align}a\\end{align}$$", "\\begin{align}a\\end{align}"),
        ("| $|x|$ |\n|---|", "| $\\vert x\\vert$ |\n| --- |"),
        ("$x<y$ $a$$b$", "$x< y$ $a$&#8288;$b$"),
        ("\\[1\\], \\(see below\\), \\[link\\](b)", "&#91;1&#93;, (see below), &#91;link&#93;(b)"),
        ("$a{\\\\}$ $b$ \\(\n%c\\)", "$a{\\\\ }$ $b$ (\n&#37;c)"),
        ("$a = \\$5$ and \\(a+b\\\\)", "$a = \\$5$ and $a+b\\ {}$"),
        ("$50\\%$ of 5 $a%b$", "$50\\%$ of 5 $a\\%b$"),
        ("$\\begin{array}{c}a\\\\[2pt]b\\end{array}$", "$\\begin{array}{c}a\\\\b\\end{array}$"),
    ],
)
def test_formulas_take_one_form(text, shown):
    assert render(text) == shown


FORMS = [
    "${}$",
    "$${}$$",
    r"\({}\)",
    r"\[{}\]",
    r"\begin{{align}}{}\end{{align}}",
    r"\begin{{pmatrix}}{}\end{{pmatrix}}",
]
TEX = ["a", "x", "$", "$x$", "\\", "\\\\", "{", "}", "\n", " ", "%", "\n%", "<", "!", "[", "]", "(", "|", "`", '"', "@@0", "://", "^", "-", "1",
       "\\text{", "\\\\[2pt]", "{\\\\}", "\\begin{cases}", "\\end{cases}"]  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(FORMS), st.lists(st.sampled_from(TEX), min_size=1, max_size=5).map("".join)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["", " ", " b ", "`c`"]),
)
@scaled(3)
def test_jupyterlab_sees_the_same_formulas(parts, between):
    text = between.join(form.format(inside) for form, inside in parts)
    inner = [child for token in parse(text).tokens for child in token.children or ()]
    formulas = [canonical_tex(one.content, display=one.markup == "$$") for one in inner if one.type == "formula"]
    assert remove_math(render(text))[1] == formulas


@pytest.mark.parametrize(
    "command",
    ["input{/etc/passwd}", "include{x}", "openin5=x", "read5to x", "write18{ls}", "csname input\\endcsname", "def\\x{y}",
     "let\\x\\y", "catcode`\\@=11", "^^69nput{x}", "@@input x", "InputIfFileExists{x}{}{}", "usepackage{x}", "href{a}{b}",
     "directlua{x}", "lstinputlisting{x}", "includegraphics{x}", "newcommand{\\x}{y}", "pdffiledump 1", "style{a}{b}"],
)  # fmt: skip
@pytest.mark.parametrize(
    "form", ["$a\\{}$", "$$a\\{}$$", "\\(a\\{}\\)", "\\[a\\{}\\]", "\\begin{align}\\{}\\end{align}", "\\{}"]
)
def test_a_command_that_reads_defines_or_leads_somewhere_is_text(form, command):
    shown = render(
        form.replace("{}", command, 1)
        if form != "\\begin{align}\\{}\\end{align}"
        else form.replace("\\{}", "\\" + command, 1)
    )
    assert remove_math(shown)[1] == []
    assert "\\" not in shown


def test_remote_images_show_only_when_asked_for_and_only_in_markdowns_own_syntax():
    text = "![a](https://b.c/d.png) ![e](/api/f) ![g](data:text/html,x) <img src=https://b.c/h.png> ![i](//j.k/l.png)"
    shown = re.findall(r'<img src="([^"]*)"', lab_html(render(text, images=True)))
    assert shown == ["https://b.c/d.png"]
    assert "<img" not in lab_html(render(text))


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("It costs $5 to $10.", []),
        ("- $5\n- $10", []),
        ("| $5 | $10 |\n|---|---|\n| $x$ | $y$ |", ["$x$", "$y$"]),
        ("\\$5 and \\$6, &#36;7 and &#36;8", []),
        ("US$5, A$6", []),
        ("costs $5 or 6$ now, $5million$", []),
        ("$2ab$ and $3 x$", ["$2ab$", "$3 x$"]),
        ("$1,000–$2,000 and $x^2$", ["$x^2$"]),
        ("echo $HOME and $PATH", []),
        ("$a$5x, b x$c$d", []),
        ("|a| = $|b|$", ["$|b|$"]),
        ("$a\nb$ $c\n\nd$", ["$a b$"]),
        (r"\begin{align}a \begin{align}b\end{align}", [r"\begin{align}b\end{align}"]),
        (r"\begin{itemize}a\end{itemize} \begin{align*}b\end{align*}", [r"\begin{align*}b\end{align*}"]),
        ("$HOME/$USER", []),
        ("$4 for $n$ coffees is $4n$ dollars", ["$n$", "$4n$"]),
        ("$2 + 2 = 4$ and $5$", ["$2 + 2 = 4$", "$5$"]),
        ("$ x $, $\\times$2, $n$th", ["$x$", "$\\times$", "$n$"]),
        ("It is \\$3 and $x$", ["$x$"]),
        ("$5 `a` $6", []),
        ("$$\na\n$$ costs $5, $6", ["$$a$$"]),
        ("- a\n  ```\n  echo $A\n  ```\n  $x$ b", ["$x$"]),
    ],
)
def test_prices_are_text_and_formulas_are_formulas(text, formulas):
    shown = render(text)
    assert [formula for formula in remove_math(shown)[1] if formula in formulas or "\n  " not in formula] == formulas
    page = re.sub('<span class="?tex2jax_ignore.*?</span>', "", lab_html(shown))
    for formula in formulas:
        page = page.replace(formula, "")
    for stretch in re.split("<[^>]*>", page):
        assert stretch.count("$") < 2  # MathJax pairs them up within one text of the page


BACKSLASHES = [
    "\\",
    "\\\\",
    "(",
    "[",
    ")",
    "]",
    "begin{a}",
    "ref{a}",
    "eqref{a}",
    "&#92;",
    "$",
    "a",
    " ",
    "\\\\*(a)*",
    "`c`",
    "\n",
    "http://a.b",
]


@given(st.lists(st.sampled_from(BACKSLASHES), max_size=9).map("".join))
@scaled(2)
def test_no_text_becomes_mathematics_in_the_page(text):
    """MathJax reads the page's text, where character references have become characters."""
    shown = render(text)
    page = re.sub("<code>.*?</code>", "", lab_html(shown), flags=re.DOTALL)
    page = re.sub('<span class="?tex2jax_ignore.*?</span>', "!", page)
    for formula in remove_math(shown)[1]:
        page = page.replace(html.escape(formula, quote=False), "")
    assert not re.search(r"\\(?:[()\[\]$]|begin|(?:eq)?ref)", html.unescape(re.sub("<[^>]*>", "", page)))


def test_each_dollar_that_is_not_mathematics_is_kept_from_mathjax_by_name():
    assert render("$5 or $6") == "<span class=tex2jax_ignore>&#36;</span>5 or <span class=tex2jax_ignore>&#36;</span>6"
