"""Cells that hold an answer's code: marked, so that Run All never runs the code of an earlier answer.

A mark is a comment that names the `%%chat --code` cell and the code that its answer had. Once that cell has asked again,
cells with the code of its earlier answers refuse to run; without nbchat, or in a kernel where it was not asked, a mark is
a comment.
"""

from __future__ import annotations

import re
from hashlib import sha256

from IPython.core.error import UsageError

__all__ = ["answered", "asked_again", "code_of", "marked", "refuse_stale", "source_id"]

_COMMENTS = {
    **dict.fromkeys(("html", "HTML", "svg", "SVG", "markdown"), ("<!-- ", " -->")),
    **dict.fromkeys(("javascript", "js"), ("// ", "")),
    "latex": ("% ", ""),
    "sql": ("-- ", ""),
}
"""How the languages of cell magics write a comment; all others with `#`."""

_MARK = re.compile(r"nbchat: code of answer ([0-9a-f]+) to %%chat --code ([0-9a-f]+)")

_codes: dict[str, str | None] = {}
"""The code of the latest answer by its cell's id, for this process: "" = it had none, None = it has not come."""


def source_id(slot: str | None, text: str) -> str:
    """A short name of a `%%chat --code` cell: of its id, or where the front end gives none, of its text."""
    return sha256((slot or text).encode("utf-8", "replace")).hexdigest()[:8]


def asked_again(source: str) -> bool:
    """Note that a cell asks; whether an answer of it had code before."""
    before = _codes.get(source)
    _codes[source] = None
    return bool(before)


def answered(source: str, code: str) -> None:
    """Note the code that a cell's answer had; empty = none."""
    _codes[source] = code


def code_of(source: str) -> str:
    """The code of a cell's latest answer. Raises UsageError where there is none."""
    if source not in _codes:
        raise UsageError(f"No answer {source!r} is known in this kernel: run its %%chat --code cell first.")
    code = _codes[source]
    if code is None:
        raise UsageError("The answer has not come yet: run this cell again when it has.")
    if not code:
        raise UsageError("The answer has no Python code.")
    return code


def marked(code: str, source: str) -> str:
    """The code with its mark, which stands below a cell magic."""
    magic = re.match(r"%%(\w+)[^\n]*\n?", code)
    before, after = _COMMENTS.get(magic[1] if magic else "", ("# ", ""))
    mark = f"{before}nbchat: code of answer {_digest(code)} to %%chat --code {source}{after}\n"
    return magic[0].rstrip("\n") + "\n" + mark + code[magic.end() :] if magic else mark + code


def refuse_stale(lines: list[str]) -> list[str]:
    """The lines of a cell that may run. Raises UsageError for the code of an earlier answer."""
    mark = next((found for line in lines[:2] if (found := _MARK.search(line))), None)
    if mark is None or mark[2] not in _codes:
        return lines
    latest = _codes[mark[2]]
    if latest and _digest(latest) == mark[1]:
        return lines
    now = "it has other code" if latest else "it has no code" if latest == "" else "it has not come"
    raise UsageError(
        "This cell holds the code of an earlier answer. Its %%chat --code cell has asked again, and the answer now: "
        f"{now}. Delete this cell, or the comment that marks it to run it all the same."
    )


def _digest(code: str) -> str:
    return sha256(code.encode("utf-8", "replace")).hexdigest()[:8]
