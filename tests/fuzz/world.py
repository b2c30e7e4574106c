"""What the ways share: a server, a shell with the extension, hostile texts, and what must hold of every case."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from nbchat import Session
from nbchat.store.opening import journal
from nbchat.testing import ScriptedServer
from nbchat.values.errors import Interrupted, NbchatError
from tests import strategies
from tests.display.test_painter import Sheet

KEY = "sk-a1b-KEYs7"


def one_of(words: str) -> st.SearchStrategy[str]:
    """One of the words between the dots; the first is empty where they begin with one."""
    return st.sampled_from(words.split("·"))


MARKUP = "<·>·&lt;·think>·<thin·</thought>·[THINK]·<script>·`·```·~~~\n·$·$$·\\(·|·|-·{·}·{{·}}·[·](·![·javascript:·data:text/html,"
VALUES = (
    "null·NaN·1e999·-0·%·%s·{0}·<<·--·-t·=·'·\\'·#·!·?·;·中文·ﷺ·e\u0301\u0301·\0·\x1b[31m·\x7f·\u202e·\ufeff·\t· ·  \n"
)
pieces = (
    one_of(MARKUP) | one_of(VALUES) | st.sampled_from([*KEY, KEY[:7], KEY[:-1], *strategies.TRICKY, "\ud83d", "\ude42"])
)
texts = st.lists(pieces | st.sampled_from(["9" * 400, "a" * 300]) | st.text(max_size=4), max_size=16).map("".join)
"""Text of what hurts."""

sendable = texts.map(lambda text: text.encode("utf-8", "replace").decode()).filter(lambda text: KEY not in text)
"""Text that JSON carries unchanged and that does not hold the key."""

CHANGES = b'|\0|\xff|\xf0\x9f|"|\\|{|}|[|]|,|\n|\r|null|-1|1e999|\\ud83d|data: |{"error": "x"}'.split(b"|")


@st.composite
def mutations(draw: Any, data: bytes) -> bytes:
    """The bytes with some of them changed, doubled, moved or cut off."""
    damaged = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at, size = draw(st.integers(0, max(0, len(damaged) - 1))), draw(st.integers(0, 12))
        more = [b"9" * 5000, b"[" * 2000, KEY.encode(), bytes(damaged[at : at + 40])]
        damaged[at : at + size] = draw(st.sampled_from([*CHANGES, *more]))
    return bytes(damaged[: draw(st.integers(0, len(damaged)))] if draw(st.integers(0, 5)) == 0 else damaged)


class Finding(AssertionError):
    """What must not be."""


def same(one: Any, other: Any, what: str) -> None:
    """Both are equal."""
    if one != other:
        raise Finding(f"{what}: {one!r:.500} is not {other!r:.500}")


def without_key(*shown: Any) -> None:
    """The key is nowhere in what is shown or written."""
    for text in (one if isinstance(one, str) else repr(one) for one in shown):
        if KEY in text:
            raise Finding(f"the key shows in {text[max(0, text.index(KEY) - 200) :][:500]!r}")


@contextlib.contextmanager
def allowed() -> Iterator[list[BaseException]]:
    """Let nbchat's own errors pass, if each is one sentence without the key; they are put into the list."""
    raised: list[BaseException] = []
    try:
        yield raised
    except (NbchatError, Interrupted) as error:
        raised.append(error)
        said = str(error)
        if not said.strip() or "\n" in said or "nbchat itself failed" in said or len(said) > 3000:
            raise Finding(f"{type(error).__name__} says {said[:3000]!r}") from error
        without_key(said)


class World:
    """A server, a shell with the extension, and a home of its own."""

    def __init__(self, server: ScriptedServer, home: Path) -> None:
        self.server, self.home = server, home
        self.shell = InteractiveShell.instance()
        self.noise: list[str] = []
        """What was raised where nobody catches it."""
        self._names = (f"s{number}" for number in itertools.count())
        with contextlib.redirect_stdout(io.StringIO()):
            self.shell.run_line_magic("load_ext", "nbchat")
        sys.unraisablehook = lambda one: self.noise.append(f"ignored: {one.exc_value!r} in {one.object!r}")
        threading.excepthook = lambda one: self.noise.append("".join(traceback.format_exception(one.exc_value)))
        logging.getLogger("asyncio").addHandler(_Noted(self.noise))

    def session(self, **more: Any) -> Session:
        """A session of its own, with the key."""
        return Session(name=next(self._names), base_url=self.server.base_url, model="scripted-1", api_key=KEY, **more)

    def play(self, *answers: Any) -> None:
        """Have the server give these answers next."""
        self.server._script.clear()
        self.server.add(*answers)

    def check_everywhere(self, chat: Session, sheet: Sheet) -> None:
        """What a session holds is what its exports and the journal give back; the key is in none of them."""
        held = contents(chat)
        for ending in ("json", "jsonl", "ipynb", "md"):
            path = chat.export(self.home / f"talk.{ending}")
            without_key(path.read_text("utf-8"))
            if ending != "md":
                same(contents(Session.load(path)), held, f"a loaded .{ending}")
        json.dumps(sheet.outputs, ensure_ascii=False).encode()
        without_key(sheet.outputs, chat, chat.ledger().to_frame().to_csv())
        same(journal().flush(20.0), True, "that the journal is written")
        rows = [row for row in journal().sessions() if row.name == chat.name]
        if held or rows:
            same(contents(Session.reopen(rows[0])), held, "the journal")

    def check_noise(self) -> None:
        """Nothing was raised behind the back of the case."""
        noise = "\n".join(self.noise)
        self.noise.clear()
        same(noise, "", "what was raised where nobody catches it")


def contents(chat: Session) -> list[tuple[str, str, str]]:
    """What must survive of each turn."""
    return [(turn.message.text, turn.reply.text, turn.reply.status) for turn in chat.turns]


class _Noted(logging.Handler):
    def __init__(self, noise: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._noise = noise

    def emit(self, record: logging.LogRecord) -> None:
        self._noise.append(f"logged by {record.name}: {record.getMessage()} {record.exc_info or ''}")
