"""`%chat`: line commands; without one, the current state."""

from __future__ import annotations

from typing import Any

from nbchat.api.http.addresses import public_url
from nbchat.cells.options import option_line
from nbchat.cells.usage_error import UsageError
from nbchat.data.interpolation.interpolate import interpolate
from nbchat.display import chrome
from nbchat.display.footer import tokens_text
from nbchat.frontend import registry
from nbchat.magics import background
from nbchat.magics.commands import asking, connect, fix, settings  # noqa: F401  # for their commands
from nbchat.magics.commands.command import COMMANDS, show
from nbchat.magics.commands.help import overview
from nbchat.magics.commands.history import changed_data
from nbchat.magics.commands.sessions import journal_location
from nbchat.magics.commands.spending import budget_text, cost_of
from nbchat.values.key_shapes import without_keys
from nbchat.values.params import PARAMETERS
from nbchat.values.wording import nearest, pluralize

__all__ = ["COMMANDS", "chat_line", "overview"]


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
    if word in ("connect", "export", "import"):
        rest = interpolate(rest, shell.user_ns).text
    return found.run(shell, rest.strip())


_MEANT = {
    "cost": "usage",
    "delete": "forget NAME",
    "list": "history",
    "load": "import FILE",
    "login": "key",
    "new": "clear",
    "reset": "clear",
    "save": "export FILE",
    "unset": "set NAME=none",
}
"""Commands by the names that other tools give them."""


def _instead(word: str) -> str:
    """Return what to type for an unknown command, to append to a sentence."""
    if word in _MEANT:
        return f" Did you mean %chat {_MEANT[word]}?"
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
