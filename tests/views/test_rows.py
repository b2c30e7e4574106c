"""The answers to rows as one output: whatever they are, it is inert and bounded, and says what became of each row."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.rows.outcome import NOT_SENT, Answer, Outcome
from nbchat.rows.pilot import Projection
from nbchat.rows.results.details import Details
from nbchat.tuning.statistics import Mean
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import NbchatError
from nbchat.views.rows import pilot_bundle, rows_bundle
from tests.strategies import texts

OWN_TAGS = {"div", "table", "thead", "tbody", "tr", "th", "td", "span", "details", "summary", "code", "br", "wbr"}
MOST_BYTES = 40_000


def details(outcomes, **more):
    usage = Usage(30, 10, 40, "measured")
    return Details(
        outcomes,
        {},
        **{"usage": usage, "cost": 0.02, "requests": 2, "seconds": 1.5, "again": None, "pilot": None} | more,
    )


def answered(value, **more):
    return Outcome("complete", value, answer=Answer(str(value)), **more)


def failed(reason):
    return Outcome("failed", error=NbchatError(reason))


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found, self.attributes = set(), set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.add(tag)
        self.attributes |= {name for name, _ in attributes}


HOSTILE = st.sampled_from(
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "[a](javascript:alert(1))",
        "$\\href{javascript:x}{y}$",
        "\x1b[31m",
    ]
)
values = st.one_of(
    texts,
    HOSTILE,
    st.integers(),
    st.booleans(),
    st.none(),
    st.dictionaries(texts | HOSTILE, texts | HOSTILE, max_size=12),
)
outcomes = st.one_of(
    values.map(answered),
    (texts | HOSTILE).map(failed),
    st.just(NOT_SENT),
    st.just(Outcome("skipped", error=NbchatError("x"))),
)


@given(st.lists(outcomes, max_size=30), texts | HOSTILE, st.booleans())
def test_any_answers_and_reasons_are_inert(found, said, is_pilot):
    pilot = Projection(3, 5, Mean(0.1, 3, 0.0, 0.5), Mean(40.0, 3), None, Mean(2.0, 3, 1.0, 3.0))
    made = details(found, notices=[said])
    bundle = pilot_bundle(made, pilot, lambda _: said) if is_pilot else rows_bundle(made, lambda _: said, "labels")
    tags = Tags(bundle["text/html"])
    assert tags.found <= OWN_TAGS
    assert not any(name.startswith("on") for name in tags.attributes)
    assert "\x1b" not in bundle["text/plain"] + bundle["text/html"]


def test_many_rows_with_long_texts_make_a_small_output():
    long = "word " * 10_000
    found = [answered(long) if number % 2 else failed(f"{number} no") for number in range(20_000)]
    bundle = rows_bundle(details(found), lambda _: long)
    assert sum(len(form.encode()) for form in bundle.values()) < MOST_BYTES
    assert "10,000 of 20,000 rows answered · 10,000 failed" in bundle["text/plain"]
    assert "and 9,995 more reasons" in bundle["text/plain"]


def test_a_wide_schema_shows_its_first_columns():
    found = [answered({f"column {number}": number for number in range(1000)})] * 3
    bundle = rows_bundle(details(found), lambda _: "")
    assert "column 7" in bundle["text/plain"]
    assert len(bundle["text/html"]) < MOST_BYTES


@pytest.mark.parametrize(
    ("values", "counted"),
    [
        (["yes"] * 8 + ["no"] * 4, True),
        ([{"label": "yes"}] * 8 + [{"label": "no"}] * 4, True),
        ([True] * 8 + [False] * 4, True),
        (["yes"] * 12, False),
        (["yes"] * 5 + ["no"] * 3, False),
        ([f"answer {number}" for number in range(12)], False),
        ([0.5] * 8 + [0.7] * 4, False),
        (["yes"] * 11 + ["no because " * 9], False),
    ],
)
def test_labels_are_counted_and_other_answers_are_not(values, counted):
    shown = rows_bundle(details([answered(value) for value in values]), lambda _: "")["text/plain"]
    assert bool(re.search(r"^answer +rows$", shown, re.MULTILINE)) is counted


def test_what_to_do_next_is_named():
    found = [answered("a"), failed("No."), NOT_SENT, answered("b", agreement=0.6)]
    shown = rows_bundle(details(found), lambda _: "", "labels")["text/plain"]
    for words in ("labels.retry() asks the 2 rows", "labels.errors()", "labels.disagreements()", "1 × No. (row 1)"):
        assert words in shown
    assert "retry" not in rows_bundle(details([answered("a")]), lambda _: "")["text/plain"]


def test_an_empty_result_is_shown_too():
    assert "0 of 0 rows answered" in rows_bundle(details([], requests=0), lambda _: "")["text/plain"]


def test_a_bill_for_fewer_requests_than_rows_is_explained():
    rows = [answered("a"), answered("a"), answered("b")]
    assert "equal rows were asked once, in 2 requests" in rows_bundle(details(rows), lambda _: "")["text/plain"]
    assert "equal rows" not in rows_bundle(details(rows, requests=3), lambda _: "")["text/plain"]
