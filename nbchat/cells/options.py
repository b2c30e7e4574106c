"""The options of `%%chat`: the parameter table's and nbchat's own."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from nbchat.cells.usage_error import UsageError
from nbchat.cells.words import split
from nbchat.values.errors import ParameterError
from nbchat.values.key_shapes import without_keys
from nbchat.values.numbers import MOST, seconds, whole_number
from nbchat.values.optionline import escaped, option_line, unescaped
from nbchat.values.parameter import Parameter
from nbchat.values.params import PARAMETERS
from nbchat.values.wording import nearest

__all__ = ["OWN", "CellOptions", "OwnOption", "axis_values", "escaped", "option_line", "parse", "read", "unescaped"]


class OwnOption(Struct, frozen=True):
    """One of nbchat's own options. `value` names its argument (empty = none); `repeatable` options give a tuple."""

    name: str
    meaning: str
    value: str = ""
    short: str = ""
    repeatable: bool = False

    @property
    def flag(self) -> str:
        """The long form of the option."""
        return "--" + self.name.replace("_", "-")


OWN: dict[str, OwnOption] = {
    option.name: option
    for option in (
        OwnOption("system", "system text for this message only; repeat it to compare several", "TEXT", short="s"),
        OwnOption("session", "the session to use; a new name creates one", "NAME"),
        OwnOption("once", "neither read nor join the history"),
        OwnOption("into", "bind the reply to this name, as << NAME does", "NAME"),
        OwnOption("dry_run", "show the exact request, its size and cost; send nothing"),
        OwnOption("raw", "send the text as written: no {name} is replaced"),
        OwnOption("background", "answer in the background; the kernel stays free"),
        OwnOption("remote_images", "load remote images in this answer; their servers can see that you read it"),
        OwnOption("image", "attach an image: a variable, a file or a data: URL", "NAME", repeatable=True),
        OwnOption("tools", "functions to offer as tools, by name (f,g); none offers no tools", "NAMES"),
        OwnOption(
            "schema",
            "the answer's schema: city:str,label:a|b|c (in brackets: a table), a type's name or a JSON schema",
            "SCHEMA",
        ),
        OwnOption("code", "put the code of the answer into the next cell"),
        OwnOption("variants", "lines of --- separate alternative messages in the cell; each is asked"),
        OwnOption(
            "each",
            "ask for each row: a data frame, a column, a list, a Parquet file or an expression in quotes",
            "ROWS",
        ),
        OwnOption("pilot", "with --each: ask this many sample rows first, and project the cost of all", "N"),
        OwnOption("concurrency", "with --each: most requests at once; without it, as many as the server takes", "N"),
        OwnOption("budget", "with --each: stop before more is spent: 0.50, 20k tokens", "AMOUNT"),
        OwnOption("out", "with --each: write the answers to this Parquet file (with --truth: or .jsonl)", "FILE"),
        OwnOption(
            "truth",
            "with --each: compare settings with the right answers: a column, two annotators' (a,b), df.label",
            "COLUMN",
        ),
        OwnOption("repeat", "ask this many times, side by side", "N"),
        OwnOption(
            "score",
            "score each answer of a sweep, or of rows: a function's name, or a judge's prompt in quotes",
            "NAME",
        ),
        OwnOption("cache", "replay the stored answer to an identical request"),
        OwnOption("no_cache", "ask the server even if the answer is stored"),
        OwnOption("unguarded", "send even what looks like a secret or a private value"),
        OwnOption("base_url", "the server: a URL or a known name", "URL"),
        OwnOption("key_env", "the environment variable that holds the key", "VAR"),
        OwnOption("timeout", "longest wait for the next data from the server, in seconds", "SECONDS"),
        OwnOption("param", "any other parameter the server takes", "KEY=JSON", repeatable=True),
    )
}
"""nbchat's own options by name."""

ROWS_ONLY = frozenset({"budget", "concurrency", "out", "pilot", "truth"})
"""Options that say how rows are asked."""

ROWS: tuple[Parameter | OwnOption, ...] = (*PARAMETERS.values(), *OWN.values())
"""All options, the parameter table's first."""

SHORTS = {row.short: row.name for row in ROWS if row.short}


class CellOptions(Struct, frozen=True):
    """A parsed line: parameters by wire name, axes (parameters with several values), and nbchat's own options."""

    params: Mapping[str, Any] = field(default_factory=dict)
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of one of nbchat's own options; True for a flag."""
        return self.own.get(name, default)

    @property
    def is_sweep(self) -> bool:
        """Whether the line asks for several answers: axes, variants or `--repeat`."""
        return bool(self.axes) or "repeat" in self.own or "variants" in self.own


def parse(line: str) -> CellOptions:
    """Parse a line. Raises UsageError, which names the option, what was expected and what was given."""
    reading = _Reading()
    pending = iter(split(line))
    for word in pending:
        reading.take(word, pending)
    return reading.options()


def read(parameter: Parameter, text: str) -> Any:
    """Parse a parameter's value as written on a magic's line. Raises ParameterError."""
    return parameter.parse(unescaped(text) if parameter.kind == "texts" else text)


class _Reading:
    """The state of parsing one line."""

    def __init__(self) -> None:
        self._params: dict[str, Any] = {}
        self._axes: dict[str, tuple[Any, ...]] = {}
        self._own: dict[str, Any] = {}
        self._extra: dict[str, Any] = {}
        self._latest = ("", "")  # the flag read last, and its value

    def take(self, word: str, rest: Iterator[str]) -> None:
        """Parse one option, taking its value from the following words."""
        if word == "<<" or (word.startswith("<<") and word[2:]):
            self._bind(word[2:] or next(rest, ""))
            return
        flag, equals, value = word.partition("=")
        name = _named(flag)
        if name is None:
            raise UsageError(without_keys(_unknown(word, *self._latest)))
        self._latest = (flag, value)
        given = value if equals else None
        if name.startswith("no_") and name not in OWN:
            self._set_param(PARAMETERS[name[3:]], "false", flag)
        elif name in PARAMETERS:
            parameter = PARAMETERS[name]
            text = (
                "true"
                if parameter.kind == "flag" and given is None
                else self._value(flag, given, rest, parameter.expected)
            )
            self._set_param(parameter, text, flag)
        else:
            self._take_own(OWN[name], flag, given, rest)

    def _value(self, flag: str, given: str | None, rest: Iterator[str], expected: str) -> str:
        value = given if given is not None else next(rest, None)
        if value is None or (given is None and _named(value) is not None):
            raise UsageError(f"{flag} needs a value: {expected}; got {'nothing' if value is None else value}.")
        self._latest = (flag, value)
        return value

    def _set_param(self, parameter: Parameter, text: str, flag: str) -> None:
        name = parameter.name
        repeated = name in self._params
        if repeated and parameter.kind not in ("texts", "biases"):
            raise UsageError(f"{flag} is given twice. For several values to compare, write them in one: {flag} a,b.")
        if name in self._axes:
            raise UsageError(f"{flag} is given twice: write all its values in one, separated by commas.")
        values = axis_values(parameter, text)
        try:
            parsed = [read(parameter, value) for value in values]
            if repeated:
                parsed = [parameter.check(_merged(self._params[name], parsed[0]))]
        except ParameterError as error:
            raise UsageError(without_keys(f"{flag}: {error}")) from None
        if len(parsed) > 1:
            self._axes[name] = tuple(parsed)
        else:
            self._params[name] = parsed[0]

    def _set_exact(self, parameter: Parameter, value: Any) -> None:
        """Set a value given as JSON: always a single value, never an axis."""
        name = parameter.name
        if name in self._params or name in self._axes:
            raise UsageError(f"--param {name}: {parameter.flag} is given already.")
        try:
            self._params[name] = parameter.check(value)
        except ParameterError as error:
            raise UsageError(f"--param {name}: {error}") from None

    def _take_own(self, option: OwnOption, flag: str, given: str | None, rest: Iterator[str]) -> None:
        if option.name == "system" and (before := self._axes.get("system") or self._own.get("system")) is not None:
            self._another_system(before, unescaped(self._value(flag, given, rest, option.value)))
            return
        if option.name in self._own and not option.repeatable:
            raise UsageError(f"{flag} is given twice.")
        if not option.value:
            if given is not None:
                raise UsageError(f"{flag} takes no value; got {without_keys(given)!r}.")
            self._own[option.name] = True
            return
        text = self._value(flag, given, rest, option.value)
        if option.name == "param":
            self._set_extra(text)
        elif option.name == "into":
            self._bind(text)
        elif option.repeatable:
            self._own[option.name] = (*self._own.get(option.name, ()), text)
        else:
            self._own[option.name] = _checked(option, text)

    def _another_system(self, before: str | tuple[str, ...], text: str) -> None:
        """Turn repeated system texts into an axis."""
        self._own.pop("system", None)
        self._axes["system"] = (*((before,) if isinstance(before, str) else before), text)

    def _set_extra(self, text: str) -> None:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UsageError(f"--param takes KEY=JSON, such as top_k=40; got {without_keys(text)!r}.")
        if key in ("messages", "tools", "stream_options"):
            raise UsageError(f"--param can't set {key}: nbchat sets it itself.")
        if key in self._extra:
            raise UsageError(f"--param {key} is given twice.")
        if key in PARAMETERS:
            if (exact := _exact(value)) is None:
                self._set_param(PARAMETERS[key], value, f"--param {key}")
            else:
                self._set_exact(PARAMETERS[key], exact)
            return
        self._extra[key] = _json_or_word(key, value)

    def _bind(self, name: str) -> None:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(f"<< needs a variable name after it; got {name or 'nothing'}.")
        if "into" in self._own:
            raise UsageError("The reply can be bound to one name only; << or --into is given twice.")
        self._own["into"] = name

    def options(self) -> CellOptions:
        """Return the parsed options."""
        if self._extra:
            self._params["extra"] = self._extra
        options = CellOptions(self._params, self._axes, self._own)
        for name in sorted(ROWS_ONLY & self._own.keys() if "each" not in self._own else ()):
            raise UsageError(f"{OWN[name].flag} works on rows: name them with --each, such as --each df.comment.")
        if "score" in self._own and not options.is_sweep and "each" not in self._own:
            raise UsageError("--score needs answers to compare: several values of an option (-t 0,1), or --repeat N.")
        return options


def axis_values(parameter: Parameter, text: str) -> list[str]:
    """Split the comma-separated values of an option that may have several; any other text is one value."""
    if (
        parameter.name == "user"
        or not parameter.sampling
        or parameter.kind not in ("number", "integer", "text")
        or "," not in text
    ):
        return [text]
    values = [value.strip() for value in text.split(",")]
    return [value for value in values if value] or [text]


def _merged(first: Any, second: Any) -> Any:
    return {**first, **second} if isinstance(first, Mapping) else (*first, *second)


def _json_or_word(key: str, text: str) -> Any:
    """Parse JSON; a bare word is a string, so that strings need no nested quotes."""
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if re.fullmatch(r"[^\s{}\[\]\",]+", text):
            return text
        raise UsageError(f"--param {key} takes JSON; got {text!r}.") from None


def _exact(text: str) -> str | list[Any] | None:
    """Parse a value that is a JSON string or list; None = neither, so the option's own syntax applies."""
    import json

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (str, list)) else None


def _checked(option: OwnOption, text: str) -> Any:
    if option.name not in MOST and option.name != "timeout":
        return unescaped(text) if option.name == "system" else text
    given: object
    try:
        given = int(text) if option.name in MOST else float(text)
    except ValueError:
        given = without_keys(text)
    try:
        return whole_number(option.name, given) if option.name in MOST else seconds(option.name, given)
    except ParameterError as error:
        raise UsageError(f"--{error}") from None


_MEANT = {
    "A key does not belong in a cell: %chat key asks for it, and --key-env names its variable.": "api-key apikey key token",
    "Put << NAME at the end of the line to keep the answer.": "as o output result save var variable",
    "Did you mean --once, which leaves the history out?": "fresh new no-context no-history",
    "Did you mean --schema, such as --schema city:str,temp:float?": "json structured",
    "Write {name} in the message to insert a variable; --image attaches a picture.": "attach context data df file",
    "Did you mean --dry-run, which shows what would be sent?": "debug preview v verbose",
    "The message goes below the line.": "message p prompt text",
}
"""What to do instead of options that other tools have."""


def _unknown(word: str, before: str, value: str) -> str:
    """Return the sentence about a word that is no option; `before` is the flag read last, `value` its value."""
    if not word.startswith("-"):
        hint = _instead_of_word(word, before, value)
        return f"%%chat takes options on its line and the message below it; got {word!r}. {hint}"
    if re.fullmatch(r"-[a-z][0-9.,]+", word) and word[1] in SHORTS:
        return f"There is no option {word}. Did you mean {word[:2]} {word[2:]}?"
    flag = word.partition("=")[0]
    name = flag.lstrip("-").replace("_", "-").lower()
    meant = next((f" {hint}" for hint, names in _MEANT.items() if name in names.split()), "")
    return (
        f"There is no option {flag}.{meant or nearest(flag, [row.flag for row in ROWS]) or ' %chat help lists them.'}"
    )


def _instead_of_word(word: str, before: str, value: str) -> str:
    name, equals, rest = word.partition("=")
    if equals and (row := PARAMETERS.get(name.replace("-", "_"))):
        return f"Did you mean {row.flag}={rest}?"
    option = _named(before) or ""
    parameter = PARAMETERS.get(option)
    if parameter is not None and parameter.kind == "flag" and word in ("true", "false"):
        return f"Did you mean {before}={word}?"
    if value and (option in OWN or (parameter is not None and parameter.kind in ("text", "texts"))):
        return f'Quote a value that has spaces: {before} "{value} {word} …".'
    if re.fullmatch(r"(?=.*[A-Za-z])(?=.*\d)[\w.:/-]+", word):
        return f"Did you mean -m {word}?"
    return "%chat help lists the options."


def _named(flag: str) -> str | None:
    """Return the option name of a flag; "no_…" turns a parameter off. None = unknown."""
    if re.fullmatch(r"-[A-Za-z]", flag):
        return SHORTS.get(flag[1:])
    if not flag.startswith("--"):
        return None
    name = flag[2:].replace("-", "_")
    negated = name.startswith("no_") and name[3:] in PARAMETERS and PARAMETERS[name[3:]].kind == "flag"
    return name if name in PARAMETERS or name in OWN or negated else None
