"""A sweep as one output that saved files keep: its verdict, its answers side by side, its runs as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nbchat.display import chrome
from nbchat.display.canvas import Bundle
from nbchat.display.footer import cost_text
from nbchat.markdown.html import markdown_html, markdown_words
from nbchat.markdown.inline import html_text
from nbchat.markdown.terminal_text import plain_text
from nbchat.tuning.diff import Diff
from nbchat.tuning.result import Sweep
from nbchat.tuning.run import Run, answer_text
from nbchat.values.wording import pluralize
from nbchat.views.sweep_table import fold_failures, heading, run_table, setting_table

__all__ = ["FEW", "HEAD", "answer_html", "card", "cards", "diff_bundle", "facts", "share_of", "sweep_bundle"]

FEW = 6
"""Most runs whose answers are shown as cards side by side; more are folded, each in its row."""

MOST_CHARACTERS = 400_000
"""Most characters of all answers together in the notebook's file; each gets its share, and a note where it is cut."""

LEAST_SHARE = 1_000

FIRST = 160
"""Most characters of a folded answer in its row, where one line has room for them."""

SHORT = 64
"""Longest answer, in characters, that is not folded."""

ONE_LINE = "cursor:pointer;white-space:nowrap;overflow:hidden;text-overflow:ellipsis"

HEAD = "min-height:3em;margin:0.3em 0 0.5em"
"""The style of the verdict and, during the sweep, of the progress bar: the same height keeps the answers below in place."""

CARDS = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min({},100%),1fr));gap:10px;margin:0.5em 0"
"""The style of a grid with as many columns as fit; up to four cards may be narrower, to fit in one row."""


def sweep_bundle(sweep: Sweep, notes: Sequence[str] = (), name: str = "") -> Bundle:
    """Return the whole result as one output. `notes` are more facts for its last line, `name` is the user's variable, if known."""
    found = sweep.verdict()
    told_otherwise = any(run.problem for run in sweep)  # why no setting is best; otherwise the hint below says so
    sentence = "" if found.best is None and not told_otherwise else str(found)
    share = share_of(sweep)
    few = len(sweep) <= FEW
    tables = [run_table(sweep, None if few else lambda run: answer_html(run, share, name))]
    if sweep.grid.repeat > 1 and len(sweep.summary()) > 1:
        tables.insert(0, setting_table(sweep))
    line_facts = [*facts(sweep), *notes]
    hint = "" if sentence else "a score or repeats tell which is best · "
    hint += "" if name else "on the result (_, or name it with << NAME): "
    dot = f"{name}." if name else ""
    hint += f"{dot}explore() filters, sorts and compares · {dot}apply(i) adopts run i · {dot}to_frame()"
    few_cards = _cards(sweep, share, name) if few else ""
    head = f'<div style="{HEAD}">{html_text(sentence or " · ".join(line_facts))}</div>'
    inner = "".join([head, few_cards, *(table["text/html"] for table in tables)])
    quiet = "".join(chrome.line(text)["text/html"] for text in ([" · ".join(line_facts)] if sentence else []) + [hint])
    plain = [plain_text(sentence)] if sentence else []
    plain += [table["text/plain"] for table in tables]
    plain += [_plain_card(run) for run in sweep if few and run.text]
    return {
        "text/html": f'<div class="{chrome.NO_MATH_CLASS}">{inner}{quiet}</div>',
        "text/plain": "\n\n".join([*plain, plain_text(" · ".join(line_facts))]),
    }


def share_of(sweep: Sweep) -> int:
    """Return each answer's share of `MOST_CHARACTERS`."""
    return max(LEAST_SHARE, MOST_CHARACTERS // max(1, len(sweep)))


def facts(sweep: Sweep) -> list[str]:
    """Return the facts of a sweep: size, model, cost and time."""
    unsent = sum(run.status == "not run" for run in sweep)
    stopped = sum(run.status == "interrupted" for run in sweep)
    runs = pluralize(len(sweep), "run")
    part = f" of the {len(sweep.grid):,}" if len(sweep) < len(sweep.grid) else ""
    found = [
        runs if str(sweep.grid) == "one run" else f"{runs}{part}: {sweep.grid}",
        f"{len(sweep.failed)} failed" if sweep.failed else "",
        f"{stopped} stopped" if stopped else "",
        f"{unsent} not run" if unsent else "",
        cost_text(sweep.cost) if sweep.cost is not None else "cost unknown" if sweep.complete else "",
        "figures of a setting count all its runs" if sweep.partial else "",
    ]
    return [fact for fact in found if fact]


def _cards(sweep: Sweep, share: int, name: str) -> str:
    counts = fold_failures(sweep)
    shown = [run for run in sweep if run.index in counts and (run.reply is not None or run.problem)]
    return cards(card(run.index, heading(sweep, run), _body(run, share, name)) for run in shown)


def cards(each: Iterable[str]) -> str:
    """Return cards side by side, as many in a row as fit; empty = no cards."""
    shown = list(each)
    style = CARDS.format("15em" if len(shown) <= 4 else "20em")
    return f'<div style="{style}">{"".join(shown)}</div>' if shown else ""


def card(index: int, title: str, body: str) -> str:
    """Return one run's card. `body` is HTML."""
    return (
        f'<div style="{chrome.CARD};min-width:0">'
        f'<div style="{chrome.QUIET};font-size:0.9em"><b>{index}</b> · {html_text(title, 200)}</div>'
        f'<div style="max-height:28em;overflow:auto;margin-top:0.4em">{body}</div></div>'
    )


def _plain_card(run: Run) -> str:
    notices = _notices(run)
    return plain_text(f"[{run.index}] {run.text}" + (f"\n({notices})" if notices else ""))


def _notices(run: Run) -> str:
    """Return the notices of a run, such as parameters that the server ignored, with the model that answered; empty = none."""
    reply = run.reply
    return "" if reply is None or not reply.notices else " · ".join(filter(None, [reply.model, *reply.notices]))


def answer_html(run: Run, share: int = MOST_CHARACTERS, name: str = "") -> str:
    """Return an answer for a table row: its first line, with the rest folded."""
    text = run.text or (run.reply.reasoning if run.reply is not None else "")
    short = len(text) <= SHORT and len(run.texts) <= 1 and not run.problem
    if short or not text:
        return _body(run, share, name)
    first = html_text(markdown_words(text, 2 * FIRST), FIRST)
    return f'<details><summary style="{ONE_LINE}">{first}</summary>{_body(run, share, name)}</details>'


def _body(run: Run, share: int, name: str) -> str:
    """Return a run's whole answer as inert HTML, with its error above."""
    reply = run.reply
    parts = []
    if run.problem:
        parts.append(f"<div><b>{_WORDS.get(run.status, run.status)}</b>: {html_text(run.problem, 600)}</div>")
    if notices := _notices(run):
        parts.append(f'<div style="{chrome.QUIET};font-size:0.9em;margin-bottom:0.3em">{html_text(notices, 600)}</div>')
    for number, choice in enumerate(reply.choices if reply is not None else ()):
        text = answer_text(choice)
        if reply is not None and len(reply.choices) > 1:
            parts.append(f'<div style="{chrome.QUIET};font-size:0.9em;margin-top:0.4em">choice {number + 1}</div>')
        if not text:
            parts.append(
                f'<div style="{chrome.QUIET}">{"no text, only thinking:" if choice.reasoning else "no text"}</div>'
            )
        kind = "text" if text else "reasoning"
        where = f"{name or '_'}[{run.index}].reply.choices[{number}].{kind}"
        parts.append(_prose(text or choice.reasoning, share, where))
    return "".join(parts)


_WORDS = {"complete": "note", "cut_off": "cut off"}


def _prose(text: str, share: int, where: str) -> str:
    cut = len(text) - share
    rest = f'<div style="{chrome.QUIET}">… {cut:,} more characters: {html_text(where)}</div>' if cut > 0 else ""
    return markdown_html(text[:share] if cut > 0 else text) + rest


def diff_bundle(diff: Diff) -> Bundle:
    """Return the difference of two answers: text only in the first is struck out, text only in the second underlined."""
    tags = {
        "same": "{}",
        "removed": '<del style="background:rgba(213,94,0,0.22)">{}</del>',
        "added": '<ins style="background:rgba(0,158,115,0.25)">{}</ins>',
    }
    inner = "".join(tags[piece.kind].format(html_text(piece.text)) for piece in diff.pieces)
    shown = inner if not diff.same else "<i>The two answers are the same.</i>"
    style = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.5"
    return {
        "text/html": f'<div class="{chrome.NO_MATH_CLASS}" dir="auto" style="{style}">{shown}</div>',
        "text/plain": "The two answers are the same." if diff.same else plain_text(str(diff)),
    }
