"""What a sweep's result looks like: nothing of a server is live in it, everything worth knowing is there."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat.conversation.turn import Turn
from nbchat.frontend import Session
from nbchat.markdown.html import MARKDOWN_TAGS
from nbchat.testing import Say
from nbchat.tuning.diff import Diff
from nbchat.tuning.grid import Grid
from nbchat.tuning.result import Asked, Sweep
from nbchat.tuning.run import Run
from nbchat.tuning.sweep import sweep
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import ServerError
from nbchat.values.messages import Message
from nbchat.values.params import Params
from nbchat.views.sweep import FEW, MOST_CHARACTERS, diff_bundle, sweep_bundle
from nbchat.views.sweep_table import MOST_ROWS
from tests.strategies import scaled

HOSTILE = (
    "<script>alert(1)</script> <img src=http://x/y onerror=alert(1)> $x$ ![a](http://x/y) \u202e\x1b[31m "
    "</details></td></table> &lt;b&gt; \" onmouseover='x' javascript://a"
)


class Tags(HTMLParser):
    """The elements of some HTML, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open, self.text = [], set(), [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def sweep_of(texts, repeat=1, **values):
    """A finished sweep with these answers; an exception among them is a failure."""
    values = values or {"temperature": [round(2 * i / len(texts), 4) for i in range(len(texts) // repeat)]}
    grid, _ = Grid.split(values, repeat)
    runs = []
    for cell, text in zip(grid.cells(), texts, strict=True):
        params = Params().replace(**{name: value for name, value in cell.setting.items() if name != "system"})
        if isinstance(text, BaseException):
            runs.append(Run(cell.index, cell.setting, cell.repeat, params, "failed", error=text))
            continue
        choices = tuple(Choice(i, each) for i, each in enumerate([text] if isinstance(text, str) else text))
        turn = Turn(Message("user", "?"), Reply(choices=choices), params)
        runs.append(Run(cell.index, cell.setting, cell.repeat, params, "complete", turn))
    return Sweep(Asked(Session(), Message("user", "?"), grid, {}), runs)


@given(st.lists(st.text() | st.just(HOSTILE), min_size=1, max_size=9))
@scaled(0.6)
def test_nothing_of_an_answer_is_live(texts):
    """Whatever the text: the same elements, none that runs, fetches or navigates, each closed where it was opened."""
    bundle = sweep_bundle(sweep_of(texts))
    seen = Tags(bundle["text/html"])
    assert set(seen.tags) <= {"details", "summary", "b", *MARKDOWN_TAGS}
    assert seen.attributes <= {"style", "class", "dir", "href", "target", "rel", "start"}
    assert seen.open == []
    assert "\x1b" not in bundle["text/plain"]


def test_a_saved_sweep_has_no_control_that_is_dead_without_a_kernel():
    rated = sweep_of(["one", "two"])
    rated.rate(0, thumb=True, score=4, note="good")
    shown = sweep_bundle(rated)["text/html"]
    assert not re.search(r"<(button|input|select|textarea)|data-nbchat-(thumb|sort|apply)", shown)


def test_a_servers_message_is_inert_too():
    seen = Tags(sweep_bundle(sweep_of([ServerError(HOSTILE, status=500), "fine"]))["text/html"])
    assert not {"script", "img"} & set(seen.tags)
    assert "alert(1)" in seen.text


def test_a_parameters_value_is_text_and_cut():
    """A system prompt as an axis may be long, and anything."""
    bundle = sweep_bundle(sweep_of(["a", "b"], system=[HOSTILE * 40, "short"]))
    seen = Tags(bundle["text/html"])
    assert not {"script", "img"} & set(seen.tags)
    assert len(bundle["text/html"]) < 10_000


@pytest.mark.parametrize("count", [1, 2, FEW, FEW + 1, 100])
def test_each_run_has_a_row_and_its_whole_answer(count):
    """Side by side where there are few, folded into the rows where there are many."""
    texts = [f"answer {i} " + "word " * 50 + f"end{i}." for i in range(count)]
    html = sweep_bundle(sweep_of(texts))["text/html"]
    seen = Tags(html)
    assert html.rpartition("<tbody>")[2].count("<tr>") == count
    assert all(f"end{i}." in seen.text for i in range(count))
    assert seen.tags.count("details") == (count if count > FEW else 0)


def test_what_is_too_much_is_cut_and_says_where_the_rest_is():
    many = sweep_bundle(sweep_of(["x"] * (MOST_ROWS + 7), temperature=[0], repeat=MOST_ROWS + 7))
    assert "7 more runs are in to_frame()" in many["text/plain"]
    long = sweep_bundle(sweep_of(["y" * (MOST_CHARACTERS + 5)]), name="found")["text/html"]
    assert "… 5 more characters: found[0].reply.choices[0].text" in long


def test_the_hints_use_the_results_name():
    """A name that nobody gave would be a NameError when it is typed."""
    assert "found.explore()" in sweep_bundle(sweep_of(["a", "b"]), name="found")["text/html"]
    unnamed = Tags(sweep_bundle(sweep_of(["a", "b"]))["text/html"]).text
    assert "<< NAME" in unnamed
    assert "sweep." not in unnamed


def test_a_failed_setting_is_one_row():
    """Its repeats fold where they failed in the same words; another reason is a row of its own, and answers never fold."""
    broken = [ServerError("gone"), ServerError("gone"), ServerError("gone"), ServerError("busy")]
    html = sweep_bundle(sweep_of(["same", "same", "same", "same", *broken], repeat=4, temperature=[0, 1]))["text/html"]
    rows = html.rpartition("<tbody>")[2].count("<tr")
    assert rows == 6
    assert "3 alike" in html
    assert html.count("gone") == 2  # its first words, and all of them


def test_a_part_of_a_sweep_says_that_it_is_a_part():
    whole = sweep_of(["a", "b", "c", "d"], temperature=[0, 1], repeat=2)
    assert "4 runs: 2 temperatures × 2 repeats" in sweep_bundle(whole)["text/plain"]
    part = whole.filter(temperature=1)
    assert "2 runs of the 4: 2 temperatures × 2 repeats" in sweep_bundle(part)["text/plain"]


def test_a_value_shared_by_all_rows_is_shown_once():
    """So that their answers have the room."""
    html = sweep_bundle(sweep_of(["text"] * 8, model=list("abcdefgh")))["text/html"]
    assert ">model<" in html
    html = sweep_bundle(sweep_of(["text"] * 8, model=["a"], repeat=8))["text/html"]
    assert "all of them: model a" in html


def test_all_choices_of_an_answer_are_shown():
    text = Tags(sweep_bundle(sweep_of([["first one", "second one"], "other"]))["text/html"]).text
    assert "choice 1" in text
    assert "second one" in text


@pytest.mark.parametrize("count", [2, FEW + 2])
def test_a_runs_notices_are_shown_with_its_answer(server, count):
    server.default = Say("Yes", choices=1, model="other")
    result = sweep(Session(base_url=server.base_url, model="mine"), "?", n=3, repeat=count)
    bundle = sweep_bundle(result)
    text = Tags(bundle["text/html"]).text
    assert text.count("only 1 of 3 choices arrived") == text.count("asked for mine") == count
    assert count > FEW or "only 1 of 3 choices arrived" in bundle["text/plain"]


def test_repeats_are_summed_up_by_setting_with_their_agreement():
    """One table of settings with means and intervals, one of runs."""
    bundle = sweep_bundle(sweep_of(["yes", "yes", "yes", "no", "yes", "maybe"], repeat=3))
    assert bundle["text/html"].count("<table") == 2
    assert "1.00 (" in bundle["text/plain"]


@given(st.text(), st.text())
def test_a_difference_is_text_as_well(before, after):
    seen = Tags(diff_bundle(Diff.of(before, after))["text/html"])
    assert set(seen.tags) <= {"div", "del", "ins", "i"}
    assert seen.open == []
