"""Markdown documents to draw: harmless ones, in which every block may stand in every container."""

from hypothesis import strategies as st

PIXEL = "data:image/png;base64,iVBORw0KGgo="

_INLINE = [
    "word", "two words", "a_b", "_a_", "__a__", "5 < 6", "x & y", "&lt;b&gt;", "&amp;", "a&nbsp;b", "1. x", "2) b", "- x", "+ a", "-", "# x", "50%",
    "wörter", "*bold*", "**x**", "***x***", "*a **b** c*", "**a *b* c**", "***a** b*", "~~gone~~", "a*b*c", "**a**b", "*a*b", "*a*.", "(*a*)", '"*a*"',
    "**a:**", "**a** (b)", "**a**, *b*; *c*? ~~d~~)", "`code`", "`a<b`", "``a`b``", "` `", "`  a `", "`|`", "`$`", "`\\(`", "**`code`**", "\\*a\\*",
    "[link](http://a.b/c)", "[*l* `k`](http://a.b)", "*[l](http://a.b)*", "[a [b] c](http://d.e)", "<http://a.b>", f"![p]({PIXEL})",
    f"[![p]({PIXEL})](http://a.b)", "a\\\nb", "a  \nb", "a<br>b", "a<br>\nb", "a\nb", "**a\nb**", "*a*\n*b*", "*a*\\\n*b*", "`a`\\\n`b`", "!", "a!", "[x]", "[ ] c", "{y}",
    "|", "a | b", "http", ":", "x^2", '"q"',
]  # fmt: skip
_BLOCKS = [
    "```py\nx = 1\n\ny\n```", "~~~\n<b>\n~~~", "```\n```", "```\n\n```", "````\n```\n````", "```c++ x\ny  \n```", "```mermaid\ngraph TD\nA-->B\n```",
    "    indented\n\n      code", "---", "***", "# ", "#", "Title\n===", "a\n---", "> a\nb", "> - a\n> - b", "-", "1.", "-\n- a", "- a\n-", "- - a", "- a\n* b",
    "1. a\n1) b", "- a\n+ b\n- c", "- a\n\n\n- b", "- 1. a\n  2. b", "0. a", "999999999. a", "- # a\n- # b", "- > a\n- > b", "- a\n  # b\n  c", "1. > a\n   # b",
    "- ```\n  a\n  ```\n- ```\n  b\n  ```",
]  # fmt: skip

paragraphs = st.lists(st.sampled_from(_INLINE), min_size=1, max_size=4).map(" ".join)


def _table(rule, rows):
    return "\n".join(["| h | *i* |", rule, *(f"| {' | '.join(row)} |" for row in rows)])


def _quoted(text):
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def _listed(items, mark, apart):
    lines = []
    for number, item in enumerate(items):
        sign = mark if mark in "-*+" else f"{int(mark[:-1]) + number}{mark[-1]}"
        indented = "\n".join(f"{' ' * len(sign)} {line}" if line else "" for line in item.split("\n"))
        lines.append(sign + indented[len(sign) :])
    return apart.join(lines)


def _several(blocks):
    return st.lists(blocks, min_size=1, max_size=3).map("\n\n".join)


def _contained(blocks):
    items = st.lists(_several(blocks) | paragraphs | st.just(""), min_size=1, max_size=3)
    tasks = st.lists(paragraphs.map("[ ] {}".format), min_size=1, max_size=3)
    marks = st.sampled_from(["-", "*", "+", "1.", "1)", "7.", "98."])
    return (
        _several(blocks).map(_quoted)
        | st.builds(_listed, items, marks, st.sampled_from(["\n", "\n\n"]))
        | st.builds(_listed, tasks, st.just("-"), st.sampled_from(["\n", "\n\n"]))
    )


_cells = st.sampled_from(["a", "", "*b*", "`c`", "d e", "[l](http://a.b)", "f*g*"])
_tables = st.builds(
    _table,
    st.sampled_from(["|---|:-:|", "|:--|--:|", "|---|---|"]),
    st.lists(st.lists(_cells, min_size=2, max_size=2), min_size=1, max_size=3),
)
_headings = paragraphs.map(lambda text: f"## {text}".replace("\\\n", " ").replace("\n", " "))
documents = _several(
    st.recursive(paragraphs | _headings | _tables | st.sampled_from(_BLOCKS), _contained, max_leaves=6)
)
