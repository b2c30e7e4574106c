"""Cells filled with an answer's code, marked so that Run All never runs the code of an outdated answer.

The mark is a comment that names the `%%chat --code` cell and a digest of the code. Once that cell has been run again,
cells with code of its earlier answers refuse to run. Without nbchat, or in a kernel where the cell was not run, the mark
is only a comment.
"""

from __future__ import annotations

import re
from hashlib import sha256

from nbchat.cells.usage_error import UsageError

__all__ = ["answered", "asked_again", "code_of", "marked", "refuse_stale", "source_id"]

_COMMENTS = {
    **dict.fromkeys(("html", "HTML", "svg", "SVG", "markdown"), ("<!-- ", " -->")),
    **dict.fromkeys(("javascript", "js"), ("// ", "")),
    "latex": ("% ", ""),
    "sql": ("-- ", ""),
}
"""Comment delimiters by cell magic; the default is `#`."""

_MARK = re.compile(r"nbchat: code of answer ([0-9a-f]+) to %%chat --code ([0-9a-f]+)")

_codes: dict[str, str | None] = {}
"""Code of the latest answer by cell id, in this process: "" = no code, None = not arrived yet."""


def source_id(slot: str | None, text: str) -> str:
    """Return a short name for a `%%chat --code` cell, derived from its id or, without one, its text."""
    return sha256((slot or text).encode("utf-8", "replace")).hexdigest()[:8]


def asked_again(source: str) -> bool:
    """Record that a cell asks again; return whether its previous answer had code."""
    before = _codes.get(source)
    _codes[source] = None
    return bool(before)


def answered(source: str, code: str) -> None:
    """Record the code of a cell's answer; empty = none."""
    _codes[source] = code


def code_of(source: str) -> str:
    """Return the code of a cell's latest answer. Raises UsageError if there is none."""
    if source not in _codes:
        raise UsageError(f"No answer {source!r} is known in this kernel: run its %%chat --code cell first.")
    code = _codes[source]
    if code is None:
        raise UsageError("The answer has not arrived yet; run this cell again when it has.")
    if not code:
        raise UsageError("The answer has no Python code.")
    return code


def marked(code: str, source: str) -> str:
    """Return the code with its mark, placed below any cell magic."""
    magic = re.match(r"%%(\w+)[^\n]*\n?", code)
    before, after = _COMMENTS.get(magic[1] if magic else "", ("# ", ""))
    mark = f"{before}nbchat: code of answer {_digest(code)} to %%chat --code {source}{after}\n"
    return magic[0].rstrip("\n") + "\n" + mark + code[magic.end() :] if magic else mark + code


def refuse_stale(lines: list[str]) -> list[str]:
    """Return the lines unchanged. Raises UsageError if they hold the code of an outdated answer."""
    mark = next((found for line in lines[:2] if (found := _MARK.search(line))), None)
    if mark is None or mark[2] not in _codes:
        return lines
    latest = _codes[mark[2]]
    if latest and _digest(latest) == mark[1]:
        return lines
    now = "has different code" if latest else "has no code" if latest == "" else "has not arrived yet"
    raise UsageError(
        "This cell holds the code of an earlier answer; its %%chat --code cell was run again, and the new answer "
        f"{now}. Delete this cell, or remove the comment that marks it to run it anyway."
    )


def _digest(code: str) -> str:
    return sha256(code.encode("utf-8", "replace")).hexdigest()[:8]
