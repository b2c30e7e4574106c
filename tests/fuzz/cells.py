"""Lines, commands, prompts with live values, and rows."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st

from nbchat.cells.compose import compose
from nbchat.cells.options import ROWS
from nbchat.conversation.process import process
from nbchat.testing import Say
from nbchat.values.errors import GuardError, PromptError
from tests import strategies
from tests.fuzz.world import KEY, Finding, World, allowed, one_of, same, texts, without_key

# Lines

FAR = {"base_url", "out", "each", "score", "background", "timeout", "session"}
"""Options that would run code, write files, leave threads, or go to other servers: only as in `CAREFUL`."""

CAREFUL = (
    "<< x·<<·<<1·--each x·--each [1,2] --pilot 1·--score len·--session a·--timeout 5·--base-url 127.0.0.1:1"
    "·--base-url http://[::1·--base-url localhost:99999·--base-url ftp://x/\u2028"
)
FLAGS = [row.flag for row in ROWS if row.name not in FAR] + [f"-{row.short}" for row in ROWS if row.short]
names = one_of("x·df·huge·missing·café·__class__·_·None·1")
values = st.one_of(
    texts,
    one_of("0·1·2·-1·0,1·1,,2·nan·inf·-inf·1e400·none·None·true·[]·{}·a,b"),
    strategies.json_values.map(json.dumps),
    st.tuples(names, texts).map("=".join),
    st.integers(-(10**400), 10**400).map(str),
)
quotings = one_of("{}·'{}'·\"{}\"·'{}·\"{}·{}'·{}\"·$({})·{} ")
options = st.builds(
    lambda flag, between, value, quoting: flag + between + quoting.replace("{}", value),
    st.sampled_from(FLAGS),
    one_of(" ·=·"),
    values,
    quotings,
)
lines = st.lists(st.sampled_from(FLAGS) | options | one_of(CAREFUL) | texts, max_size=4).map(
    lambda words: " ".join(words).replace("\n", " ")
)
cells = st.tuples(lines, texts.filter(str.strip))
commands = st.tuples(
    one_of(
        "set·display·system·undo·history·choose·pin·drop·context·sessions·find·clear·usage·ledger·budget·cache·fork·help"
        "·export·import·preset·save-preset·presets·retry·continue·stop·nothing"
    ),
    (texts | values).map(lambda text: text.replace("\n", " ")),
)


def a_cell(world: World, case: tuple[str, str]) -> None:
    """A `%%chat` cell with any line and body."""
    _run(world, lambda: world.shell.run_cell_magic("chat", *case))


def a_command(world: World, case: tuple[str, str]) -> None:
    """A `%chat` line."""
    _run(world, lambda: world.shell.run_line_magic("chat", " ".join(case)))


def _run(world: World, magic: Callable[[], Any]) -> None:
    world.play()
    world.shell.user_ns.update(x=[1, 2], df={"a": 1}, huge=10**400)
    process.connected = world.session().endpoint
    said = io.StringIO()
    with allowed(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        magic()
    without_key(said.getvalue())


# Values in prompts


class Broken:
    """An object that can't be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __format__(self, spec: str) -> str:
        raise ZeroDivisionError(spec)

    def __getattr__(self, name: str) -> Any:
        raise RecursionError(name)


def odd_values() -> dict[str, Any]:
    """Values that hurt to describe."""
    circle: list[Any] = [1]
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    frame = pd.DataFrame({"a\u2028": [1, None], "b\n|": ["x`", "\0"], "c": [float("nan"), 1e308]})
    several = pd.MultiIndex.from_product([range(3), range(100)])
    plain = {
        "x": "a {y} \ud83d \u2028 ```",
        "y": "{x}",
        "half": "\ude42",
        "key": KEY,
        "raw": b"\xff\0",
        "huge": 10**5000,
    }
    frames = {"frame": frame, "twice": pd.concat([frame, frame], axis=1), "column": frame["c"], "empty": pd.DataFrame()}
    return {
        **plain,
        **frames,
        "nan": float("nan"),
        "money": decimal.Decimal("NaN"),
        "when": datetime.datetime(1, 1, 1),
        "circle": circle,
        "deep": deep,
        "broken": Broken(),
        "brokens": [Broken()],
        "many": pd.DataFrame(np.zeros((2, 300)), columns=several),
        "times": pd.Series(pd.to_datetime(["1700-01-01", None])),
        "kinds": pd.Categorical(["a", None]),
        "polars": pl.DataFrame({"a": [[1], None], "b": [b"\xff", b""]}),
        "zero": np.zeros((0, 3)),
        "f": len,
        "t": int,
    }


ODD = odd_values()
specs = st.one_of(
    one_of("schema·stats·head 2·all·sample 1·head -1·head 99999999999·sample x·.2f·,·%Y·é^9·\0>5·s·0200d"),
    st.text("<>=^+-#0123456789.,%bcdeEfFgGnosxX {}!é\ud83d ", max_size=6),
    texts,
)
paths = st.lists(one_of(".a·[0]·['c']·[-1]·.c·()·[·]·.shape·[0:1]· ·[9999]·.T·.values"), max_size=2).map("".join)
placeholders = st.builds(
    "{{{}{}{}{}}}".format,
    st.sampled_from(sorted(ODD)) | names,
    paths,
    one_of("···!r·=·!"),
    one_of("·:") | specs.map(":{}".format),
)
expressions = one_of("{= 1/0}·{= x}·{= huge}·{=}·{= (}·{= [}·{= frame.c.mean()}·{= broken}·{= deep}")
prompts = st.lists(placeholders | expressions | texts, min_size=1, max_size=5).map("".join)


def a_prompt(world: World, case: tuple[str, bool]) -> None:
    """A prompt with live values becomes a body that JSON can carry, or one sentence."""
    body, raw = case
    chat = world.session()
    with allowed() as raised:
        composed = compose(body, ODD, raw=raw)
        world.play()
        reply = chat.ask(composed.message, display=False, values=composed.values)
        sent = world.server.requests[-1].body.decode()
        json.loads(sent)
        without_key(sent, *composed.notes)
        same(reply.status, "complete", "the reply")
        if raw:
            same(chat.turns[-1].message.text, body, "a raw body")
    if raised and not isinstance(raised[0], (PromptError, GuardError)):
        raise Finding(f"{type(raised[0]).__name__}: {raised[0]}") from raised[0]


# Rows

schemas = one_of("label: yes|no·n:int·city:str,temp:float") | st.just(
    '{"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}'
)
rows = st.tuples(
    st.lists(st.one_of(texts, st.none(), st.integers(), st.floats(), strategies.json_values), max_size=4),
    one_of("{item}·Label: {item:>9}·{item} {missing}·{item.a}·{{item}}") | texts,
    texts | strategies.json_values.map(json.dumps),
    st.none() | schemas | texts,
)


def some_rows(world: World, case: tuple[list[Any], str, str, str | None]) -> None:
    """Each row has an outcome, in its place."""
    data, template, answer, schema = case
    more = {} if schema is None else {"schema": schema}
    world.play(*[Say(answer)] * 2 * len(data))
    with allowed():
        result = world.session().map(data, template, display=False, concurrency=4, retries=0, **more)
        same(len(result), len(data), "the number of rows")
        repr(result), result.details, result.errors()
