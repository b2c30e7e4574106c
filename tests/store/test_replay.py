"""The replay cache: how a request is hashed, and what is replayed."""

import copy
import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.store import tape
from nbchat.store.replay import SUFFIX, read_file, request_hash, write_file
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import (
    CarriedDelta,
    Event,
    Finished,
    ImageDelta,
    LogprobsDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    SourcesDelta,
    Started,
    TextDelta,
    ThoughtBefore,
    ToolCallDelta,
    Unshown,
    UsageReport,
)
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import ConfigError
from nbchat.values.messages import ImagePart, Source
from nbchat.values.request import Request
from tests import strategies
from tests.environment import PATIENCE

BODY = {"model": "m", "messages": [{"role": "user", "content": "q"}], "temperature": 0.5, "stream": True}

counts = st.none() | st.integers(0, 10**6)
indices = st.integers(0, 3)
texts = strategies.texts
EVENTS = {
    TextDelta: st.builds(TextDelta, texts, indices),
    ReasoningDelta: st.builds(ReasoningDelta, texts, indices),
    RefusalDelta: st.builds(RefusalDelta, texts, indices),
    ToolCallDelta: st.builds(ToolCallDelta, indices, texts, texts, texts, indices),
    LogprobsDelta: st.builds(
        LogprobsDelta, st.tuples(st.fixed_dictionaries({"token": texts, "logprob": st.floats(-9, 0)})), indices
    ),
    UsageReport: st.builds(UsageReport, st.builds(Usage.estimated, counts, counts)),
    Finished: st.builds(Finished, texts, indices),
    Started: st.builds(Started, st.none() | texts, st.none() | texts),
    Notice: st.builds(Notice, texts),
    ThoughtBefore: st.builds(ThoughtBefore, texts, indices),
    CarriedDelta: st.builds(
        CarriedDelta, st.dictionaries(texts, texts, max_size=2), st.none() | indices, indices, st.booleans()
    ),
    ImageDelta: st.builds(ImageDelta, st.builds(ImagePart, texts, st.none() | texts), indices),
    SourcesDelta: st.builds(SourcesDelta, st.tuples(st.builds(Source, texts, texts)), indices),
    Unshown: st.builds(Unshown, texts, indices),
}
events = st.one_of(*EVENTS.values())


def test_every_kind_of_event_is_recorded_or_about_timing():
    assert EVENTS.keys() == {*get_args(Event)} - {*tape.TIMING_EVENTS}


@given(st.lists(events))
def test_events_come_back_as_they_were(came):
    assert tape.read(json.loads(json.dumps(tape.written(came)))) == came


@given(st.lists(events))
def test_merged_events_make_the_same_answer(came):
    request = Request("http://x", BODY)
    drafts = Draft(request, 0.0), Draft(request, 0.0)
    merged = tape.read(json.loads(json.dumps(tape.written(came, merge=True))))
    for draft, part in zip(drafts, (came, merged), strict=True):
        draft.add(part)
    whole, again = (draft.reply().to_dict() for draft in drafts)
    assert {**whole, "timing": {}} == {**again, "timing": {}}
    assert len(merged) <= len(came)


@pytest.mark.parametrize("row", [["nothing"], [], ["call"], ["usage", 3], ["text", "a", 0, 0, 0], [["text"]]])
def test_an_invalid_event_is_reported(row):
    with pytest.raises(ValueError, match="not an event"):
        tape.read([row])


def test_delivery_options_do_not_change_the_request_hash():
    named = request_hash("s", BODY)
    assert request_hash("s", {**BODY, "stream": False}) == named
    assert request_hash("s", {**BODY, "stream_options": {"include_usage": True}}) == named
    assert request_hash("s", dict(reversed(BODY.items()))) == named


CHANGES = [
    {"model": "n"},
    {"temperature": 0.50001},
    {"temperature": None},
    {"seed": 1},
    {"n": 2},
    {"tools": [{"type": "function", "function": {"name": "f"}}]},
    {"messages": [{"role": "user", "content": "q "}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:a"}}]}]},
    {"stop": ["x"]},
]


def test_all_other_fields_change_the_request_hash():
    hashes = [request_hash("s", BODY), request_hash("t", BODY)]
    hashes += [request_hash("s", {**BODY, **change}) for change in CHANGES]
    assert len(set(hashes)) == len(hashes)


@given(st.dictionaries(st.text(max_size=4), strategies.json_values, max_size=4))
def test_a_request_has_the_same_name_each_time(body):
    assert request_hash("s", body) == request_hash("s", copy.deepcopy(body))


def test_an_answer_is_found_with_its_times_by_the_request_and_its_number(journal):
    recorded = [(0.25, [Started("m"), TextDelta("a")]), (1.5, [TextDelta("b"), Finished("stop")])]
    journal.replays.keep("r", 0, recorded)
    journal.replays.keep("r", 1, other := [(0.0, [TextDelta("other")])])
    assert journal.replays.find("r") == recorded
    assert journal.replays.find("r", 1) == other
    assert journal.replays.find("r", 2) is journal.replays.find("x") is None


@strategies.scaled(0.25)
@given(st.lists(st.tuples(st.floats(0, 9).map(lambda at: round(at, 3)), st.lists(events, max_size=4)), max_size=4))
def test_an_exported_file_holds_the_same_answers(tmp_path_factory, recorded):
    from nbchat.store.replay import _packed

    path = tmp_path_factory.mktemp("cache") / f"a.ipynb{SUFFIX}"
    assert write_file(path, [("r", 0, _packed(recorded, ())), ("r", 1, _packed([], ()))]) == 2
    assert read_file(path) == {("r", 0): recorded, ("r", 1): []}


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"nbchat-cache": 9}', '{"nbchat-cache": 1}\n{"request": "r"}', "\0"]
)
def test_an_invalid_file_is_reported(tmp_path, content):
    path = tmp_path / "x"
    path.write_text(content)
    with pytest.raises(ConfigError, match="not an exported nbchat cache"):
        read_file(path)
    with pytest.raises(ConfigError, match="can't be read"):
        read_file(tmp_path / "absent")


def test_what_belongs_to_a_notebook_is_found_by_its_path_and_its_cells(journal):
    from nbchat.store.ledger.entries import Entry
    from nbchat.values.answer.reply import Timing

    def call(request, **more):
        journal.replays.keep(request, 0, [(0.0, [TextDelta(request)])])
        journal.ledger.add(Entry("s", "m", "complete", Usage(), None, Timing(), request=request, **more))

    call("a", notebook="/n.ipynb")
    call("b", cell="c-1")
    call("c", notebook="/other.ipynb", cell="c-2")
    journal.flush(PATIENCE)
    assert [row[0] for row in journal.replays.of_notebook("/n.ipynb", ["c-1", "c-9"])] == ["a", "b"]
