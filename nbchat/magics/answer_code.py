"""Extract the Python code of an answer as one cell that parses, without console prompts and outputs."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from nbchat.markdown.code_blocks import code_blocks

__all__ = ["AnswerCode", "code_in", "parsed", "without_prompts"]

LONGEST_LEAD = 300
"""Characters of prose above a block that are searched for a label."""

LONGEST_INPUT = 200
"""Longest input, in lines, whose end is searched for."""

_PYTHON = re.compile(
    r"(?:i?python|py|micropython|pyodide|pycon|ipy|jupyter|sage|tool_code|code_interpreter)[\d]*"
    r"(?:[-_]?(?:repl|console|con|shell|session|interactive|code|cell|notebook|lab|script|python))*[\d]*"
)
_GENERIC = frozenset({"code", "code-cell", "cell", "code-block", "codeblock", "example", "script"})
_SESSIONS = frozenset({"console", "terminal", "repl", "doctest", "session", "shell", "shell-session"})
_OUTPUT = re.compile(
    r".*(?:output|traceback|stdout|stderr)|out|text|txt|plain|plaintext|results?|pytb|py3tb|log|error|console-result"
)
_ANNOUNCES_OUTPUT = re.compile(
    r"\W*(?:(?:the|its?|your|and|with|sample|example|expected|program|console|terminal|printed)\s+)*"
    r"(?:outputs?|results?|prints|stdout|traceback|out\[\d+\])\b"
    r"(?:\s*\([^)]*\)|\s+(?:is|are|looks?|like|will|would|should|be|as|follows|of|the|above|code|script|this|that)\b)*\W*"
    r"|.*\b(?:prints?|outputs?|gives?|returns?|displays?|shows?|produces?|yields?)\W*",
    re.IGNORECASE,
)

_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.)(?: |$)")
_IN_PROMPT = re.compile(r"[ \t]*In ?\[[\d ]*\]: ?")
_MORE_PROMPT = re.compile(r"[ \t]*\.\.\.+: ?")
_OUT_PROMPT = re.compile(r"[ \t]*Out ?\[[\d ]*\]:")
_ESCAPED = re.compile(  # !ls, %magic, files = !ls, help?
    r"^([ \t]*)(?:(?:[\w.,\[\] ]+=[ \t]*)?(?:!!?|%)[^\s=%].*|\?{1,2}[%\w.*]+|[%\w.*]+\?{1,2})[ \t]*$", re.MULTILINE
)
_CELL_MAGIC = re.compile(r"%%(\w+)")
_PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun"})
"""Cell magics whose body is plain Python: the code means the same without them."""


class AnswerCode(NamedTuple):
    """Code for a cell (empty = none in the answer), with a short note for each part left out."""

    code: str
    notes: tuple[str, ...] = ()


def code_in(markdown: str) -> AnswerCode:
    """Return the code of an answer.

    Uses blocks labelled as Python; if there are none, unlabelled blocks that parse as code; if none of those either, an
    answer that is code as a whole. Code that does not parse is left out unless there is nothing else.
    """
    markdown = markdown.replace("\r\n", "\n")
    blocks = [code for code in map(without_prompts, _blocks(markdown)) if code.strip()]
    notes: list[str] = []
    blocks = list(_with_magics_on_top(blocks, notes))
    if len(blocks) > 1 and _error_in("\n\n".join(blocks)):
        errors = [_error_in(block) for block in blocks]
        if not all(errors):
            notes += [f"left out a block that does not parse ({error})" for error in errors if error]
            blocks = [block for block, error in zip(blocks, errors, strict=True) if not error]
    return AnswerCode("\n\n".join(blocks), tuple(dict.fromkeys(notes)))


def parsed(code: str) -> ast.Module:
    """Parse Python, or IPython code with its own syntax replaced by `pass`. Raises only SyntaxError."""
    if magic := _CELL_MAGIC.match(code):
        code = code.partition("\n")[2] if magic[1] in _PYTHON_MAGICS else ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escape sequences are not worth a warning
            try:
                tree = ast.parse(code)
            except SyntaxError:
                tree = ast.parse(_ESCAPED.sub(r"\1pass", code))
            compile(tree, "<answer>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            return tree
    except SyntaxError:
        raise
    except (ValueError, MemoryError, RecursionError) as error:  # a null byte; nested too deep
        raise SyntaxError(str(error) or "it is nested too deep") from None


def _error_in(code: str) -> str:
    """Return the syntax error of code with its line; empty = it parses."""
    try:
        parsed(code)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)
    return ""


def _blocks(markdown: str) -> list[str]:
    """Return the contents of the relevant code blocks."""
    found = code_blocks(markdown)
    labelled: list[str] = []
    others: list[str] = []
    for block in found:
        content = block.content.rstrip("\n")
        label = _label(block.info or "")
        announced = _is_announced(markdown[max(0, block.start - LONGEST_LEAD) : block.start])
        is_session = label == "session" and content.lstrip().startswith(">>>")
        if is_session or (label == "python" and not (announced and _is_data(content))):
            labelled.append(content)
        elif not label and not announced and _is_code(without_prompts(content)):
            others.append(content)
    if labelled or others:
        return labelled or others
    whole = "" if any(block.info is not None for block in found) else without_prompts(markdown.strip("\n"))
    return [whole] if _is_code(whole) else []


def _label(info: str) -> str:
    """Classify a fence's info string: "python", "" (unlabelled), "session" or "other"."""
    words = info.strip().lower()
    if re.fullmatch(r"[\w./\\-]+\.(?:py|pyi|ipynb)", words):
        return "python"
    names = [
        re.sub(r"^(?:language|lang|text/x|application/x|x)-", "", name)
        for name in re.split(r"[\s{}.,:;=|()\[\]\"']+", words)
    ]
    names = [name for name in names if name and name not in _GENERIC]
    if not names:
        return ""
    if any(_OUTPUT.fullmatch(name) for name in names[:2]):
        return "other"
    if _PYTHON.fullmatch(names[0]):
        return "python"
    return "session" if names[0] in _SESSIONS else "other"


def _is_announced(before: str) -> bool:
    """Whether the prose above a block announces an output."""
    line = before.rstrip().rpartition("\n")[2]
    return bool(_ANNOUNCES_OUTPUT.fullmatch(line))


def _is_code(text: str) -> bool:
    """Whether unlabelled text is code: it parses, and is more than bare names or values."""
    try:
        tree = parsed(text)
    except SyntaxError:
        return False
    lines = text.split("\n")
    return any(_acts(statement, lines) for statement in tree.body)


def _acts(statement: ast.stmt, lines: list[str]) -> bool:
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None  # "Note: this" is an annotation too
    if not isinstance(statement, ast.Expr):
        return True
    calls = [node for node in ast.walk(statement) if isinstance(node, (ast.Call, ast.Subscript))]
    for node in calls:
        target = node.func if isinstance(node, ast.Call) else node.value
        row, column = (target.end_lineno or 1) - 1, target.end_col_offset or 0
        behind = lines[row].encode()[column : column + 1] if row < len(lines) else b""
        if behind != b" ":  # "see (below)" is prose
            return True
    return False


def _is_data(code: str) -> bool:
    """Whether a block holds only literal values, as an output would."""
    try:
        ast.literal_eval(code.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return not _is_code(code)
    return True


def without_prompts(code: str) -> str:
    """Strip prompts and outputs from a console session; other code is returned unchanged."""
    lines = code.split("\n")
    if any(_IN_PROMPT.match(line) for line in lines):
        return "\n".join(_notebook_input(lines)).strip("\n")
    if any(re.match(r"[ \t]*>>>(?: |$)", line) for line in lines):
        return "\n".join(line[prompt.end() :] for line in lines if (prompt := _PROMPT.match(line))).strip("\n")
    return code


def _notebook_input(lines: list[str]) -> Iterator[str]:
    """Return the input lines after `In [1]:` and their continuation lines; lines from `Out[1]:` on are dropped."""
    open_input: list[str] | None = None
    for line in lines:
        if prompt := _IN_PROMPT.match(line):
            open_input = [line[prompt.end() :]]
            yield line[prompt.end() :]
        elif _OUT_PROMPT.match(line):
            open_input = None
        elif more := _MORE_PROMPT.match(line):
            yield line[more.end() :]
        elif open_input is not None:
            if line[:1].isspace() or len(open_input) > LONGEST_INPUT or not _is_whole(open_input):
                open_input.append(line)
                yield line
            else:
                open_input = None  # printed output


def _is_whole(lines: list[str]) -> bool:
    """Whether an input is complete. All lines below an `In [1]:` on a line of its own belong to it."""
    return bool(lines[0].strip()) and not _error_in("\n".join(lines))


def _with_magics_on_top(blocks: list[str], notes: list[str]) -> Iterator[str]:
    """Keep `%%magics` only where they work: at the top of the first block."""
    for number, block in enumerate(blocks):
        lines = block.strip("\n").split("\n")
        magics = [(place, magic[1]) for place, line in enumerate(lines) if (magic := _CELL_MAGIC.match(line))]
        if not magics:
            yield block
            continue
        first, name = magics[0]
        on_top = number == 0 and all(not line.strip() or line.lstrip().startswith("#") for line in lines[:first])
        if on_top and name not in _PYTHON_MAGICS:  # the magic takes the whole cell
            yield "\n".join(lines[first:])
            if blocks[1:]:
                notes.append(f"left out what follows the %%{name} cell")
            return
        if foreign := [name for _, name in magics if name not in _PYTHON_MAGICS]:
            notes.append(f"left out a %%{foreign[0]} block, which needs a cell of its own")
            continue
        notes += [f"left out %%{name}, which works only at the top of a cell" for _, name in magics[on_top:]]
        yield "\n".join([*lines[first : first + on_top], *(line for line in lines if not _CELL_MAGIC.match(line))])
