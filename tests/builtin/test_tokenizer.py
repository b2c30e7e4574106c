"""Tokens are text: whatever is written goes through them unchanged, and ids mean the same in every run."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from nbchat.builtin.model.models import learned
from nbchat.builtin.model.tokenizer import END, SPECIALS, Tokenizer
from tests.environment import ROOT

TEXT = (
    st.text() | st.text(alphabet="`*_-# \n\tabcäöü🎉e\u0301") | st.sampled_from(["", "<|end|>", "\r\n", "\x00", "🏳️‍🌈"])
)


@given(TEXT)
def test_any_text_comes_back_unchanged(text):
    tokenizer = learned().tokenizer
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == text
    assert b"".join(tokenizer.bytes_of(token) for token in tokens) == text.encode()


@given(st.text(alphabet=st.characters(codec=None), max_size=20))
def test_lone_surrogates_count_as_replacement_characters(text):
    """JSON may carry half of a character; UTF-8 can't."""
    tokenizer = learned().tokenizer
    expected = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    assert tokenizer.decode(tokenizer.encode(text)) == expected


@given(TEXT)
def test_nobody_can_write_a_special_token(text):
    assert all(token > END for token in learned().tokenizer.encode(text + SPECIALS[END]))


def test_common_words_are_one_token_and_rare_ones_a_few(known):
    assert len(known.tokenizer.encode("The for statement is used to iterate")) == 7
    assert 1 < len(known.tokenizer.encode(" antidisestablishmentarianism")) < 25


def test_a_tokenizer_that_read_nothing_still_knows_every_text():
    empty = Tokenizer([])
    assert empty.decode(empty.encode("naïve 🎉")) == "naïve 🎉"
    assert empty.encode("ab") == [6 + ord("a"), 6 + ord("b")]


def test_ids_are_the_same_in_another_process(known):
    """So a logit_bias found today holds tomorrow."""
    code = "from nbchat.builtin.model.models import learned; print(learned().tokenizer.encode('A list 🎉'), learned().fingerprint)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{known.tokenizer.encode('A list 🎉')} {known.fingerprint}"


def test_a_byte_that_is_no_text_is_named_as_openai_names_it(known):
    first = known.tokenizer.encode("🎉")[0]
    assert known.tokenizer.name(first) == "bytes:\\xf0"
    assert known.tokenizer.bytes_of(first) == b"\xf0"
    assert known.tokenizer.name(END) == "<|end|>"
