"""Requests of one conversation share their messages, and still record exactly what was sent."""

import copy
import gc
import json
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from nbchat.values.request import Request

messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from("ab"), "content": st.sampled_from("xyz")}), max_size=6
)


def body(said):
    return {"model": "m", "messages": said, "n": 1}


@given(st.lists(messages, min_size=1, max_size=6))
def test_a_shared_request_is_equal(said):
    earlier = None
    for each in said:
        whole = Request("http://x", copy.deepcopy(body(each)))
        earlier = whole.sharing(earlier)
        assert earlier == whole
        assert list(earlier.body) == ["model", "messages", "n"]
        json.dumps(earlier.body)


def test_changing_a_body_changes_no_request():
    first = Request("http://x", body([{"role": "user", "content": "a"}])).sharing(None)
    second = Request("http://x", body([*first.body["messages"], {"role": "user", "content": "b"}])).sharing(first)
    second.body["messages"][0]["content"] = "changed"
    second.body["messages"].clear()
    assert [message["content"] for message in second.body["messages"]] == ["a", "b"]
    assert [message["content"] for message in first.body["messages"]] == ["a"]


def test_a_body_without_messages_stays_as_it_is():
    assert Request("http://x", {"prompt": "a"}).sharing(None).body == {"prompt": "a"}


def test_memory_grows_linearly_with_the_turns():
    def grown(first, last):
        """Return the bytes of turns that were made after so many others."""
        before = tracemalloc.get_traced_memory()[0]
        for number in range(first, last):
            said.append({"role": "user", "content": f"{number}" * 20})
            kept.append(Request("http://x", body([dict(message) for message in said])).sharing(kept[-1]))
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    said, kept = [], [None]
    tracemalloc.start()
    try:
        early, _, late = grown(0, 100), grown(100, 400), grown(400, 500)
    finally:
        tracemalloc.stop()
    assert late < 1.5 * early
