"""Extract message and codes from an error body: any shape of JSON, text, HTML or XML."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from nbchat.api.keys import Key
from nbchat.values.limits import clipped
from nbchat.values.surrogates import paired

__all__ = ["ErrorDetail", "describe", "text_of"]

LONGEST_QUOTE = 300
"""Longest quotation of a server's message, in characters."""

MOST_NESTED = 20
"""Nesting levels searched, including JSON inside strings."""

MOST_ITEMS = 50
"""Items of a list, or fields of an object, searched."""

INNER = (
    "error",
    "errors",
    "fault",
    "baseresp",
    "response",
    "responsemetadata",
    "header",
    "choices",
    "detail",
    "message",
    "body",
    "exception",
)
"""Fields that hold the error itself, or a more precise message than their siblings."""

OWN = (
    "message",
    "errormessage",
    "errormsg",
    "errmsg",
    "msg",
    "statusmsg",
    "statusmessage",
    "detail",
    "faultstring",
    "errordescription",
    "description",
    "details",
    "reason",
    "title",
    "error",
    "errors",
    "raw",
)
"""Fields that hold an error's message, the most precise first."""

CODES = ("code", "errorcode", "errcode", "statuscode")
TYPES = ("type", "errortype", "status")
WISHES = {"retrydelay": 1.0, "retryafter": 1.0, "retryafterseconds": 1.0, "retryafterms": 1e-3}
"""Fields for the retry delay, and their unit in seconds."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
_PAGE = re.compile(r"<!doctype|<(head|body|title|h[1-6]|center|div|p|pre)[\s>]").match
_NOTHING = frozenset({"", "none", "null", "nil", "undefined"})


class ErrorDetail(Struct, frozen=True):
    """The content of an error body, each text on one line. Empty `message` = none; None = not given."""

    message: str = ""
    type: str | None = None
    param: str | None = None
    code: str | None = None
    status: int | None = None
    """The HTTP status named in the body: a gateway may forward an error with another one."""
    retry_after: float | None = None
    """The retry delay in seconds, from the body."""
    kinds: tuple[str, ...] = ()
    """Every code and type, the outermost first."""
    is_page: bool = False
    """Whether it is an HTML page, which comes from a gateway in front of the API."""

    @property
    def words(self) -> str:
        """All text that indicates the kind of error."""
        return f"{self.code or ''} {self.type or ''} {self.message}"


def describe(body: object, key: Key | None = None) -> ErrorDetail:
    """Extract the detail of a body: bytes, text, or decoded JSON of any shape. The key is masked."""
    if isinstance(body, ErrorDetail):
        return body
    return _Reading(key).detail(text_of(body) if isinstance(body, bytes) else body)


def text_of(body: bytes, charset: str | None = None) -> str:
    """Decode a body: as UTF-8 if it is that, else as UTF-16 or 32 if it looks so, else in the charset that was declared."""
    seen = json.detect_encoding(body)
    for codec in (seen, charset or seen):
        try:
            return body.decode(codec)
        except (LookupError, ValueError):  # an unknown charset, or another one
            continue
    return body.decode(seen, "replace")


class _Reading:
    """Reads one body: finds its message from the outside in, and collects codes and types on the way."""

    def __init__(self, key: Key | None) -> None:
        self._key = key
        self._kinds: list[str] = []
        self._codes: list[str] = []
        self._types: list[str] = []
        self._param: str | None = None
        self._status: int | None = None
        self._wish: float | None = None
        self._is_page = False

    def detail(self, body: object) -> ErrorDetail:
        """Return the detail in a text or in decoded JSON."""
        if isinstance(body, str) and isinstance(decoded := _json(body), (Mapping, list)):
            body = decoded
        message = self._words(body, 0)
        if not message and _has_words(body):  # unknown shape: quote the JSON itself
            message = json.dumps(body, ensure_ascii=False, default=str)[: 20 * LONGEST_QUOTE]
        return ErrorDetail(
            self._line(message),
            self._types[-1] if self._types else None,
            self._param,
            self._codes[-1] if self._codes else None,
            self._status,
            self._wish,
            tuple(self._kinds),
            self._is_page,
        )

    def _words(self, node: Any, depth: int) -> str:
        """Return the innermost message in a part of the body; empty = none."""
        if depth > MOST_NESTED:
            return ""
        match node:
            case str():
                return self._text(node, depth)
            case Mapping():
                return self._object(node, depth)
            case [*items]:
                return next(filter(None, (self._words(item, depth + 1) for item in items[:MOST_ITEMS])), "")
        return ""

    def _text(self, text: str, depth: int) -> str:
        """Return a text's message: from the JSON that it is or ends in, from a page, or the text itself."""
        text = text.strip()
        if text.startswith(("{", "[", '"')) and (body := _json(text)) is not None:
            return self._words(body, depth + 1) or (text if depth and body else "")
        start = text[:2000].lower()
        if "<html" in start or _PAGE(start):
            self._is_page = True
            return _page_words(text)
        if start.startswith("<") and (
            found := re.search(r"<(message|faultstring)>([^<]{1,2000})<", text, re.IGNORECASE)
        ):
            return html.unescape(found[2])
        return self._with_tail(text, depth)

    def _with_tail(self, text: str, depth: int) -> str:
        """Join a gateway's message with that in the JSON that it quotes: `Some Error - {"error": {…}}`."""
        if (start := re.search(r'\{\s*"', text)) is None:
            return text
        try:
            body, _ = json.JSONDecoder().raw_decode(text[start.start() :])
        except (ValueError, RecursionError):
            return text
        if not body.keys() & {"error", "errors", "message", "msg", "detail", "fault"}:
            return text
        before = text[: start.start()].rstrip(" -:=b'\"\n")
        inner = self._words(body, depth + 1)
        return f"{before}: {inner}" if before and inner else inner or text

    def _object(self, node: Mapping[Any, Any], depth: int) -> str:
        fields = {_plain(name): value for name, value in list(node.items())[:MOST_ITEMS]}
        self._note(fields)
        self._note_details(fields.get("details"))
        metadata = fields.get("metadata")
        if isinstance(metadata, Mapping) and (inner := self._words(metadata.get("raw"), depth + 1)):
            return inner
        for name in INNER:
            if isinstance(fields.get(name), (Mapping, list)) and (inner := self._inner(name, fields[name], depth + 1)):
                return inner
        for name in OWN:
            if isinstance(fields.get(name), str) and (words := self._text(fields[name], depth + 1)):
                return words
        return self._words(fields.get("details"), depth + 1)

    def _inner(self, name: str, node: Any, depth: int) -> str:
        if isinstance(node, list) and node and isinstance(node[0], Mapping) and {"loc", "msg"} <= node[0].keys():
            return self._validation(node[0])
        if words := self._words(node, depth):
            return words
        if name == "errors" and isinstance(node, Mapping):  # {errors: {field: ["what is wrong"]}}
            for field, value in node.items():
                if words := self._words(value, depth):
                    self._param = self._param or self._word(field)
                    return f"{field}: {words}"
        return ""

    def _validation(self, item: Mapping[str, Any]) -> str:
        """FastAPI's `{loc: ["body", field, …], msg, type}`."""
        loc = item["loc"]
        where = [str(step) for step in loc if step != "body"] if isinstance(loc, list) else []
        message = item["msg"] if isinstance(item["msg"], str) else json.dumps(item["msg"], default=str)
        self._param = self._word(where[0]) if where else None
        if kind := self._word(item.get("type")):
            self._types.append(kind)
            self._kinds.append(kind)
        return f"{'.'.join(where)}: {message}" if where else message

    def _note(self, fields: Mapping[str, Any]) -> None:
        """Collect the codes, types and retry delays of one object."""
        for names, found in ((CODES, self._codes), (TYPES, self._types)):
            for name in names:
                if word := self._word(fields.get(name)):
                    self._note_status(word)
                    if name != "status" or not word.isdigit():
                        found.append(word)
                        self._kinds.append(word)
                    break
        if (word := self._word(fields.get("error"))) and " " not in word:
            self._kinds.append(word)
        self._param = self._word(fields.get("param")) or self._param
        self._note_delay(fields)

    def _note_status(self, word: str) -> None:
        if re.fullmatch("[45][0-9][0-9]", word):
            self._status = int(word)

    def _note_details(self, details: Any) -> None:
        """Read Google's list of details: reasons, and the retry delay."""
        for item in details[:MOST_ITEMS] if isinstance(details, list) else ():
            if isinstance(item, Mapping):
                self._note_delay({_plain(name): value for name, value in list(item.items())[:MOST_ITEMS]})
                if word := self._word(item.get("reason")):
                    self._kinds.append(word)

    def _note_delay(self, fields: Mapping[str, Any]) -> None:
        for name, unit in WISHES.items():
            seconds = _seconds(fields.get(name))
            if seconds is not None:
                self._wish = seconds * unit

    def _word(self, value: object) -> str | None:
        known = isinstance(value, (str, int)) and not isinstance(value, bool)
        word = self._line(str(value)) if known else ""
        return None if word.lower() in _NOTHING else word

    def _line(self, text: str) -> str:
        """Return a text on one line, with the key masked, shortened, and without control characters."""
        if self._key is not None:
            text = self._key.redact(text)
        return clipped(" ".join(_UNPRINTABLE.sub(" ", paired(text[: 20 * LONGEST_QUOTE])).split()), LONGEST_QUOTE)


def _plain(name: object) -> str:
    """Normalize a field's name: `errorMessage`, `error_message` and `ErrorMessage` are the same."""
    return re.sub("[_-]", "", str(name)).lower()


def _has_words(body: object, depth: int = 0) -> bool:
    """Whether decoded JSON holds any text that is not empty."""
    if isinstance(body, (Mapping, list)) and depth < MOST_NESTED:
        items = list(body.values() if isinstance(body, Mapping) else body)
        return any(bool(item) if isinstance(item, str) else _has_words(item, depth + 1) for item in items[:MOST_ITEMS])
    return False


def _json(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _page_words(page: str) -> str:
    """The title of an HTML page, its first heading, or its text."""
    for name in ("title", "h1"):
        if found := re.search(rf"<{name}[^>]{{0,500}}>([^<]{{1,500}})</", page[:20_000], re.IGNORECASE):
            return html.unescape(found[1])
    return html.unescape(" ".join(_page_texts(page[:20_000])))


def _page_texts(page: str) -> Iterator[str]:
    """The texts between tags, except in scripts and styles."""
    name = ""
    for piece in re.split(r"(<[^>]*>)", page):
        if piece.startswith("<"):
            name = piece[1:8].lower()
        elif not name.startswith(("script", "style")):
            yield piece


def _seconds(value: object) -> float | None:
    """Parse a duration: `36`, `"36s"`, `"1.5s"`, `{"seconds": 36, "nanos": 0}`."""
    if isinstance(value, Mapping):
        value = value.get("seconds")
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?s?", value.strip()):
        return float(value.strip().removesuffix("s"))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9:
        return float(value)
    return None
