"""Model text made safe to show as Markdown in a notebook.

A cell that has just run is trusted, and JupyterLab and Notebook 7 do not sanitise trusted Markdown: a `<script>` in an answer
would run, an image would carry the conversation away. `sanitise` leaves nothing in the text that runs, fetches or navigates.
"""

from __future__ import annotations

import re

from nbchat.notebook.inline import html_text, inline_text
from nbchat.notebook.plain import join_surrogates

__all__ = ["html_text", "inline_text", "sanitise"]

_TAG = re.compile(r"\\?<(?=[A-Za-z/!?])")
_IMAGE = re.compile(r"!(?=\[)")
_LINK = re.compile(r"\](\(|:)(?![ \t]*(?:https?://|mailto:|#)[\w\-./:?#&=+,;%~]*[ \t]*(?:\)|$))", re.MULTILINE)
_FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*([\w+#.\-]*)[ \t]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_OPEN = re.compile(r"^([ >]*(?:[-+*]|\d+[.)])?[ >]*)(`{3,}|~{3,})(.*)$", re.MULTILINE)
_SCHEME = re.compile(r"(?i)\b(?!https?://)([a-z][a-z0-9+.\-]*):(?=//)")


def sanitise(markdown: str, *, images: bool = False) -> str:
    """`markdown` with nothing in it that runs, fetches or navigates; ordinary Markdown looks as it did.

    Safe for any text, also one cut anywhere. With `images`, remote images of Markdown's own syntax are shown.
    """
    text = join_surrogates(markdown).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    shown, at = [], 0
    for fence in _FENCE.finditer(text):
        shown.append(_text(text[at : fence.start()]))
        code = fence[0] if fence[2].lower() != "mermaid" and "$" not in fence[0] else _text(fence[0])
        shown.append(code)
        at = fence.end()
    shown.append(_text(text[at:]))
    return "".join(shown)


def _text(text: str) -> str:
    text = _TAG.sub("&lt;", text)
    text = _IMAGE.sub("&#33;", text)
    text = _LINK.sub(lambda link: f"]&#{ord(link[1])};", text)
    text = _SCHEME.sub(r"\1&#58;", text)
    return _OPEN.sub(lambda line: line[1] + line[2] + re.sub(r"[^\w+#.\- ]|(?i:mermaid)", "", line[3]), text)
