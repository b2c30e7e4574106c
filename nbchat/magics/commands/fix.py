"""`%chat fix`, `explain` and `doc` ask the model about a cell; `%chat code` puts an answer's code into one."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Template
from typing import Any

from nbchat.cells.usage_error import UsageError
from nbchat.display import chrome
from nbchat.display.canvas import CellCanvas
from nbchat.display.presenting import make_presenter
from nbchat.frontend import registry
from nbchat.magics.commands.command import command, say
from nbchat.magics.commands.last_error import last_failure, last_source
from nbchat.values.answer.reply import Reply

__all__: list[str] = []


@command("fix")
def _fix(shell: Any, _rest: str) -> None:
    """Explain and repair the last failing cell; sends its source, the traceback's end, types and shapes, but no values."""
    failure = last_failure(shell)
    variables = "\n".join(failure.variables) or "(none)"
    reply = _ask("fix", source=failure.source, traceback=failure.traceback, variables=variables)
    _offer_changed(shell, reply, failure.source)


@command("explain")
def _explain(shell: Any, _rest: str) -> None:
    """Explain the previous cell."""
    _ask("explain", source=last_source(shell))


@command("doc")
def _doc(shell: Any, _rest: str) -> None:
    """Write docstrings and comments for the previous cell."""
    source = last_source(shell)
    _offer_changed(shell, _ask("doc", source=source), source)


@command("code", "[ID]")
def _code(shell: Any, rest: str) -> None:
    """Put the code of the last answer, or of a background cell's answer, into this cell."""
    from nbchat.magics import code_output, filled_cells

    session = registry().current
    if rest:
        code = filled_cells.code_of(rest)
    elif not session.turns or not (code := code_output.python_code(session.turns[-1].reply.text)):
        raise UsageError("The last answer of this session has no Python code.")
    say(shell, code_output.offer(shell, code, replace=True, source=rest))


def _ask(prompt: str, **fields: str) -> Reply:
    template = Template(files("nbchat.magics").joinpath("prompts", f"{prompt}.md").read_text(encoding="utf-8"))
    session = registry().current
    presenter = make_presenter(True, waiting=session.model or "")
    return session.ask(
        template.substitute(fields, fence=_fence(*fields.values())), display=presenter, continue_with="%chat continue"
    )


def _fence(*texts: str) -> str:
    """Return a code fence that none of the texts contains."""
    return "`" * max(3, *(1 + len(run) for text in texts for run in re.findall("`{3,}", text)), 3)


def _offer_changed(shell: Any, reply: Reply, before: str) -> None:
    """Show how the answer's code differs from the cell, and put it into a cell."""
    from nbchat.magics.code_output import difference, offer, python_code
    from nbchat.markdown.render import render
    from nbchat.markdown.terminal_text import plain_text

    canvas = CellCanvas(shell)
    code = python_code(reply.text)
    changes = difference(before, code) if code else ""
    if not changes:
        canvas.show(chrome.line("the answer changes no code"))
        return
    fence = _fence(changes)
    canvas.show({"text/markdown": render(f"{fence}diff\n{changes}\n{fence}"), "text/plain": plain_text(changes)})
    canvas.show(chrome.line(offer(shell, code, replace=True)))
