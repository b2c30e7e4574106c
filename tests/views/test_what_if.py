"""What-if to look at: every token with its probability, nothing of a model live in it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbchat
from nbchat.values.answer.reply import Choice, Reply, Request
from nbchat.values.errors import NbchatError, ParameterError
from nbchat.views.what_if import MOST_TOKENS, what_if_bundle
from tests.strategies import scaled
from tests.views.test_sweep import HOSTILE, Tags


def reply_of(*tokens, others=("x", "y"), body=None):
    """An answer whose tokens came with these alternatives: the written one at 0.6, the others share 0.3."""
    logprobs = tuple(
        {
            "token": token,
            "logprob": math.log(0.6),
            "top_logprobs": [
                {"token": token, "logprob": math.log(0.6)},
                *({"token": other, "logprob": math.log(0.3 / len(others))} for other in others),
            ],
        }
        for token in tokens
    )
    request = Request("http://x", {"model": "m", **(body or {})})
    return Reply(choices=(Choice(0, "".join(tokens), logprobs=logprobs),), request=request)


@given(st.lists(st.text() | st.just(HOSTILE), min_size=1, max_size=5), st.text(), st.floats(0, 2), st.floats(0, 1))
@scaled(0.6)
def test_nothing_of_a_token_is_live(tokens, other, temperature, top_p):
    view = nbchat.what_if(reply_of(*tokens, others=(other, HOSTILE)), temperature, top_p)
    bundle = what_if_bundle(view.now, 0)
    seen = Tags(bundle["text/html"])
    assert set(seen.tags) <= {"div", "span", "table", "thead", "tbody", "tr", "th", "td", "b"}
    assert seen.attributes <= {"style", "class", "dir", "title"}
    assert "\x1b" not in bundle["text/plain"]


def test_a_tip_has_the_alternatives_before_and_after():
    """At temperature 0.5 the likeliest gains and the others lose."""
    html = what_if_bundle(nbchat.what_if(reply_of("a"), 0.5).now, 0)["text/html"]
    tip = html.partition('title="')[2].partition('"')[0]
    assert tip.splitlines()[0].startswith("▸ ‘a’  60 % → 8")
    assert [line.split("  ")[1] for line in tip.splitlines()[1:3]] == ["‘x’", "‘y’"]
    assert tip.splitlines()[3].startswith("all others:")


def test_an_answer_without_alternatives_says_how_to_get_them():
    words = "--top-logprobs 10 asks for them"
    assert words in what_if_bundle(nbchat.what_if(reply_of("a", others=())).now, 0)["text/html"]
    assert words not in what_if_bundle(nbchat.what_if(reply_of("a")).now, 0)["text/html"]


def test_a_token_that_top_p_rules_out_is_struck_through():
    shy = reply_of("a")
    entry = shy.choices[0].logprobs[0]
    entry["token"], entry["logprob"] = "y", math.log(0.15)
    html = what_if_bundle(nbchat.what_if(shy, 1, 0.5).now, 0)["text/html"]
    assert "line-through" in html.partition("</span>")[0]
    assert "ruled out" in html


def test_the_sliders_begin_at_the_requests_values():
    asked = nbchat.what_if(reply_of("a", body={"temperature": 0.7, "top_p": 0.9}))
    assert (asked.now.temperature, asked.now.top_p) == (0.7, 0.9)
    assert nbchat.what_if(reply_of("a")).now.temperature == 1


def test_a_long_answer_is_shown_in_part_and_says_so():
    bundle = what_if_bundle(nbchat.what_if(reply_of(*["t"] * (MOST_TOKENS + 3))).now, 0)
    assert "… 3 more tokens" in bundle["text/html"]


def test_an_answer_without_probabilities_is_refused_in_one_sentence():
    with pytest.raises(NbchatError, match="no token probabilities"):
        nbchat.what_if(Reply(choices=(Choice(0, "text"),)))
    with pytest.raises(ParameterError):
        nbchat.what_if(reply_of("a"), temperature=3)


def test_outside_a_notebook_it_prints_a_line_for_each_token(capsys):
    view = nbchat.what_if(reply_of("a", "b"))
    view._ipython_display_()
    printed = capsys.readouterr().out
    assert "‘a’" in printed
    assert "‘b’" in printed
    assert repr(view).startswith("<WhatIfView: At temperature 1")
