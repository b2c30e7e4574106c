"""The tools of a session, and the execution of calls."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import traceback
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from nbchat.conversation.schemas.converters import Misfit
from nbchat.conversation.tools.description import value_text
from nbchat.conversation.tools.tool import Tool
from nbchat.values.errors import ToolError
from nbchat.values.messages import Message, ToolCall
from nbchat.values.presenter import Approve
from nbchat.values.wording import nearest

__all__ = ["Toolbox"]

LONGEST_RESULT = 40_000
"""Longest result sent to the model, in characters."""

LONGEST_ERROR = 2_000
"""Longest exception message sent to the model, in characters."""

SAFE = "__nbchat_safe__"
"""The attribute that marks a function as safe wherever it is used."""

MOST_ITEMS = 1_000
"""Most items taken from a generator."""

CUT_ITEMS = f"[cut: the first {MOST_ITEMS:,} items; there are more]"

REFUSED = "Not run: the user did not allow it."
NOBODY_ASKED = "Not run: it needs approval, and nobody can be asked here."
NOTICE = "{} was not run: it needs approval, and nobody can be asked here (mark it safe=True to run it unasked)"


class Toolbox:
    """Tools by name, offered in the order in which they were added."""

    def __init__(self, tools: Mapping[str, Tool] | None = None) -> None:
        self._tools = dict(tools or {})
        self.notices: list[str] = []
        """Notices about the calls that were run."""

    def add(self, tool: Any, *, safe: bool = False) -> None:
        """Add a function, a `Tool` or a tool's JSON, in place of one with the same name. Raises ToolError."""
        made = Tool.of(tool, safe=safe)
        self._tools[made.name] = made
        if made.safe and made.function is not None:
            with contextlib.suppress(
                AttributeError, TypeError
            ):  # bound methods and objects with slots take no attributes
                made.function.__dict__[SAFE] = True

    def copy(self) -> Toolbox:
        """Return an independent toolbox with the same tools."""
        return Toolbox(self._tools)

    def offer(self, tools: Sequence[Any] | str | None) -> Toolbox | None:
        """Return the tools of one request, unaffected by later changes: `wanted` instead of the session's own.

        None = the session's own, "none" = no tools. A name, or a function that is one of the session's tools, means
        that tool; a function marked safe in another session is safe. Raises ToolError.
        """
        if tools is None:
            return self.copy() if self._tools else None
        if tools == "none":
            return None
        if callable(tools) or isinstance(tools, (str, Mapping, Tool)):
            tools = [tools]
        offered = Toolbox()
        for tool in tools:
            offered.add(self._own(tool))
        return offered if offered._tools else None

    def _own(self, tool: Any) -> Any:
        if isinstance(tool, str):
            if tool not in self._tools:
                known = nearest(tool, self._tools) or " Give the function itself, or register it with @session.tool."
                raise ToolError(f"There is no tool {tool!r} in this session.{known}")
            return self._tools[tool]
        own = (known for known in self._tools.values() if known.function is not None and known.function == tool)
        found = next(own, None)
        if found is None and SAFE in getattr(tool, "__dict__", {}):
            return Tool.of(tool, safe=True)
        return tool if found is None else found

    @property
    def schemas(self) -> Sequence[dict[str, Any]]:
        """The tools as JSON for the API."""
        return [dict(tool.schema) for tool in self._tools.values()]

    def can_run(self, calls: Sequence[ToolCall]) -> bool:
        """Whether these calls of one answer can be run here: not if one is for a tool that is only a schema.

        A call of an unknown tool can be: its result says so.
        """
        functions = [tool for tool in self._tools.values() if tool.function is not None]
        called = [self._tools[call.name] for call in calls if call.name in self._tools]
        return bool(functions) and all(tool.function is not None for tool in called)

    def run(self, call: ToolCall, approve: Approve) -> Generator[Awaitable[Any], Any, Message]:
        """Run one call; return its result as a message of role "tool".

        Yields what must be awaited on the user's loop. A tool's exception becomes its result; only an interrupt is raised.
        """
        text = yield from self._run(call, approve)
        text = text.encode("utf-8", "replace").decode()  # an unsendable result would lose the whole answer
        return Message("tool", _shortened(text, LONGEST_RESULT) or "(empty)", tool_call_id=call.id)

    def _run(self, call: ToolCall, approve: Approve) -> Generator[Awaitable[Any], Any, str]:
        tool = self._tools.get(call.name)
        if tool is None:
            hint = nearest(call.name, self._tools)
            return f"Error: there is no tool {call.name!r}.{hint} The tools are {', '.join(self._tools)}."
        try:
            ready = tool.call(call)
        except Exception as error:  # noqa: BLE001  # a misfit, or anything that a user's class raises
            return f"Not run, its arguments do not fit: {_described(error)}. Call it again with arguments that fit its schema."
        refusal = None if tool.safe else self._refusal(call, approve)
        if refusal is not None:
            return refusal
        try:
            result = yield from _result_of(ready)
            return value_text(result)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the model reads whatever a tool raises
            return f"Error: {_described(error)}"

    def _refusal(self, call: ToolCall, approve: Approve) -> str | None:
        """Return the message to the model if the call is not allowed; None = allowed."""
        try:
            return None if approve(call) else REFUSED
        except (EOFError, OSError, NotImplementedError):
            self.notices.append(NOTICE.format(call.name))
            return NOBODY_ASKED


def _result_of(ready: Callable[[], Any]) -> Generator[Awaitable[Any], Any, Any]:
    """Return a call's result, awaited if needed; exceptions of a coroutine are raised here."""
    result = ready()
    if isinstance(result, (types.GeneratorType, map, filter, zip)):
        return _collected(result)
    if not inspect.isawaitable(result) and not inspect.isasyncgen(result):
        return result

    async def outcome() -> tuple[Any, BaseException | None]:
        try:
            return await (_collected_async(result) if inspect.isasyncgen(result) else result), None
        except (Exception, SystemExit) as error:  # noqa: BLE001  # raised again below, outside the event loop
            return None, error
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            return None, RuntimeError("something that it awaited was cancelled")

    value, error = yield outcome()
    if error is not None:
        raise error
    return value


def _collected(items: Iterator[Any]) -> list[Any]:
    """Return an iterator's items up to a limit; a generator is then closed."""
    found = list(itertools.islice(items, MOST_ITEMS + 1))
    if len(found) > MOST_ITEMS:
        if isinstance(items, types.GeneratorType):
            items.close()
        found[MOST_ITEMS:] = [CUT_ITEMS]
    return found


async def _collected_async(items: AsyncGenerator[Any, Any]) -> list[Any]:
    found: list[Any] = []
    async with contextlib.aclosing(items):
        async for item in items:
            if len(found) == MOST_ITEMS:
                found.append(CUT_ITEMS)
                break
            found.append(item)
    return found


def _described(error: BaseException) -> str:
    """Format an exception with its type; a misfit only by its text."""
    lines = [str(error)] if isinstance(error, Misfit) else traceback.format_exception_only(error)
    return _shortened("".join(lines).strip(), LONGEST_ERROR)


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[cut: the first {most:,} of {len(text):,} characters are shown]"
