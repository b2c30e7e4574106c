"""The tools that a session offers to its model."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Mapping, Sequence
from typing import Any

from nbchat.values.errors import ToolError
from nbchat.values.messages import Message, ToolCall

__all__ = ["Toolbox"]


class Toolbox:
    """Tools by name, offered in the order in which they were added."""

    def __init__(self, tools: Mapping[str, dict[str, Any]] | None = None) -> None:
        self._tools = dict(tools or {})

    def add(self, tool: Any, *, safe: bool = False) -> None:
        """Add a tool given as JSON. Raises ToolError."""
        name = tool.get("function", {}).get("name") if isinstance(tool, Mapping) else None
        if not name:
            raise ToolError(f"A tool is a function or its JSON schema; got {type(tool).__name__} (safe={safe}).")
        self._tools[name] = dict(tool)

    def copy(self) -> Toolbox:
        """A toolbox of its own with the same tools."""
        return Toolbox(self._tools)

    def offer(self, tools: Sequence[Any] | str | None) -> Toolbox | None:
        """The tools of one request: these in place of one's own (None = one's own, "none" = none at all)."""
        if tools == "none":
            return None
        if tools is None:
            return self if self._tools else None
        offered = Toolbox()
        for tool in tools:
            offered.add(tool)
        return offered

    @property
    def schemas(self) -> Sequence[dict[str, Any]]:
        """The tools in the form that the API takes."""
        return list(self._tools.values())

    @property
    def runnable(self) -> bool:
        """Whether calls can be run here; else they are only shown."""
        return False

    def run(self, call: ToolCall) -> Generator[Awaitable[Any], Any, Message]:
        """Run one call; its result as a message of role "tool"."""
        yield from ()
        return Message("tool", "", tool_call_id=call.id)
