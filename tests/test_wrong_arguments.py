"""Arguments of the wrong kind: every public function takes them, or refuses them in one sentence that names the argument."""

import asyncio
import contextlib
import inspect
import random

import pandas as pd
import pytest

import nbchat
from nbchat import Session
from nbchat.conversation.options import RequestOptions
from nbchat.rows.evaluation.evaluate import evaluate
from nbchat.rows.mapping import map_rows
from nbchat.tuning.sweep import sweep
from nbchat.values.errors import NbchatError, ParameterError
from nbchat.values.params import PARAMETERS

WRONG = [
    None,
    0,
    "",
    {"a": 1},
    {1: 2},
    [1],
    object(),
    10**400,
    float("nan"),
    b"bytes",
    "\ud83d",
    pd.DataFrame({"a": [1]}),
]

ROWS = pd.DataFrame({"text": ["a", "b"], "label": ["x", "y"]})

ASKING = [*RequestOptions.__struct_fields__, *PARAMETERS, "display", "extra"]

OPTIONS = {
    "ask": ASKING,
    "sweep": [*inspect.signature(sweep).parameters, *ASKING],
    "map": [*inspect.signature(map_rows).parameters, "display", "timeout"],
    "evaluate": [*inspect.signature(evaluate).parameters, "display", "timeout"],
}
"""What these methods take by name and their signatures don't say."""

FOR_NBCHAT = {"session", "params", "replaces", "resumes", "options", "axes", "on_run", "result_type"}

METHODS = {
    name
    for name in dir(Session)
    if not name.startswith("_") and not isinstance(inspect.getattr_static(Session, name), property)
} - {"enter"}

SETTINGS = ["approve", "budget", "cache", "context", "params", "system", "timeout"]

RESULTS = {
    "sweep": lambda chat: chat.sweep("Hi", temperature=[0, 1]),
    "evaluation": lambda chat: chat.evaluate(ROWS, "{text}", truth="label", model=["a", "b"]),
    "answers": lambda chat: chat.map(["a"], "{item}"),
    "ledger": lambda chat: chat.ledger(),
    "reply": lambda chat: chat.turns[-1].reply,
}


@pytest.fixture
def chat(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = Session(base_url=server.base_url, model="m")
    session.ask("Hi")
    return session


def right(chat):
    """For each name of a required argument, one of the right kind."""
    turn = chat.turns[-1]
    return {
        "message": "Hi",
        "name": "copy",
        "path": "chat.json",
        "data": ROWS,
        "template": "{text}",
        "models": ["m"],
        "turn": turn,
        "answer": turn,
        "rating": None,
        "version": 0,
        "row": None,
        "observer": lambda: None,
        "exchange": chat.exchange("Hi"),
        "run": chat.sweep("Hi"),
        "function": len,
        "base_url": None,
        "by": "run",
        "index": 0,
        "i": 0,
        "j": 0,
        "chance": random.Random(0),
        "setting": {},
        "number": 0,
        "reply": turn.reply,
        "value": ROWS,
        "frame": ROWS,
    }


async def used(result):
    """Run what a call has only prepared."""
    if inspect.iscoroutine(result):
        await result
    elif isinstance(result, contextlib.AbstractAsyncContextManager):
        async with result:
            pass
    elif isinstance(result, contextlib.AbstractContextManager):
        with result:
            pass


def call(function, *given, **named):
    """Call a function; its refusal, if any, must be a sentence of ours."""
    try:
        asyncio.run(used(function(*given, **named)))
    except NbchatError as refused:
        assert "nbchat itself failed" not in str(refused)
    except IndexError as refused:
        assert str(refused).startswith("There is no run")


def call_with_each(chat, function, names=()):
    """Call a function with each wrong value for each of its arguments."""
    parameters = [
        p for p in inspect.signature(function).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    needed = {p.name: right(chat)[p.name] for p in parameters if p.default is p.empty}
    first = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
    for name in {*(p.name for p in parameters), *names} - FOR_NBCHAT:
        for wrong in WRONG:
            given = {**needed, name: wrong}
            call(function, *(given.pop(each) for each in first if each in given), **given)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_each_method_of_a_session(chat, name):
    call_with_each(chat, getattr(chat, name), OPTIONS.get(name, ()))


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_of_a_session(chat, name):
    for wrong in WRONG:
        call(setattr, chat, name, wrong)


@pytest.mark.parametrize(
    "function",
    [Session, nbchat.session, nbchat.what_if, nbchat.describe, nbchat.private],
    ids=lambda function: function.__name__,
)
def test_each_function(chat, function):
    call_with_each(chat, function, PARAMETERS if function is Session else ())


@pytest.mark.parametrize("name", RESULTS)
def test_each_method_of_a_result(chat, name):
    result = RESULTS[name](chat)
    own = {
        each
        for kind in type(result).__mro__
        if kind.__module__.startswith("nbchat")
        for each, member in vars(kind).items()
        if not each.startswith("_") and inspect.isfunction(member)
    }
    for method in own - {"price", "name"}:
        call_with_each(chat, getattr(result, method))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda chat: chat.ask("Hi", display=0), "display must be True, False, a Presenter or None; got 0."),
        (lambda chat: chat.ask("Hi", once="yes"), "once must be True or False; got 'yes'."),
        (lambda chat: chat.ask("Hi", system=5), "system must be text or None; got 5."),
        (
            lambda chat: chat.ask("Hi", extra=[1]),
            "extra must be a dictionary of parameters' names and JSON values; got [1].",
        ),
        (lambda chat: chat.rate(chat.turns[-1], note=None), "note must be text; got None."),
        (lambda chat: chat.pin(1), "turn must be one of session.turns, such as session.turns[-1]; got 1."),
        (lambda chat: chat.choose(chat.turns[-1], "0"), "version must be a whole number; got '0'."),
        (lambda chat: chat.export(None), "path must be text or a path; got None."),
        (
            lambda chat: chat.map([None], "{item}").retry(disagreeing="all"),
            "disagreeing must be True or False; got 'all'.",
        ),
        (lambda chat: chat.map(["a"], "{item}", on_progress=5), "on_progress must be a function; got 5."),
        (lambda _chat: Session(api_key=b"my secret"), "api_key must be text, a Key or None; got bytes."),
        (lambda _chat: Session(headers=["my secret"]), "headers must be a dictionary or None; got list."),
        (lambda _chat: nbchat.session(5), "name must be text or None; got 5."),
    ],
)
def test_the_sentence_names_the_argument_and_sends_nothing(chat, server, wrong, said):
    sent = len(server.requests)
    with pytest.raises(ParameterError) as refused:
        wrong(chat)
    assert str(refused.value) == said
    assert len(server.requests) == sent


def test_a_checked_function_is_documented_as_it_is_written():
    assert inspect.iscoroutinefunction(Session.aask)
    assert list(inspect.signature(Session.export).parameters) == ["self", "path"]
    assert Session.export.__doc__.startswith("Write the conversation")
