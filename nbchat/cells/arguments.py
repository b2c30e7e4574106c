"""Cell arguments that name Python objects: tools, schemas, and the data of the answer."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbchat.cells.usage_error import UsageError
from nbchat.display import chrome
from nbchat.display.canvas import Canvas
from nbchat.values.wording import nearest

if TYPE_CHECKING:
    from nbchat.conversation.schemas.schema import Schema

__all__ = ["named_schema", "named_tools", "scorer", "show_data"]

MOST_ROWS = 50
"""Most rows shown of an answer's data."""


def named_tools(text: str, namespace: dict[str, Any]) -> Sequence[Any] | str:
    """Return the functions that `--tools f,g` names; "none" is returned as is. Raises UsageError."""
    if text.strip() == "none":
        return "none"
    return [_tool(name.strip(), namespace) for name in text.split(",") if name.strip()]


def _tool(name: str, namespace: dict[str, Any]) -> Any:
    if name in namespace:
        if callable(namespace[name]) or isinstance(namespace[name], dict):
            return namespace[name]
        raise UsageError(f"--tools takes functions; {name} is a {type(namespace[name]).__name__}.")
    from nbchat.conversation.tools import standard as builtin_tools

    makers = {"run_python": builtin_tools.run_python, "look_at": builtin_tools.look_at}
    if name in makers:
        return makers[name](namespace)
    functions = [key for key, value in namespace.items() if callable(value) and not key.startswith("_")]
    raise UsageError(f"--tools: there is no function {name!r} in this notebook.{nearest(name, [*functions, *makers])}")


def named_schema(text: str, namespace: dict[str, Any]) -> Schema:
    """Resolve `--schema`: the name of a type or variable, columns, or a JSON schema. Raises ParameterError."""
    from nbchat.conversation.schemas.schema import Schema

    live = namespace.get(text)
    return live if isinstance(live, Schema) else Schema.of(text, namespace)


def show_data(canvas: Canvas, data: Any) -> None:
    """Show an answer's data if it is a table."""
    from nbchat.conversation.schemas.records import records_of

    records = records_of(data)
    if not records:
        return
    columns = list(dict.fromkeys(key for record in records for key in record))
    rows = [[_cell(record.get(column)) for column in columns] for record in records[:MOST_ROWS]]
    canvas.show(chrome.table(columns, rows))
    if len(records) > MOST_ROWS:
        canvas.show(chrome.line(f"{MOST_ROWS} of {len(records):,} rows; all are in reply.data"))


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def scorer(text: str | None, namespace: Mapping[str, Any]) -> Callable[[Any], Any] | str | None:
    """Return the function or prompt of this name, else the text itself as a judge's prompt. Raises UsageError."""
    if text is None:
        return None
    first, *attributes = text.split(".")
    if not all(part.isidentifier() for part in (first, *attributes)):
        return text
    value = namespace.get(first, getattr(builtins, first, None))
    for attribute in attributes:
        value = getattr(value, attribute, None)
    if callable(value) or (isinstance(value, str) and value.strip()):
        return value  # type: ignore[no-any-return]  # the namespace holds anything
    functions = [key for key, found in namespace.items() if callable(found) and not key.startswith("_")]
    hint = nearest(text, functions)
    raise UsageError(f"--score takes a function, or a judge's prompt in quotes; there is no function {text}.{hint}")
