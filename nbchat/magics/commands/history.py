"""`%chat history` and related commands: the turns of this session, and the versions of answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbchat.cells.usage_error import UsageError
from nbchat.conversation.context import checked_policy
from nbchat.conversation.turn import Turn
from nbchat.data.fingerprint import fingerprint
from nbchat.display import chrome
from nbchat.display.footer import cost_text, made_with, tokens_text
from nbchat.frontend import Session, registry
from nbchat.magics.commands.command import command, say, show
from nbchat.markdown.html import first_words
from nbchat.values.errors import SessionError
from nbchat.values.limits import one_line
from nbchat.values.optionline import option_line
from nbchat.values.wording import pluralize

__all__ = ["changed_data"]

WIDEST = 70


@command("history", "[N]")
def _history(shell: Any, rest: str) -> None:
    """Show the turns of this session; with N, the versions of turn N's answer and their settings."""
    session = registry().current
    if rest:
        _versions(shell, _turn(rest))
        return
    if not session.turns:
        say(shell, f"session {session.name}: no turns yet")
        return
    rows = []
    prints: dict[str, str] = {}
    for number, turn in enumerate(session.turns, 1):
        answer = _versioned(turn) + first_words(turn.reply.text, WIDEST)
        marks = ", ".join(filter(None, _marks(turn, shell.user_ns, prints)))
        made = made_with(turn.reply.model, turn.params.to_dict())
        rows.append([str(number), one_line(turn.message.as_typed, WIDEST), answer, made, marks])
    show(shell, chrome.table(["", "you", "answer", "made with", ""], rows))


def _versioned(turn: Turn) -> str:
    count = len(turn.versions)
    return f"‹{len(turn.earlier) + 1}/{count}› " if count > 1 else ""


def _marks(turn: Turn, namespace: Mapping[str, object], prints: dict[str, str]) -> list[str]:
    changed = _changed(turn, namespace, prints)
    return [
        "" if turn.reply.status == "complete" else turn.reply.status.replace("_", " "),
        "answered before an edit above" if turn.before_edit else "",
        f"{', '.join(changed)} changed since" if changed else "",
        "pinned" if turn.pinned else "",
        "left out" if turn.dropped else "",
        "replayed" if turn.reply.replayed else "",
    ]


def _changed(turn: Turn, namespace: Mapping[str, object], prints: dict[str, str]) -> list[str]:
    """Return the names of a turn's values that have changed since. `prints` caches fingerprints by name."""
    changed = []
    for name, then in turn.values.items():
        if name in namespace:
            if name not in prints:
                prints[name] = fingerprint(namespace[name])
            if prints[name] != then:
                changed.append(name)
    return changed


def changed_data(session: Session, namespace: Mapping[str, object]) -> str:
    """Describe the turns whose data has changed since they were answered; empty = none."""
    prints: dict[str, str] = {}
    found = ((number, _changed(turn, namespace, prints)) for number, turn in enumerate(session.turns, 1))
    return "; ".join(f"{', '.join(names)} since turn {number}" for number, names in found if names)


def _versions(shell: Any, turn: Turn) -> None:
    rows = []
    for number, version in enumerate(turn.versions, 1):
        mark = "*" if number == len(turn.earlier) + 1 else ""
        settings = option_line(dict(version.params.items()))
        facts = f"{tokens_text(version.reply.usage)} {cost_text(version.reply.cost)}".strip()
        rows.append(
            [
                mark,
                str(number),
                settings,
                one_line(version.message.as_typed, WIDEST),
                first_words(version.reply.text, WIDEST),
                facts,
            ]
        )
    show(shell, chrome.table(["", "version", "settings", "you", "answer", ""], rows))


@command("choose", "N V")
def _choose(shell: Any, rest: str) -> None:
    """Continue with version V of turn N's answer; %chat history N lists the versions."""
    words = rest.split()
    if len(words) != 2 or not words[1].isdecimal() or words[1] == "0":
        raise UsageError(f"%chat choose takes a turn number and a version number, such as 3 1; got {rest!r}.")
    session = registry().current
    turn = _turn(words[0])
    if int(words[1]) > len(turn.versions):
        raise SessionError(f"Turn {words[0]} has only {pluralize(len(turn.versions), 'version')}; got {words[1]}.")
    session.choose(turn, int(words[1]) - 1)
    say(shell, f"turn {words[0]} continues with version {words[1]} of {len(turn.versions)}")


@command("pin", "N")
def _pin(shell: Any, rest: str) -> None:
    """Pin turn N: it stays when the context must be shortened; run it again to unpin."""
    turn = _turn(rest)
    registry().current.pin(turn, not turn.pinned)
    say(shell, f"turn {rest} is {'no longer pinned' if turn.pinned else 'pinned: it stays in every request'}")


@command("drop", "N")
def _drop(shell: Any, rest: str) -> None:
    """Leave turn N out of later requests; run it again to include it."""
    turn = _turn(rest)
    registry().current.drop(turn, not turn.dropped)
    say(shell, f"turn {rest} is {'sent again' if turn.dropped else 'left out of requests'}")


@command("context", "[fit|retry|off|TOKENS]")
def _context(shell: Any, rest: str) -> None:
    """Set how the history is fitted to the model's window: fit, retry (also after a refusal), off, or a number of tokens."""
    session = registry().current
    if rest:
        number = rest.replace(",", "")
        session.context = checked_policy(int(number) if number.isdecimal() else rest)
    meaning = {
        "fit": "the oldest turns are left out if the model's window is known",
        "retry": "the oldest turns are left out if the window is known, or when the server answers that the request was too long",
        "off": "the whole history is sent",
    }
    policy = session.context
    effect = meaning[policy] if isinstance(policy, str) else "the oldest turns are left out beyond this many tokens"
    say(shell, f"context {policy}: {effect}; pinned turns stay")


@command("undo", "[N]")
def _undo(shell: Any, rest: str) -> None:
    """Undo the last turn, or the last N."""
    if rest and not rest.isdecimal():
        raise UsageError(f"%chat undo takes a number of turns; got {rest!r}.")
    taken = registry().current.undo(int(rest or 1))
    say(shell, f"undid {pluralize(len(taken), 'turn')}; {len(registry().current.turns)} left")


@command("clear")
def _clear(shell: Any, _rest: str) -> None:
    """Remove all turns from this session; its settings stay, and the journal keeps its turns until %chat forget."""
    session = registry().current
    count = len(session.turns)
    session.clear()
    say(shell, f"cleared {pluralize(count, 'turn')} of session {session.name}")


def _turn(number: str) -> Turn:
    """Return the turn with this number in `%chat history`. Raises UsageError."""
    turns = registry().current.turns
    if not number.isdecimal() or not 1 <= int(number) <= len(turns):
        has = f"1 to {len(turns)}" if turns else "none yet"
        raise UsageError(
            f"Expected a turn number from %chat history ({has}); got {repr(number) if number else 'nothing'}."
        )
    return turns[int(number) - 1]
