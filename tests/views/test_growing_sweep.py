"""The answers of a sweep while they come: all of them in one picture, bounded, harmless, nothing lost when it is stopped."""

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from nbchat.frontend import Session
from nbchat.testing import Hang, Say, Status, Stream, Until, chunk
from nbchat.tuning.sweep import SweepInterrupted, sweep
from nbchat.views.growing_sweep import MOST_CARDS, WINDOW, GrowingSweep
from tests.strategies import scaled
from tests.views.test_sweep import HOSTILE, Tags, sweep_of


class Pictures:
    """A canvas that keeps everything shown on it."""

    def __init__(self):
        self.shown = []

    def show(self, bundle):
        self.shown.append(bundle)
        return "one"

    def update(self, output, bundle):
        self.shown.append(bundle)


class Unhurried(GrowingSweep):
    """Draws at every call, for tests that inspect each state."""

    def show(self, done, total, facts):
        self._paint_at = 0.0
        super().show(done, total, facts)


class Growing:
    """A sweep with these answers on a canvas with a clock."""

    def __init__(self, texts):
        self.now, self.pictures, self.runs = 0.0, Pictures(), list(sweep_of(texts))
        self.growing = GrowingSweep(self.pictures, clock=lambda: self.now)
        for run in self.runs:
            self.growing.put(replace(run, status="not run", turn=None))

    def picture(self, status):
        """What is shown when all runs have this status."""
        for run in self.runs:
            self.growing.put(replace(run, status=status))
        self.growing.show(0, len(self.runs), [])
        return self.pictures.shown[-1]["text/html"]


def watched(session, pictures, on_picture=lambda _html: None, **options):
    growing = Unhurried(pictures)

    def progress(now):
        growing.show(now.done, now.total, [])
        on_picture(pictures.shown[-1]["text/html"])

    return sweep(session, "Hi", on_run=growing.put, on_progress=progress, **options)


def begun(name, *rest):
    """An answer of six pieces, and the rest."""
    return Stream([*(chunk(f"{name}{n} ") for n in range(6)), *rest])


def test_answers_are_side_by_side_while_they_arrive(server):
    """One picture has the beginnings of all answers, none of which is whole."""
    names, together = ("one", "two", "three"), threading.Event()
    server.add(*(begun(name, Until(together), chunk(f"{name}6 ", finish="stop")) for name in names))
    pictures = Pictures()

    def look(html):
        if all(f"{name}5" in html for name in names):
            together.set()

    result = watched(Session(base_url=server.base_url, model="m"), pictures, look, temperature=[0, 1, 2])
    seen = [picture["text/html"] for picture in pictures.shown]
    assert seen[0].count("waiting") == 3
    assert seen[-1].count("✓") == 3
    assert [len(run.text.split()) for run in result] == [7, 7, 7]


def test_partial_answers_are_kept_when_it_is_stopped(server):
    """Stopping it keeps every piece that was shown."""
    server.add(begun("one", Hang()), begun("two", Hang()))

    def stop(html):
        if "one5" in html and "two5" in html:
            raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as stopped:
        watched(Session(base_url=server.base_url, model="m"), Pictures(), stop, temperature=[0, 1])
    for run in stopped.value.sweep:
        assert run.status == "interrupted"
        assert [piece.lstrip("onetw") for piece in run.text.split()] == [str(n) for n in range(6)]


def test_a_failure_and_a_full_grid(server):
    """A run that fails says why in its card; of many runs there are so many cards at once, each with its number."""
    server.add(*[Say("good")] * (MOST_CARDS + 10), *[Status(400, {"error": {"message": "not that"}})] * 10)
    pictures = Pictures()
    result = watched(
        Session(base_url=server.base_url, model="m"), pictures, temperature=[n / 100 for n in range(MOST_CARDS + 20)]
    )
    assert len(result) == MOST_CARDS + 20
    cards = pictures.shown[-1]["text/html"].count("height:4.05em")
    assert cards == MOST_CARDS
    assert "not that" in pictures.shown[-1]["text/html"]
    assert "· failed" in pictures.shown[-1]["text/html"]


@given(st.lists(st.text() | st.just(HOSTILE) | st.just(HOSTILE * 200), min_size=1, max_size=9))
@scaled(0.4)
def test_nothing_in_a_picture_is_live_and_it_is_bounded(texts):
    """For any answers: each element is closed, none has a handler or a source, and the size is bounded."""
    html = Growing(texts).picture("complete")
    seen = Tags(html)
    assert html.count("border:1px") == len(texts)
    assert seen.open == []
    assert seen.attributes <= {"style", "class", "dir", "href", "target", "rel", "start"}
    assert not {"script", "img", "iframe", "style"} & set(seen.tags)
    assert len(html) < 20 * WINDOW


@pytest.mark.parametrize("count", [1, 3, 6, 7, 60])
@pytest.mark.parametrize("text", ["word " * 400, "```py\ndef f(x):\n    return x + 1  # a\n" * 50, "中文 " * 900])
def test_a_growing_sweep_keeps_the_byte_budget_and_moves(text, count):
    """Progress is reported ten times a second for a minute."""
    sweep = Growing([text] * count)
    sweep.picture("running")
    sweep.pictures.shown.clear()
    painted = []
    for _ in range(600):
        sweep.now += 0.1
        before = len(sweep.pictures.shown)
        sweep.growing.show(0, count, [])
        painted += [sweep.now] * (len(sweep.pictures.shown) - before)
    sent = sum(600 + sum(len(form.encode()) for form in bundle.values()) for bundle in sweep.pictures.shown)
    assert sent < 60 * 20_000
    assert max(late - soon for soon, late in itertools.pairwise(painted)) < 3
