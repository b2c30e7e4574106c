"""`%chat`: line commands; without one, the current state."""

from __future__ import annotations

import re
from typing import Any

from nbchat.api.http.addresses import public_url
from nbchat.cells.compose import compose
from nbchat.cells.options import CellOptions, option_line, parse, read, unescaped
from nbchat.cells.presentation import presentation
from nbchat.cells.usage_error import UsageError
from nbchat.cells.words import split
from nbchat.conversation.servers.connection import models
from nbchat.display import chrome
from nbchat.display.footer import tokens_text
from nbchat.display.kernel import DISPLAYS, choose_display, takes_updates
from nbchat.display.presenting import make_presenter
from nbchat.frontend import Session, make_panel, registry
from nbchat.magics import background
from nbchat.magics.cell import continue_with
from nbchat.magics.commands import connect, fix, presets  # noqa: F401  # for their commands
from nbchat.magics.commands.command import COMMANDS, command, say, show
from nbchat.magics.commands.help import overview
from nbchat.magics.commands.memory import changed_data, journal_location
from nbchat.magics.commands.spending import budget_text, cost_of
from nbchat.values.answer.reply import Reply
from nbchat.values.key_shapes import without_keys
from nbchat.values.params import PARAMETERS, nearest
from nbchat.values.wording import pluralize

__all__ = ["COMMANDS", "chat_line", "overview"]

SET_TAKES = "%chat set takes NAME=VALUE, such as temperature=0.2 or top_p=none"


def chat_line(shell: Any, line: str) -> Any:
    """Run a `%chat` line. Raises UsageError for a bad line and NbchatError for later failures."""
    word, _, rest = line.strip().partition(" ")
    if not word:
        return _status(shell)
    if word in ("--help", "-h"):
        word = "help"
    elif not rest and word.endswith("?"):
        word, rest = "help", word.rstrip("?")
    if word not in COMMANDS:
        raise UsageError(f"Unknown command {without_keys(word)!r}.{_instead(word)}")
    found = COMMANDS[word]
    if rest.strip() and not found.takes:
        raise UsageError(f"%chat {word} takes no argument; got {without_keys(rest.strip())!r}.")
    return found.run(shell, rest.strip())


def _instead(word: str) -> str:
    """Return what to type for an unknown command, to append to a sentence."""
    if word.replace("-", "_") in PARAMETERS:
        return f" Did you mean %chat set {word}=…?"
    if word.startswith("-"):
        return " Options go on a %%chat line, with the message below it; %chat set keeps them for later messages."
    return nearest(word, COMMANDS) or " %chat help lists the commands; %chat ask TEXT sends a message."


def _status(shell: Any) -> None:
    """Show the current state: server, model, parameters, session, tokens, cost."""
    session = registry().current
    endpoint = session.endpoint
    address = public_url(endpoint.base_url)
    key = (
        "none needed" if endpoint.is_own else "none" if endpoint.key is None else f"from {endpoint.key_env or 'memory'}"
    )
    rows = [
        ["server", endpoint.title + (f" ({address})" if address not in ("", endpoint.title) else "")],
        ["model", session.model or "none chosen yet: %chat models lists them"],
        ["key", key],
        *([["headers", ", ".join(name for name, _ in endpoint.headers)]] if endpoint.headers else []),
        ["parameters", option_line(dict(session.params.items())) or "none set: the server decides"],
        ["system", session.system or "none"],
        ["session", f"{session.name}, {pluralize(len(session.turns), 'turn')}"],
        ["tokens", tokens_text(session.usage)],
        ["cost", cost_of([entry.cost for entry in session.ledger()])],
        ["budget", budget_text(session)],
        ["journal", journal_location()],
    ]
    if changed := changed_data(session, shell.user_ns):
        rows.append(["data has changed", changed])
    if count := background.running():
        rows.append(["in the background", pluralize(count, "cell")])
    show(shell, chrome.table([], rows))


def _shown(session: Session, options: CellOptions, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the options of a request whose answer is shown in this cell."""
    command = continue_with(session, options)
    presenter = make_presenter(True, **presentation(session, options, notes, continue_with=command))
    return {"display": presenter, "continue_with": command}


@command("ask", "TEXT")
def _ask(shell: Any, rest: str) -> Reply:
    """Send one line; the answer streams below."""
    if not rest:
        raise UsageError("%chat ask needs a message: %chat ask TEXT.")
    composed = compose(rest, shell.user_ns)
    options = CellOptions()
    return registry().current.ask(composed.message, **_shown(registry().current, options, composed.notes))


@command("models", "[TEXT]")
def _models(shell: Any, rest: str) -> None:
    """List the server's models; with TEXT, those whose names contain it."""
    session = registry().current
    names = [name for name in models(session.endpoint) if rest.lower() in name.lower()]
    if not names:
        say(
            shell,
            f"{session.endpoint.title} lists no models"
            + (f" with {without_keys(rest)!r} in its name." if rest else "."),
        )
        return
    current = session.model
    show(shell, chrome.text_block("\n".join(f"{'*' if name == current else ' '} {name}" for name in names)))


@command("set", "NAME=VALUE …")
def _set(shell: Any, rest: str) -> None:
    """Set parameters for later messages; NAME=none unsets one."""
    session = registry().current
    if rest.startswith("display="):
        _display(shell, rest.removeprefix("display="))
        return
    if not rest:
        raise UsageError(SET_TAKES + ".")
    session.params = session.params.replace(**_settings(rest))
    say(shell, option_line(dict(session.params.items())) or "nothing is set: the server decides")


def _settings(rest: str) -> dict[str, Any]:
    """Parse `name=value` words or cell options into parameters."""
    if rest.startswith("-"):
        options = parse(rest)
        if options.own or options.axes:
            raise UsageError("%chat set takes parameters, one value each: temperature=0.2 top_p=none.")
        return dict(options.params)
    changes: dict[str, Any] = {}
    for word in split(rest):
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if name == "system":
            raise UsageError("Set the system text with %chat system TEXT.")
        if not equals:
            raise UsageError(f"{SET_TAKES}; got {without_keys(word)!r}.")
        if name not in PARAMETERS:
            raise UsageError(f"There is no parameter {name}.{nearest(name, PARAMETERS)}")
        if name in changes:
            raise UsageError(f"{name} is given twice.")
        changes[name] = read(PARAMETERS[name], value)
    return changes


@command("display", "[auto|text]")
def _display(shell: Any, rest: str) -> None:
    """Show answers as plain text, for front ends that ignore output updates, or choose automatically; alone, show the choice."""
    if rest:
        _choose_display(rest)
    say(shell, "answers are rendered as they stream" if takes_updates(shell) else "answers are printed as plain text")


def _choose_display(name: str) -> None:
    try:
        choose_display(name)
    except ValueError:
        raise UsageError(f"%chat display takes {' or '.join(DISPLAYS)}; got {name!r}.") from None


@command("panel")
def _panel(shell: Any, _rest: str) -> None:
    """Show widgets for the model, its parameters and the conversation."""
    make_panel().display(shell)


@command("system", "[TEXT]")
def _system(shell: Any, rest: str) -> None:
    """Set this session's system text; none removes it; alone, show it."""
    session = registry().current
    if rest:
        quoted = re.fullmatch(r"(['\"])(.*)\1", rest, re.DOTALL)
        session.system = None if rest.lower() == "none" else unescaped(quoted[2] if quoted else rest)
    say(shell, f"system: {session.system}" if session.system else "no system text")


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


@command("undo", "[N]")
def _undo(shell: Any, rest: str) -> None:
    """Undo the last turn, or the last N."""
    if rest and not rest.isdecimal():
        raise UsageError(f"%chat undo takes a number of turns; got {rest!r}.")
    taken = registry().current.undo(int(rest or 1))
    say(shell, f"undid {pluralize(len(taken), 'turn')}; {len(registry().current.turns)} left")


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


@command("stop")
def _stop(shell: Any, _rest: str) -> None:
    """Stop all background answers; the partial answers are kept."""
    count = background.stop()
    say(shell, f"stopped {pluralize(count, 'background answer')}" if count else "nothing is running in the background")


@command("fork", "[NAME]")
def _fork(shell: Any, rest: str) -> None:
    """Copy this session and continue in the copy; the original stays as it is."""
    branch = registry().fork(rest or None)
    say(shell, f"now in session {branch.name}, {pluralize(len(branch.turns), 'turn')}")


@command("export", "FILE")
def _export(shell: Any, rest: str) -> None:
    """Write the conversation to FILE: .md to read, .json, .jsonl or .ipynb to import again."""
    if not rest:
        raise UsageError("%chat export needs a file name ending in .md, .json, .jsonl or .ipynb.")
    path = registry().current.export("".join(split(rest)) if rest[0] in "'\"" else rest)
    say(shell, f"wrote {pluralize(len(registry().current.turns), 'turn')} to {path}")


@command("import", "FILE")
def _import(shell: Any, rest: str) -> None:
    """Open a conversation exported as .json, .jsonl or .ipynb, as a new session."""
    if not rest:
        raise UsageError("%chat import needs the name of a .json, .jsonl or .ipynb file.")
    session = registry().add(Session.load("".join(split(rest)) if rest[0] in "'\"" else rest))
    say(shell, f"now in session {session.name}, {pluralize(len(session.turns), 'turn')}")
