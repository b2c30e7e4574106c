"""What the user is shown before a tool runs is what runs."""

from __future__ import annotations

import builtins
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.tools.approval import ask_user
from nbchat.conversation.tools.call_view import HEAD, PAGE, TAIL, WIDTH, CallView
from nbchat.values.messages import ToolCall

PAYLOAD = "import os; os.remove('thesis.docx')"
HIDDEN = ["\u202e", "\u2066", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u3164", "\u2800", "\ufe0f", "\U000e0041", "\x1b[2K", "\r",
          "\x08", "\u2028", "\u0085", "\u00a0", "\u034f", "\u115f", "\ue000", "\ud800"]  # fmt: skip


def call(code: str) -> ToolCall:
    return ToolCall("1", "run_python", json.dumps({"code": code}))


def asked(monkeypatch: pytest.MonkeyPatch, code: str, *answers: str) -> tuple[bool, list[str]]:
    """Whether the call is allowed by these answers, and the prompts."""
    prompts: list[str] = []
    left = list(answers)

    def answer(prompt: str = "") -> str:
        prompts.append(prompt)
        return left.pop(0)

    monkeypatch.setattr(builtins, "input", answer)
    return ask_user(call(code)), prompts


@pytest.mark.parametrize(
    "code",
    [
        "\n" * 200 + PAYLOAD,
        "x = 1\n" + " \n" * 5_000 + PAYLOAD,
        "#" * 3_990 + "\n" + PAYLOAD,
        "x = 1" + " " * 4_000 + "; " + PAYLOAD,
        "\n".join(f"x{n} = {n}" for n in range(500)) + "\n" + PAYLOAD,
        PAYLOAD + "\n" + "\n".join(f"x{n} = {n}" for n in range(500)),
    ],
)
def test_the_code_can_not_be_pushed_out_of_view(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    allowed, [prompt] = asked(monkeypatch, code, "n")
    assert not allowed
    assert PAYLOAD in prompt
    assert len(prompt.splitlines()) <= HEAD + TAIL + 4
    assert max(map(len, prompt.splitlines())) <= 3 * WIDTH


def test_blank_runs_are_counted() -> None:
    assert "[… 199 blank lines …]" in str(CallView.of(call("x" + "\n" * 200 + "y")))


def test_long_runs_of_one_character_are_counted() -> None:
    assert "x###[… '#' 3,984 more times …]###y" in str(CallView.of(call("x" + "#" * 3_990 + "y")))
    assert "x" + "#" * 79 + "y" in str(CallView.of(call("x" + "#" * 79 + "y")))
    assert "74 more times" in str(CallView.of(call("x" + "#" * 80 + "y")))


MIDDLE = (
    "\n".join(f"x{n} = {n}" for n in range(HEAD))
    + f"\n{PAYLOAD}\n"
    + "\n".join(f"y{n} = {n}" for n in range(PAGE + 50))
)


@pytest.mark.parametrize(
    ("answers", "allowed"),
    [
        (["y", "y"], False),
        (["yes", "no"], False),
        ([""], False),
        (["run"], False),
        (["run_python"], True),
        (["y", "run_python"], True),
        (["more", "y", "y"], False),
        (["more", "m", "y"], True),
        (["more", "m", "n"], False),
    ],
)
def test_a_plain_yes_is_not_enough_while_something_is_cut(
    monkeypatch: pytest.MonkeyPatch, answers: list[str], allowed: bool
) -> None:
    was_allowed, prompts = asked(monkeypatch, MIDDLE, *answers)
    assert was_allowed == allowed
    assert PAYLOAD not in prompts[0]
    assert "not shown" in prompts[0]
    if answers[0] == "more":
        assert PAYLOAD in prompts[1]


@given(st.lists(st.sampled_from([*HIDDEN, "a", " ", "\n", "é", "田", "🙂", "(", "#"]), max_size=60).map("".join))
def test_nothing_that_can_not_be_seen_is_shown_as_it_is(code: str) -> None:
    shown = str(CallView.of(call(code)))
    assert all(char == "\n" or char.isprintable() for char in shown)
    assert not set(shown) & set("\u3164\u2800\ufe0f\u034f\u115f")


@given(st.text(st.sampled_from("ab\n #"), max_size=3_000) | st.text())
def test_all_of_a_call_is_seen_in_the_end(code: str) -> None:
    view = CallView.of(call(code))
    seen = str(view)
    while view.unseen:
        view = view.more()
        assert view.latest
    assert str(view) == "\n".join(view.rows)
    assert len(seen.splitlines()) <= HEAD + TAIL + 1 + seen.count("\x85")


def test_a_short_call_is_asked_for_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, "1 + 1", "y") == (
        True,
        ["The model wants to run\nrun_python:\n  code = 1 + 1\nAllow it? [y/N] "],
    )
    assert asked(monkeypatch, "1 + 1", "yeah")[0] is False
