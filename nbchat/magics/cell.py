"""`%%chat`: parse the line, compose the message, ask, bind the reply."""

from __future__ import annotations

import re
from typing import Any

from nbchat.cells.arguments import named_schema, named_tools, show_data
from nbchat.cells.compose import Composed, compose, variants_of
from nbchat.cells.options import CellOptions, parse
from nbchat.cells.presentation import presentation
from nbchat.cells.usage_error import UsageError
from nbchat.cells.words import quoted
from nbchat.display import chrome
from nbchat.display.canvas import CellCanvas
from nbchat.display.kernel import running_cell_id
from nbchat.display.presenting import make_presenter
from nbchat.frontend import Session, registry
from nbchat.magics.filled_cells import asked_again, source_id
from nbchat.values.errors import Interrupted, NbchatError

__all__ = ["bind", "chat_cell", "continue_with"]

PASSED_ON = ("system", "once", "base_url", "key_env", "timeout", "unguarded", "tools", "schema", "cache")
"""nbchat's own options that `Session.ask` takes under the same name."""

NO_IDS = "this front end gives cells no ids: running a cell again adds a turn"

_notified: set[str] = set()
"""Notes already shown in this process."""


def chat_cell(shell: Any, line: str, body: str) -> None:
    """Run a `%%chat` cell. Raises UsageError for a bad line and NbchatError for later failures."""
    if line.strip() in ("--help", "-h"):
        from nbchat.magics.line import chat_line

        chat_line(shell, "help")
        return
    options = parse(line)
    text = re.sub("\r\n?", "\n", body).removesuffix("\n")  # IPython adds a line break
    if not text.strip():
        raise UsageError("The cell is empty: write the message below the %%chat line. Nothing was sent.")
    session, settings = registry().open(options.get("session")), _ask_options(options, shell.user_ns)
    if "each" in options.own:
        from nbchat.magics.rows import rows_cell

        rows_cell(shell, session, text, options, settings)
        return
    variants = [
        compose(part, shell.user_ns, raw=options.get("raw", False), images=options.get("image", ()))
        for part in (variants_of(text) if options.get("variants") else [text])
    ]
    if values := {name: value for each in variants for name, value in each.values.items()}:
        settings["values"] = values
    if options.is_sweep:
        from nbchat.magics.sweep import sweep_cell

        sweep_cell(shell, session, variants, options, settings)
    elif options.get("dry_run"):
        _show_dry_run(shell, session, variants[0], settings)
    else:
        settings["continue_with"] = continue_with(session, options)
        source = source_id(running_cell_id(shell), f"{line}\n{body}") if options.get("code") else ""
        _answer(shell, session, variants[0], options, settings, source)


def _answer(
    shell: Any, session: Session, composed: Composed, options: CellOptions, settings: dict[str, Any], source: str
) -> None:
    """Show and bind the answer to a message; `source` names the cell if its code is wanted (`--code`), else it is empty."""
    if options.get("background"):
        from nbchat.magics import background

        background.start(shell, session, composed, options, settings, source)
        return
    had_code = bool(source) and asked_again(source)
    cell_id = running_cell_id(shell)
    notes = (*composed.notes, *_rerun_notice(session, composed, cell_id))
    presenter = make_presenter(True, **presentation(session, options, notes, continue_with=settings["continue_with"]))
    try:
        reply = session.ask(composed.message, display=presenter, cell_id=cell_id, **settings)
    except (NbchatError, Interrupted) as failure:
        if failure.reply is not None:  # bind a partial answer as well
            bind(shell, failure.reply, options.get("into"))
        raise
    bind(shell, reply, options.get("into"))
    if reply.data is not None:
        show_data(CellCanvas(shell), reply.data)
    if source:
        from nbchat.magics.code_output import offer_answer

        CellCanvas(shell).show(chrome.line(offer_answer(shell, reply.text, source, had_code=had_code)))


def _rerun_notice(session: Session, composed: Composed, cell_id: str | None) -> list[str]:
    """Return a notice if a cell seems to run again but can't be identified."""
    turns = session.turns
    if cell_id is not None or not turns or turns[-1].message != composed.message or NO_IDS in _notified:
        return []
    _notified.add(NO_IDS)
    return [NO_IDS]


def _ask_options(options: CellOptions, namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the options for `Session.ask`."""
    own = {name: options.own[name] for name in PASSED_ON if name in options.own}
    if options.get("no_cache"):
        own["cache"] = False
    if "tools" in own:
        own["tools"] = named_tools(own["tools"], namespace)
    if "schema" in own:
        own["schema"] = named_schema(own["schema"], namespace)
    return {**options.params, **own}


def continue_with(session: Session, options: CellOptions) -> str:
    """Return the line that continues a cell's answer; empty = none."""
    if options.get("once"):
        return ""
    return "%chat continue" + ("" if session is registry().current else f" --session {quoted(session.name)}")


def _show_dry_run(shell: Any, session: Session, composed: Composed, settings: dict[str, Any]) -> None:
    from nbchat.magics.dry_run import dry_run_bundles

    canvas = CellCanvas(shell)
    for bundle in dry_run_bundles(
        session.exchange(composed.message, cell_id=running_cell_id(shell), **settings).ask, composed
    ):
        canvas.show(bundle)


def bind(shell: Any, value: object, name: str | None) -> None:
    """Bind a reply or sweep to a name, if given, and to `_` and `Out` like any cell value."""
    if name:
        shell.user_ns[name] = value
    shell.displayhook.update_user_ns(value)
