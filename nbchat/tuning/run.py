"""One run of a sweep, and its row in the table."""

from __future__ import annotations

import json
from typing import Any, Literal

from msgspec import Struct

from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.turn import Turn
from nbchat.tuning.grid import Cell, Setting, setting_text
from nbchat.values.answer.rating import Rating
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.messages import Message
from nbchat.values.params import Params

__all__ = ["COLUMNS", "NUMBERS", "Run", "RunStatus", "answer_text"]

RunStatus = Literal["complete", "interrupted", "cut_off", "failed", "not run", "running"]
"""How a run ended. "not run": never sent; "running": not ended yet, seen only while a sweep is watched."""

COLUMNS = (
    "repeat",
    "model",
    "status",
    "finish",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "first_token_s",
    "total_s",
    "tokens_per_s",
    "agreement",
    "score",
    "rating",
    "note",
    "text",
    "error",
)
"""The table's columns after "run" (the row number) and the axes. `cost` is in US dollars, `_s` in seconds.

`score` is the score function's or the judge's, `rating` and `note` are the user's.
"""


SHOWN = 70
"""Most characters of the answer in a run's repr."""

NUMBERS = frozenset({"cost", "first_token_s", "total_s", "tokens_per_s", "agreement", "score", "rating"})
"""The columns with float values."""


class Run(Struct, frozen=True):
    """One request of a sweep and its result.

    `index` is its row, in every view; `setting` has the axes' values, `params` all parameters; `repeat` counts from 1.
    `turn` is None if no answer arrived, `error` if nothing failed. `score` is None if there is none, with the reason in
    `score_error` if one was requested; `truth` is whether the score function returned a bool.
    """

    index: int
    setting: Setting
    repeat: int
    params: Params
    status: RunStatus = "not run"
    turn: Turn | None = None
    error: BaseException | None = None
    score: float | None = None
    score_error: str | None = None
    truth: bool = False

    @classmethod
    def of(cls, cell: Cell, exchange: Exchange) -> Run:
        """Return the result of an exchange."""
        turn, error = exchange.turn, exchange.error
        stopped = isinstance(error, (KeyboardInterrupt, GeneratorExit))
        status: RunStatus
        if stopped:
            status = "interrupted" if exchange.replies else "not run"
        elif error is not None:
            status = "cut_off" if turn is not None and turn.reply.status == "cut_off" else "failed"
        else:
            status = "complete" if exchange.over else "not run"
        problem = None if stopped else exchange.failure()
        return cls(cell.index, cell.setting, cell.repeat, exchange.ask.params, status, turn, problem)

    @classmethod
    def under_way(cls, cell: Cell, exchange: Exchange) -> Run:
        """Return the state of an exchange that is still running."""
        draft = exchange.draft
        reply = exchange.reply if draft is None else draft.reply()
        turn = None if reply is None else Turn(exchange.ask.message, reply, exchange.ask.params)
        return cls(cell.index, cell.setting, cell.repeat, exchange.ask.params, "running", turn)

    def __repr__(self) -> str:
        content = self.problem or self.text
        shown = f"{content[:SHOWN]}…" if len(content) > SHOWN else content
        return f"<Run {self.index} ({setting_text(self.setting)}, repeat {self.repeat}): {self.status}, {shown!r}>"

    @property
    def reply(self) -> Reply | None:
        """The answer, complete or partial; None = nothing arrived."""
        return None if self.turn is None else self.turn.reply

    @property
    def question(self) -> str:
        """The question; empty if no answer arrived."""
        return "" if self.turn is None else self.turn.message.text

    @property
    def text(self) -> str:
        """The answer's text; empty = none."""
        return "" if self.reply is None else answer_text(self.reply.choices[0])

    @property
    def texts(self) -> list[str]:
        """The texts of all choices of a complete answer."""
        reply = self.reply if self.status == "complete" else None
        return [] if reply is None else [answer_text(choice) for choice in reply.choices]

    @property
    def cost(self) -> float | None:
        """The cost in US dollars; None = unknown."""
        if self.reply is None:
            return None
        return self.reply.usage.cost if self.reply.cost is None else self.reply.cost

    def row(self, agreement: float | None = None, rating: Rating | None = None) -> dict[str, Any]:
        """Return its table row; `agreement` is that of its setting's repeats, `rating` the user's. None = unknown."""
        reply = self.reply or Reply()
        usage, timing = reply.usage, reply.timing
        own = {
            "repeat": self.repeat,
            "model": self.params.model,
            "status": self.status,
            "finish": reply.finish_reason,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": self.cost,
            "first_token_s": timing.first_token,
            "total_s": timing.total,
            "tokens_per_s": timing.tokens_per_second(usage.completion_tokens),
            "agreement": agreement,
            "score": self.score,
            "rating": None if rating is None else rating.value,
            "note": None if rating is None else rating.note or None,
            "text": self.text or None,
            "error": self.problem,
        }
        return {"run": self.index, **{name: _cell(value) for name, value in self.setting.items()}, **own}

    @property
    def problem(self) -> str | None:
        """Why it has no complete answer or no score, in one sentence; None = no problem. May quote a server."""
        if self.error is not None:
            return str(self.error)
        return f"No score: {self.score_error}" if self.score_error else None


def answer_text(choice: Choice) -> str:
    """Return a choice's text, else its refusal, else its tool calls."""
    calls = "\n".join(f"{call.name}({call.arguments})" for call in choice.tool_calls)
    return choice.text or choice.refusal or calls


def _cell(value: Any) -> Any:
    """Convert a parameter's value for a table."""
    if isinstance(value, Message):
        return value.as_typed
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, tuple)) else value
