"""`%chat ask`, `retry`, `continue` and `stop`."""

from __future__ import annotations

from typing import Any

from nbchat.cells.compose import compose
from nbchat.cells.options import CellOptions, parse
from nbchat.cells.presentation import presentation
from nbchat.cells.usage_error import UsageError
from nbchat.display.presenting import make_presenter
from nbchat.frontend import Session, registry
from nbchat.magics import background
from nbchat.magics.cell import continue_with
from nbchat.magics.commands.command import command, say
from nbchat.values.answer.reply import Reply
from nbchat.values.wording import pluralize

__all__: list[str] = []


@command("ask", "TEXT")
def _ask(shell: Any, rest: str) -> Reply:
    """Send one line; the answer streams below."""
    if not rest:
        raise UsageError("%chat ask needs a message: %chat ask TEXT.")
    composed = compose(rest, shell.user_ns)
    options = CellOptions()
    return registry().current.ask(composed.message, **_shown(registry().current, options, composed.notes))


@command("retry", "[OPTIONS] [--session NAME]")
def _retry(shell: Any, rest: str) -> Reply:
    """Ask the last message again, with these options for this request only; the old answer stays as a version."""
    session, options = _session_and_params("retry", rest)
    return session.retry(**_shown(session, options), **options.params)


@command("continue", "[OPTIONS] [--session NAME]")
def _continue(shell: Any, rest: str) -> Reply:
    """Continue the newest answer where it stopped."""
    session, options = _session_and_params("continue", rest)
    return session.resume(**_shown(session, options), **options.params)


def _session_and_params(word: str, rest: str) -> tuple[Session, CellOptions]:
    """Return the session named on a line, else the current one, and the parameters on the line."""
    options = parse(rest)
    if options.own.keys() - {"session"} or options.axes:
        raise UsageError(f"%chat {word} takes parameters such as -t 0.5, one value each, and --session NAME.")
    return registry().existing(options.get("session")), options


def _shown(session: Session, options: CellOptions, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the options of a request whose answer is shown in this cell."""
    command = continue_with(session, options)
    presenter = make_presenter(True, **presentation(session, options, notes, continue_with=command))
    return {"display": presenter, "continue_with": command}


@command("stop")
def _stop(shell: Any, _rest: str) -> None:
    """Stop all background answers; the partial answers are kept."""
    count = background.stop()
    say(shell, f"stopped {pluralize(count, 'background answer')}" if count else "nothing is running in the background")
