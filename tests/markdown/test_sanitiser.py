"""Model text in a trusted cell: nothing in it runs, fetches or leads astray, and what is harmless stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.markdown.sanitiser import sanitise
from tests.markdown.hostile import PAYLOADS, payload
from tests.markdown.readers import dangers, lab_html, nbconvert_html, remove_math

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def live(markdown):
    return dangers(lab_html(markdown)) + dangers(nbconvert_html(markdown))


@pytest.mark.parametrize("text", PAYLOADS)
def test_no_payload_is_live_in_a_notebook_or_in_its_export(text):
    assert live(sanitise(text)) == []


def test_the_payloads_are_live_when_nothing_is_done():
    """The control: a check that finds nothing in these could not fail."""
    alive = [text for text in PAYLOADS if "attachment:" not in text and live(text)]
    assert len(alive) > len(PAYLOADS) / 2


@pytest.mark.parametrize("block", range(8))
def test_no_composed_payload_is_live(block):
    for seed in range(block * 150, block * 150 + 150):
        text = payload(seed)
        assert live(sanitise(text)) == [], f"seed {seed}: {text!r}"


@given(st.integers(min_value=0))
def test_no_composed_payload_is_live_whatever_the_seed(seed):
    text = payload(seed)
    assert live(sanitise(text)) == [], text


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_a_text_cut_anywhere_is_as_safe(seed, cut):
    text = payload(seed)
    part = text[: cut % (len(text) + 1)]
    assert live(sanitise(part)) == [], part


@pytest.mark.parametrize("text", [text for text in PAYLOADS if len(text) < 60])
def test_every_beginning_of_a_payload_is_safe(text):
    for cut in range(len(text)):
        assert dangers(lab_html(sanitise(text[:cut]))) == []


@given(st.text(alphabet=st.sampled_from("`~$\\[]()<>!:|*_-+#@0123 \t\nax\"'&;{}/.")))
def test_any_signs_are_safe(text):
    assert dangers(lab_html(sanitise(text))) == []


@given(st.text())
def test_any_text_comes_out_as_text_that_encodes(text):
    sanitise(text).encode()


def test_what_is_safe_stays_safe_when_it_goes_through_twice():
    for text in PAYLOADS:
        assert dangers(lab_html(sanitise(sanitise(text)))) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain words.",
        "a < b, x <= y, 3 > 2, <3, i<5, a <- b",
        "**bold**, *it*, ~~no~~, `code`, \\*, &lt;, &#36;, AT&T",
        "It costs $5.",
        "$x$, $E=mc^2$, $\\alpha$ and $$y$$",
        "[a](https://b.c/d?e=f&g=h#i), <https://b.c>, https://b.c, [a](mailto:x@y.z), [a](#b)",
        '[a](https://b.c "A title, isn\'t it?")',
        "[a][b]\n\n[b]: https://c.d 'title'",
        "- a\n\n  ```html\n  <script>alert(1)</script>\n  ```\n\n- [x] b",
        "1. a\n```c\nif (a<b) f[i](x);\n```\n2. b",
        "> ```\n> <b>\n> ```",
        "```mermaid\ngraph TD\nA-->B\n```",
        "| a | b |\n|---|---|\n| 1 | `x` |",
        f"![a picture]({PIXEL})",
        "    indented = code",
        "`$HOME` and ```\n$\n```",
    ],
)
def test_harmless_text_comes_back_as_it_is(text):
    assert sanitise(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a <b>bold</b> word, List<int>", "a &lt;b>bold&lt;/b> word, List&lt;int>"),
        ("<think>hm</think>", "&lt;think>hm&lt;/think>"),
        ("`<b>`", "<code>&#60;b&#62;</code>"),
        ("    <b>", "<pre><code>&#60;b&#62;&#10;</code></pre>"),
        ("[a](javascript:x)", "[a]&#40;javascript:x)"),
        ("[a](docs/b.md#c)", "[a](#docs/b.md%23c)"),
        ("[a](/api/shutdown)", "[a](#/api/shutdown)"),
        ("[a]()", "[a](#)"),
        ("[a]: b.md", "[a]: #b.md"),
        ("[a]: javascript:x", "[a]&#58; javascript:x"),
        ("<javascript:x>", "&lt;javascript:x>"),
        ("ftp://a.b", "ftp&#58;//a.b"),
        ("![a](https://b.c/d.png)", "[a](https://b.c/d.png)"),
        ("![](https://b.c/d.png)", "[image](https://b.c/d.png)"),
        ("[![a](https://b.c/d.svg)](https://e.f)", "[a](https://e.f)"),
        ("![a](/api/b)", "&#33;[a]&#40;/api/b)"),
        ("![a](data:image/svg+xml;base64,AAAA)", "&#33;[a]&#40;data:image/svg+xml;base64,AAAA)"),
        ("![a][b]\n\n[b]: https://c.d", "&#33;[a][b]\n\n[b]: https://c.d"),
        ("$x<y$", "$x< y$"),
        ("$\\href{a}{b}$", "$\\\u2060href{a}{b}$"),
        ("```mermaid\ngraph TD\nA[<img src=x>]\n```", "```text\ngraph TD\nA[<img src=x>]\n```"),
        ("```mermaid\ngraph TD\nA--", "```text\ngraph TD\nA--"),
        ('```py" onclick="x\na\n```', "```py onclick=x\na\n```"),
        ("a\r\nb\rc\0d\u2028e", "a\nb\nc\ufffdd e"),
        ("\ud83d\ude42 \ud83d", "🙂 \ufffd"),
    ],
)
def test_what_could_be_live_is_written_otherwise(text, shown):
    assert sanitise(text) == shown


def test_remote_images_show_only_when_asked_for_and_only_in_markdowns_own_syntax():
    text = "![a](https://b.c/d.png) ![e](/api/f) ![g](data:text/html,x) <img src=https://b.c/h.png> ![i](//j.k/l.png)"
    shown = re.findall(r'<img src="([^"]*)"', lab_html(sanitise(text, images=True)))
    assert shown == ["https://b.c/d.png"]
    assert "<img" not in lab_html(sanitise(text))


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("It costs $5 to $10.", []),
        ("- $5\n- $10", []),
        ("| $5 | $10 |\n|---|---|\n| $x$ | $y$ |", ["$x$", "$y$"]),
        ("\\$5 and \\$6, &#36;7 and &#36;8", []),
        ("US$5, A$6", []),
        ("$1,000–$2,000 and $x^2$", ["$x^2$"]),
        ("echo $HOME and $PATH", []),
        ("$HOME/$USER", []),
        ("$4 for $n$ coffees is $4n$ dollars", ["$n$", "$4n$"]),
        ("$2 + 2 = 4$ and $5$", ["$2 + 2 = 4$", "$5$"]),
        ("$ x $, $\\times$2, $n$th", ["$ x $", "$\\times$", "$n$"]),
        ("$5 `a` $6", []),
        ("$$\na\n$$ costs $5, $6", ["$$\na\n$$"]),
        ("- a\n  ```\n  echo $A\n  ```\n  $x$ b", []),
    ],
)
def test_prices_are_text_and_formulas_are_formulas(text, formulas):
    shown = sanitise(text)
    assert [formula for formula in remove_math(shown)[1] if formula in formulas or "\n  " not in formula] == formulas
    html = lab_html(shown)
    for formula in formulas:
        html = html.replace(formula, "")
    for stretch in re.split("<[^>]*>", html):
        assert stretch.count("$") < 2  # MathJax pairs them up within one text of the page


def test_each_dollar_that_is_not_mathematics_is_kept_from_mathjax_by_name():
    assert sanitise("$5 or $6") == "<span class=tex2jax_ignore>&#36;</span>5 or $6"
