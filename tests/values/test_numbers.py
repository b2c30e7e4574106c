"""Numbers that callers give: whatever they are, one sentence names them, before anything is sent."""

import pytest

from nbchat import Session
from nbchat.cells.options import parse
from nbchat.cells.usage_error import UsageError
from nbchat.values.answer.rating import Rating
from nbchat.values.errors import ParameterError
from nbchat.values.params import Params

NEVER = [
    0,
    -1,
    True,
    float("nan"),
    float("inf"),
    -float("inf"),
    10**400,
    -(10**400),
    10**5000,
    "3",
    "many",
    [2],
    {},
    1j,
]
"""No count and no duration."""

NO_SCORES = [float("nan"), float("inf"), 10**400, -(10**400), 10**5000, True, "3", [2]]

ROWS = ["first", "second"]

COUNTS = {
    "repeat of a sweep": lambda session, value: session.sweep("Hi", repeat=value),
    "at_once": lambda session, value: session.sweep("Hi", temperature=[0, 1], at_once=value),
    "repeat of rows": lambda session, value: session.map(ROWS, "{item}", repeat=value, display=False),
    "pilot": lambda session, value: session.map(ROWS, "{item}", pilot=value, display=False),
    "concurrency": lambda session, value: session.map(ROWS, "{item}", concurrency=value, display=False),
    "pilot of an evaluation": lambda session, value: session.evaluate(ROWS, "{item}", truth=ROWS, pilot=value),
}

SECONDS = {
    "timeout of a request": lambda session, value: session.ask("Hi", timeout=value),
    "timeout of a session": lambda _session, value: Session(timeout=value),
    "timeout as assigned": lambda session, value: setattr(session, "timeout", value),
}


@pytest.mark.parametrize("value", NEVER, ids=range(len(NEVER)))
@pytest.mark.parametrize("surface", [*COUNTS, *SECONDS])
def test_a_number_that_can_not_be_is_named(surface, value):
    session = Session(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ParameterError) as refused:
        {**COUNTS, **SECONDS}[surface](session, value)
    said = str(refused.value)
    assert said.startswith(f"{surface.split()[0]} must be a ")
    assert "; got " in said
    assert len(said) < 200


@pytest.mark.parametrize("flag", ["--repeat", "--pilot", "--concurrency", "--timeout"])
@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e400", "9" * 400, "9" * 5000, "many", "''"])
def test_a_number_on_the_line_of_a_cell_is_named_too(flag, text):
    with pytest.raises(UsageError) as refused:
        parse(f"{flag} {text}")
    said = str(refused.value)
    assert said.startswith(f"{flag} must be a ")
    assert len(said) < 200


@pytest.mark.parametrize("value", NO_SCORES, ids=range(len(NO_SCORES)))
def test_a_score_that_is_no_number_is_named(value):
    with pytest.raises(ParameterError, match=r"^A rating's score must be a number; got "):
        Rating(score=value)


@pytest.mark.parametrize("name", ["temperature", "seed", "max_tokens", "logit_bias"])
def test_an_integer_too_long_to_write_is_no_parameter(name):
    value = {"1": 10**5000} if name == "logit_bias" else 10**5000
    with pytest.raises(ParameterError, match=f"^{name} must be .*; got "):
        Params(**{name: value})


def test_an_integer_too_long_to_write_is_no_field_of_a_request():
    with pytest.raises(ParameterError, match=r"^field must be a JSON value; got "):
        Params(extra={"field": 10**5000})
