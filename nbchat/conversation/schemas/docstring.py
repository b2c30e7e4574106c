"""What a docstring says of a function and of its parameters, in Google's, NumPy's or reStructuredText's style."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

__all__ = ["Docstring"]

_PARAMETERS = {"args", "arguments", "parameters", "params", "attributes", "other parameters", "keyword args"}
_SECTIONS = _PARAMETERS | {
    "returns", "return", "yields", "yield", "raises", "examples", "example", "note", "notes", "warning", "warnings",
    "see also", "references", "warns", "keyword arguments", "todo",
}  # fmt: skip
_REST = re.compile(r":(\w+)(?:\s+([^:]*?))?\s*:(?:\s+(.*))?$")
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:(?:\s+(.*))?$")
_NAMES = re.compile(r"\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*")


@dataclass(frozen=True, slots=True)
class Docstring:
    """`summary` is all the prose before the first section; `parameters` maps a name to its description."""

    summary: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str | None) -> Self:
        """Read a docstring; None = there is none."""
        lines = inspect.cleandoc(text or "").splitlines()
        start = next((number for number in range(len(lines)) if _opens_section(lines, number)), len(lines))
        parameters: dict[str, str] = {}
        for name, description in _entries(lines[start:]):
            parameters.setdefault(name, " ".join(description.split()))
        return cls("\n".join(lines[:start]).strip(), {name: said for name, said in parameters.items() if said})


def _opens_section(lines: list[str], number: int) -> bool:
    return bool(_section(lines, number)) or bool(
        re.match(r":(param|return|rais|type|arg|key|var)\w*\b.*:", lines[number])
    )


def _section(lines: list[str], number: int) -> str:
    """The section's name in lower case, where a line is a heading; else empty."""
    line = lines[number].strip().lower()
    underlined = number + 1 < len(lines) and re.fullmatch(r"\s*(-{3,}|={3,})\s*", lines[number + 1])
    if underlined and line in _SECTIONS:
        return line
    title = line.removesuffix(":")
    return title if line.endswith(":") and title in _SECTIONS else ""


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Parameters and their descriptions, of every section that has some."""
    section, number = "", 0
    while number < len(lines):
        line = lines[number]
        if found := _section(lines, number):
            section = found
            number += 1 if line.strip().endswith(":") else 2
            continue
        number += 1
        if not line.strip():
            continue
        more: list[str] = []
        while number < len(lines) and _continues(lines[number], line):
            more.append(lines[number])
            number += 1
        yield from _entry(line, more, in_parameters=section in _PARAMETERS)


def _continues(line: str, first: str) -> bool:
    """Whether a line belongs to the entry that began with `first`: it is indented deeper."""
    indent = len(first) - len(first.lstrip())
    return bool(line.strip()) and len(line) - len(line.lstrip()) > indent


def _entry(line: str, more: list[str], *, in_parameters: bool) -> Iterator[tuple[str, str]]:
    if rest := _REST.match(line.strip()):
        kind, names, text = rest.groups()
        if kind in ("param", "parameter", "arg", "argument", "key", "keyword", "var") and names:
            yield names.split()[-1].lstrip("*"), " ".join([text or "", *more])
    elif in_parameters:
        indented = line[:1].isspace()
        if indented and (google := _ENTRY.match(line.strip())):
            yield google[1], " ".join([google[2] or "", *more])
        elif not indented and (names := _NAMES.match(line)):  # NumPy: "name : type" or "a, b : type"
            for name in names[0].split(","):
                yield name.strip().lstrip("*"), " ".join(more)
