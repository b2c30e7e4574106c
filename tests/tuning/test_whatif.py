"""What-if: bounds contain the true value, cuts are correct, and nothing unknown is claimed."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.session import Session
from nbchat.tuning.reported_tokens import Position, positions
from nbchat.tuning.whatif import VOCABULARY, reshape, what_if
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import NbchatError, ParameterError
from nbchat.views import what_if as view


def entry(chosen, **probabilities):
    """A server's entry for a token, with the alternatives that it lists."""
    top = [{"token": token, "logprob": math.log(p)} for token, p in probabilities.items()]
    logprob = next((item["logprob"] for item in top if item["token"] == chosen), -12.0)
    return {"token": chosen, "logprob": logprob, "top_logprobs": top}


def reply(*entries):
    return Reply((Choice(text="".join(str(e.get("token")) for e in entries), logprobs=entries),))


def shares(position, exponent=1.0, top_p=1.0):
    return {
        c.token: (round(c.after.low, 4), round(c.after.high, 4)) for c in reshape(position, exponent, top_p).candidates
    }


WHOLE = positions(reply(entry("b", a=0.6, b=0.3, c=0.1)))[0]


def test_at_temperature_1_probabilities_are_those_reported():
    assert shares(WHOLE) == {"a": (0.6, 0.6), "b": (0.3, 0.3), "c": (0.1, 0.1)}


def test_half_the_temperature_squares_the_probabilities():
    assert shares(WHOLE, 2.0) == {"a": (0.7826, 0.7826), "b": (0.1957, 0.1957), "c": (0.0217, 0.0217)}


def test_temperature_0_takes_the_likeliest_and_equals_share():
    assert shares(WHOLE, math.inf) == {"a": (1, 1), "b": (0, 0), "c": (0, 0)}
    assert shares(positions(reply(entry("b", a=0.5, b=0.5)))[0], math.inf) == {"a": (0.5, 0.5), "b": (0.5, 0.5)}


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0, "a"), (0.6, "a"), (0.61, "ab"), (0.9, "ab"), (0.91, "abc"), (1, "abc")]
)
def test_top_p_keeps_the_fewest_likeliest_that_reach_it(top_p, kept):
    reshaped = reshape(WHOLE, 1.0, top_p)
    assert "".join(c.token for c in reshaped.candidates if c.kept) == kept
    assert sum(c.after.low for c in reshaped.candidates) == pytest.approx(1)


def test_what_is_not_known_widens_the_bounds_and_leaves_cuts_open():
    """0.2 is missing: one more token of 0.2, or many small ones. At a high temperature that matters much."""
    position = positions(reply(entry("a", a=0.5, b=0.3)))[0]
    assert position.rest == pytest.approx(0.2)
    assert shares(position) == {"a": (0.5, 0.5), "b": (0.3, 0.3)}
    low, high = shares(position, 0.5)["a"]
    assert low < 0.01
    assert high == pytest.approx(math.sqrt(0.5) / (math.sqrt(0.5) + math.sqrt(0.3) + math.sqrt(0.2)), abs=1e-4)
    assert [c.kept for c in reshape(position, 0.5, 0.4).candidates] == [True, None]


def test_a_token_that_was_not_among_the_likeliest_is_placed_behind_them():
    position = positions(reply(entry("z", a=0.6, b=0.3)))[0]
    assert position.tokens == ("a", "b", "z")
    assert position.token == "z"
    assert reshape(position, 1.0, 0.9).chosen.kept is False
    assert reshape(position, 1.0, 0.95).chosen.kept is None


def test_the_first_token_that_top_p_excludes_is_named():
    found = what_if(reply(entry("a", a=0.9, b=0.1), entry("b", a=0.6, b=0.4)), temperature=0, top_p=1)
    assert found.first_cut == 1
    assert "is impossible" in str(found)
    calm = what_if(reply(entry("a", a=0.9, b=0.1)), temperature=1, top_p=0.5)
    assert calm.first_cut is None
    assert "0.0 of 1 tokens would be drawn differently" in str(calm)


def test_the_whole_answers_probability_is_the_product():
    both = reply(entry("a", a=0.9, b=0.1), entry("b", a=0.6, b=0.4))
    assert what_if(both).probability.low == pytest.approx(0.36)


def part(logprob, *spelt):
    """A token that is part of a character, with its bytes; without any, they were not told."""
    return {"token": "\ufffd", "logprob": math.log(logprob)} | ({"bytes": list(spelt)} if spelt else {})


@pytest.mark.parametrize(
    ("written", "first", "second"),
    [
        (part(0.35, 0xE2), part(0.4, 0xE1), part(0.35, 0xE2)),
        (part(0.35), part(0.4), part(0.35)),
        (part(0.3499), part(0.4, 0xE1), part(0.35, 0xE2)),
        (part(0.35, 0xE2), part(0.4, 0xE1), part(0.35)),
    ],
)
def test_partial_characters_that_look_the_same_are_distinguished(written, first, second):
    """By their bytes, else by their probabilities."""
    top = [first, second, {"token": "a", "logprob": math.log(0.25), "bytes": [97]}]
    found = what_if(reply({**written, "top_logprobs": top}), temperature=0.5)
    assert len(found.positions[0].candidates) == 3
    chosen = found.positions[0].chosen
    assert chosen.before == pytest.approx(0.35)
    assert (chosen.after.low, chosen.after.high) == pytest.approx((0.1225 / 0.345, 0.1225 / 0.345))


@pytest.mark.parametrize("written", [part(0.05, 0xE2), part(0.05)])
def test_a_part_of_a_character_that_is_not_listed_is_none_of_those_that_are(written):
    found = what_if(reply({**written, "top_logprobs": [part(0.5, 0xE1), part(0.4, 0xE3)]}))
    assert [candidate.chosen for candidate in found.positions[0].candidates] == [False, False, True]


def test_a_whole_token_is_the_listed_one_however_it_was_rounded():
    found = what_if(reply({**entry("a", a=0.6, b=0.3), "logprob": -0.4}))
    assert [(c.token, c.chosen) for c in found.positions[0].candidates] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("given", "options", "word"),
    [
        (None, {}, "got NoneType"),
        ("text", {}, "got str"),
        (reply(entry("a", a=0.9)), {"choice": 3}, "no choice 3: the reply has 1 choice"),
        (reply(entry("a", a=0.9)), {"choice": "b"}, "no choice 'b'"),
        (reply(entry("a", a=0.9)), {"choice": -1}, "no choice -1"),
        (reply(entry("a", a=0.9)), {"reported_at": "x"}, "reported_at must be a temperature above 0; got 'x'"),
        (reply(entry("a", a=0.9)), {"reported_at": math.nan}, "above 0; got nan"),
        (reply(entry("a", a=0.9)), {"reported_at": [1]}, "reported_at"),
    ],
)
def test_invalid_arguments_are_refused_in_one_sentence(given, options, word):
    for look in (what_if, view.what_if):
        with pytest.raises(ParameterError, match=re.escape(word)):
            look(given, **options)


def test_a_probability_beyond_all_numbers_is_none_at_all():
    assert what_if(reply({"token": "a", "logprob": -(10**400)})).probability.low == 0


def test_an_answer_without_probabilities_says_how_to_get_them():
    with pytest.raises(NbchatError, match="logprobs=True"):
        what_if(Reply())
    with pytest.raises(ParameterError, match="temperature"):
        what_if(reply(entry("a", a=0.9)), temperature=5)
    with pytest.raises(ParameterError, match="reported_at"):
        what_if(reply(entry("a", a=0.9)), reported_at=0)


def test_the_reported_temperature_is_taken_out():
    """Probabilities reported at temperature 2 are squared for temperature 1."""
    found = what_if(reply(entry("a", a=0.6, b=0.3, c=0.1)), temperature=1, reported_at=2)
    assert found.positions[0].candidates[0].after.low == pytest.approx(0.36 / 0.46)


@pytest.mark.parametrize("top", [2, 20])
@pytest.mark.parametrize("temperature", [0.2, 0.7, 1.4, 2])
def test_the_bounds_hold_what_the_built_in_model_really_does_at_another_temperature(top, temperature):
    session = Session(max_tokens=1, logprobs=True)
    question = "Tell me about generators and lists."
    answer = session.ask(question, once=True, temperature=1, top_logprobs=top)
    other = session.ask(question, once=True, temperature=temperature, top_logprobs=20)
    truth = {item["token"]: math.exp(item["logprob"]) for item in other.choices[0].logprobs[0]["top_logprobs"]}
    candidates = what_if(answer, temperature).positions[0].candidates
    assert len(candidates) >= top
    for candidate in candidates:
        if candidate.token in truth:
            assert candidate.after.low - 1e-9 <= truth[candidate.token] <= candidate.after.high + 1e-9


weights = st.lists(st.floats(1e-6, 1), min_size=2, max_size=12)


@given(weights, st.data(), st.floats(0.3, 5), st.floats(0, 1))
def test_whatever_the_hidden_tokens_are_the_truth_lies_within_the_bounds(raw, data, exponent, top_p):
    """A whole distribution, of which only the likeliest are reported: the true probabilities are never outside the bounds."""
    raw = sorted((weight / sum(raw) for weight in raw), reverse=True)
    told = data.draw(st.integers(0, len(raw)))
    chosen = data.draw(st.integers(0, len(raw) - 1))
    names = [f"t{number}" for number in range(len(raw))]
    logs = [{"token": name, "logprob": math.log(p)} for name, p in zip(names, raw, strict=True)]
    position = positions(reply({**logs[chosen], "top_logprobs": logs[:told]}))[0]
    truth = sampled(raw, exponent, top_p)
    reshaped = reshape(position, exponent, top_p)
    for candidate in reshaped.candidates:
        share = truth[names.index(candidate.token)]
        if near_the_edge(raw, exponent, top_p):
            continue
        assert candidate.after.low - 1e-6 <= share <= candidate.after.high + 1e-6
        assert candidate.kept in (None, share > 0)


def sampled(probabilities, exponent, top_p):
    """The distribution after temperature and top_p, by their definitions."""
    powers = [p**exponent for p in probabilities]
    total, mass, kept = sum(powers), 0.0, []
    for power in powers:
        if kept and mass >= top_p * total:
            break
        kept.append(power)
        mass += power
    return [power / mass for power in kept] + [0.0] * (len(powers) - len(kept))


def near_the_edge(probabilities, exponent, top_p):
    """Whether rounding decides which token is the nucleus's last."""
    powers = [p**exponent for p in probabilities]
    sums = [sum(powers[: number + 1]) / sum(powers) for number in range(len(powers))]
    return any(abs(mass - top_p) < 1e-5 for mass in sums)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.integers(-(10**400), 10**400),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["token", "logprob", "bytes", "top_logprobs"]), inner, max_size=4)
    ),
    max_leaves=12,
)
entries = st.dictionaries(st.sampled_from(["token", "logprob", "bytes", "top_logprobs"]), anything, max_size=3)


@given(st.lists(entries, max_size=4), st.floats(0, 2), st.floats(0, 1))
def test_nothing_that_a_server_writes_breaks_it(logprobs, temperature, top_p):
    try:
        found = what_if(reply(*logprobs), temperature, top_p)
    except NbchatError:
        return
    for position in found.positions:
        for candidate in position.candidates:
            assert 0 <= candidate.after.low <= candidate.after.high <= 1 + 1e-9
    assert str(found)


def test_a_position_knows_how_much_is_missing():
    assert Position(("a",), (math.log(0.4),), 0, 1.0).rest == pytest.approx(0.6)
    assert VOCABULARY > 200_000
