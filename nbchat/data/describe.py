"""Describe any value as prompt text, by dispatching on its type."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import numbers
import uuid
from pathlib import Path, PurePath

from nbchat.data import arrays
from nbchat.data.containers import brief, describe_container, is_container
from nbchat.data.description import (
    ASKED,
    STOPS,
    Description,
    UnknownFormat,
    class_name,
    failed_line,
    room,
    safe_str,
    shorten,
)
from nbchat.data.images import Image, image_of, load_image
from nbchat.data.objects import describe_code, describe_object, describe_self, is_code, one_line_repr, record_line
from nbchat.data.tables.frames import describe_table, headline
from nbchat.data.tables.table import table_of
from nbchat.values.answer.reply import Reply
from nbchat.values.errors import PromptError
from nbchat.values.regular_file import regular
from nbchat.values.wording import pluralize

__all__ = ["describe"]

SCALARS = (
    numbers.Number, decimal.Decimal, fractions.Fraction, datetime.date, datetime.time, datetime.timedelta,
    datetime.tzinfo, uuid.UUID, enum.Enum, type(None), type(...),
)  # fmt: skip
"""Values that are short by nature, inserted by `str` or their own format specification."""

LONG_BYTES = 60
"""Longer bytes inside a container are shown by their length."""


def describe(value: object, spec: str = "", *, budget: int | None = None, name: str = "") -> Description:
    """Describe a value within `budget` tokens of 4 characters (None = 2,000, or 250,000 for what is requested in full).

    A string is inserted unchanged, a reply as its text. `spec` is what follows the colon in a placeholder: a rung of the
    privacy ladder for frames, columns and arrays; `source` for code; `text` or `image` for a path; else a Python format
    specification. `name` is the expression that gave the value. The text is reproducible.

    A value whose own code raises while it is inspected is described in one line. Raises UnknownFormat if the value does
    not support `spec`, and PromptError if it can't be inserted (unknown rung, undrawable figure, unreadable file).
    """
    try:
        return _described(value, spec, budget=budget, name=name)
    except (PromptError, UnknownFormat, *STOPS):
        raise
    except BaseException as error:  # noqa: BLE001 - any class may fail in its own way
        return Description(failed_line(value, error), class_name(value))


def _described(value: object, spec: str, *, budget: int | None, name: str) -> Description:
    own = describe_self(value, spec, budget=budget)
    if own is not None:
        return own
    if isinstance(value, (str, Reply)):
        return _text(str(value), spec, budget)
    if isinstance(value, PurePath):
        return _path(value, spec, budget)
    table = table_of(value)
    if table is not None:
        return describe_table(value, table, spec, budget=budget, name=name)
    if arrays.is_array(value):
        return arrays.describe_array(value, spec, budget=budget, name=name)
    if isinstance(value, SCALARS) or arrays.is_scalar(value):
        return _scalar(value, spec)
    image = image_of(value, name or "image")
    if image is not None:
        return _picture(image, spec)
    return _other(value, spec, budget, name)


def _other(value: object, spec: str, budget: int | None, name: str) -> Description:
    if is_code(value):
        return describe_code(value, spec, budget=budget)
    if spec:
        return _formatted(value, spec, budget)
    if isinstance(value, (bytes, bytearray)):
        text, cut = shorten(repr(bytes(value[: room(budget)])), room(budget))
        return Description(text, pluralize(len(value), "byte"), cut=cut or len(value) > room(budget))
    if is_container(value) and not _describes_itself(value):
        return describe_container(value, one_line, budget=budget, name=name)
    return describe_object(value, _brief, budget=budget)


def _describes_itself(value: object) -> bool:
    return any(hasattr(type(value), hook) for hook in ("_repr_llm_", "_repr_markdown_"))


def _text(value: str, spec: str, budget: int | None) -> Description:
    text = _format(value, spec) if spec else str(value)
    text, cut = shorten(text, room(budget, ASKED))
    return Description(text, f"text of {pluralize(len(value), 'character')}", cut=cut)


def _scalar(value: object, spec: str) -> Description:
    return Description(_format(value, spec) if spec else safe_str(value), type(value).__name__)


def _formatted(value: object, spec: str, budget: int | None) -> Description:
    """Format an object whose class defines its own formats."""
    if type(value).__format__ is object.__format__:
        raise UnknownFormat(f"{type(value).__name__} does not support the format {spec!r}.")
    text, cut = shorten(_format(value, spec), room(budget))
    return Description(text, type(value).__name__, cut=cut)


def _format(value: object, spec: str) -> str:
    if spec[:1] == " " and spec[1:2] not in tuple("<>^="):  # `{a: 1}` is an object in another language
        raise UnknownFormat("a format follows the colon without a blank")
    try:
        return format(value, spec)
    except Exception as error:
        raise UnknownFormat(f"{type(value).__name__} does not support the format {spec!r}: {error}") from error


def _path(value: PurePath, spec: str, budget: int | None) -> Description:
    """The path itself, or the file's content as text or as an image."""
    match spec.strip():
        case "":
            return Description(str(value), "path")
        case "image":
            return _picture(load_image(str(value), {}), "")
        case "text":
            return _file(Path(value).expanduser(), room(budget, ASKED))
    return Description(_format(str(value), spec), "path")


def _file(path: Path, chars: int) -> Description:
    try:
        with regular(path).open(encoding="utf-8-sig") as file:
            text = file.read(chars + 1)
            whole = path.stat().st_size
    except UnicodeDecodeError as error:
        raise PromptError(f"{path} is not a text file in UTF-8.") from error
    except (OSError, ValueError) as error:
        raise PromptError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}.") from error
    if len(text) <= chars:
        return Description(text, f"text of {path.name}")
    note = f"\n[cut: the first {chars - 100:,} characters of {whole:,} bytes are shown]"
    return Description(text[: chars - 100] + note, f"text of {path.name}", cut=True)


def _picture(image: Image, spec: str) -> Description:
    if spec.strip() not in ("", "image"):
        raise UnknownFormat(f"An image does not support the format {spec!r}.")
    return Description(f"[image: {image.name}]", image.label, images=(image,))


def one_line(value: object) -> str:
    """Describe an item of a container on one line: frames, arrays and images by headline, records by their fields."""
    try:
        return _headline(value) or record_line(value, _inside) or one_line_repr(value)
    except (PromptError, *STOPS):
        raise
    except BaseException as error:  # noqa: BLE001 - as in `describe`
        return failed_line(value, error)


def _inside(value: object) -> str:
    """Describe a field of a record that is an item; goes no deeper, so that cycles end."""
    if is_container(value):
        return f"<{type(value).__name__} of {pluralize(len(value), 'item')}>"  # type: ignore[arg-type]  # a container
    is_record = record_line(value, lambda _: "") is not None
    return _headline(value) or (f"<{type(value).__name__}>" if is_record else one_line_repr(value))


def _headline(value: object) -> str:
    """The headline of a frame, array or image; "" for any other value."""
    if isinstance(value, (str, Reply)):
        return repr(str(value))
    if isinstance(value, (bytes, bytearray)) and len(value) > LONG_BYTES:
        return f"<{pluralize(len(value), 'byte')}>"
    if hasattr(type(value), "__nbchat__"):
        own = describe_self(value, "")
        return " ".join(own.text.split()) if own else ""
    table = table_of(value)
    if table is not None:
        return f"<{headline(table)}>"
    if arrays.is_array(value):
        return f"<{arrays.array_headline(value)}>"
    if arrays.is_scalar(value):
        return str(value)
    return f"<{describe_code(value, '').label}>" if is_code(value) else ""


def _brief(value: object, chars: int) -> str:
    return brief(value, one_line, chars)
