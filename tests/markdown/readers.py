"""How others read Markdown: JupyterLab's way to HTML without a browser, and nbconvert's; and what in HTML is live.

`lab_html` does what `@jupyterlab/rendermime` does (`removeMath`, a parser, `replaceMath`), written anew from its rules and
with markdown-it in the place of marked. `tests/browser/test_safety.py` has the real thing.
"""

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_SPLIT = re.compile(
    r"(\$\$?|\\(?:begin|end)\{[A-Za-z]*\*?\}|\\[{}$]|[{}]|(?:\n\s*)+|@@[0-9]+@@|\\\\[()\[\]])", re.ASCII
)
_FENCE = re.compile(r"^(?P<fence>`{3,}|(?:~T){3,})[^`\n]*\n(?:[\s\S]*?)^(?P=fence)`*$", re.MULTILINE)
_CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.DOTALL)
_REFERENCES = {"&#64;": "\ue000", "&#46;": "\ue001", "&#58;": "\ue002"}
_INLINE = re.compile(r"(?:^|[^\\])(`+)(?:[^\n]*?[^`\n])\1(?!`)", re.MULTILINE)


def remove_math(text):
    """The text with a placeholder for each formula, and the formulas."""
    coded = "`" in text or "~~~" in text
    if coded:
        text = text.replace("~", "~T")
        text = _FENCE.sub(lambda code: code[0].replace("$", "~D"), text)
        text = _INLINE.sub(lambda code: code[0].replace("$", "~D"), text)
    blocks = _SPLIT.split(text)
    found = []
    for start, end in _formulas(blocks):
        found.append("".join(blocks[start : end + 1]))
        blocks[start : end + 1] = [f"@@{len(found) - 1}@@"] + [""] * (end - start)
    return _unhidden("".join(blocks), coded), [_unhidden(formula, coded) for formula in found]


def _unhidden(text, coded):
    return re.sub("~([TD])", lambda sign: "~" if sign[1] == "T" else "$", text) if coded else text


def _formulas(blocks):
    """Where formulas, and what looks like a placeholder, begin and end among the odd-numbered blocks."""
    start = end = last = None
    braces = 0
    index = 1
    while index < len(blocks):
        block = blocks[index]
        if block.startswith("@"):
            yield index, index
        elif start is not None:
            if block == end and not braces:
                yield start, index
                start = None
            elif block == end:
                last = index
            elif block.startswith("\n") and block.count("\n") > 1:
                if last is not None:
                    yield start, last
                    index = last
                start = last = None
            elif block in "{}":
                braces = max(0, braces + (1 if block == "{" else -1))
        elif block in ("$", "$$", "\\\\(", "\\\\[") or block[1:6] == "begin":
            start, last, braces = index, None, 0
            end = {"\\\\(": "\\\\)", "\\\\[": "\\\\]"}.get(block, "\\end" + block[6:] if "begin" in block else block)
        index += 2
    if start is not None and last is not None:
        yield start, last


def lab_html(markdown):
    """What JupyterLab would put into the page."""
    text, formulas = remove_math(markdown)
    formulas = [
        re.sub("[&<>]", lambda sign: {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[sign[0]], one) for one in formulas
    ]
    for reference, place in _REFERENCES.items():  # marked leaves character references as they are
        text = text.replace(reference, place)
    html = _PARSER.render(text)
    for joint in re.finditer(r"(?:https?://|www\.)[^\s<]*?@@([0-9]+)@@", _CODE.sub("", html), re.IGNORECASE):
        if not formulas[int(joint[1])].startswith("@@"):
            html += f'<a joint="{joint[0]}">'  # marked makes a link of it, and the formula would stand in its attribute
    html = re.sub("@@([0-9]+)@@", lambda place: formulas[int(place[1])], html)
    for reference, place in _REFERENCES.items():
        html = html.replace(place, reference)
    return html


def nbconvert_html(markdown):
    """What nbconvert makes of it."""
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    return markdown2html_mistune(markdown)


TAGS = {
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "blockquote",
    "pre",
    "code",
    "em",
    "strong",
    "del",
    "s",
    "a",
    "img",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "hr",
    "br",
    "span",
    "div",
    "input",
    "sub",
    "sup",
    "kbd",
    "mark",
    "u",
    "dl",
    "dt",
    "dd",
}
ATTRIBUTES = {
    "href",
    "title",
    "src",
    "alt",
    "class",
    "id",
    "align",
    "start",
    "style",
    "type",
    "checked",
    "disabled",
    "data-align",
    "rel",
    "target",
}
ADDRESS = re.compile(r"https?://[^\s/]|mailto:|#", re.IGNORECASE | re.ASCII)
IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*")


class _Page(HTMLParser):
    """The elements of a page, and the flow of its text among them."""

    def __init__(self, html):
        super().__init__()
        self.dangers = []
        self.look = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in TAGS:
            self.dangers.append(f"<{tag}>")
        for name, value in attrs.items():
            value = value or ""
            if (
                name not in ATTRIBUTES
                or (name == "href" and not ADDRESS.match(value))
                or (name == "src" and not IMAGE.fullmatch(value))
                or (name == "style" and not re.fullmatch("text-align: ?(left|right|center);?", value))
                or (name == "type" and value != "checkbox")
            ):
                self.dangers.append(f"<{tag} {name}={value}>")
        if tag != "span":
            shown = {name: attrs[name] for name in ("class", "style", "src", "start") if name in attrs}
            self.look.append((tag, bool(attrs.get("href")), tuple(shown.items())))

    def handle_endtag(self, tag):
        if tag not in ("span", "br"):
            self.look.append("/" + tag)

    def handle_data(self, data):
        data = data.replace("\u2060", "")
        if self.look and isinstance(self.look[-1], list):
            self.look[-1][0] += data
        else:
            self.look.append([data])

    def handle_comment(self, data):
        self.dangers.append(f"<!--{data}-->")

    handle_decl = unknown_decl = handle_pi = handle_comment


def dangers(html):
    """Return what in the HTML runs, fetches or links somewhere that it must not."""
    return _Page(html).dangers


def look(html):
    """The HTML as a reader sees it: elements and text, without where links lead; blanks as a browser shows them."""
    flow = [part if not isinstance(part, list) else " ".join(part[0].split()) for part in _Page(html).look]
    return [part for part in flow if part != ""]
