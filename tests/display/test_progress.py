"""The bar of a long piece of work."""

import io

import pytest

from nbchat.display.progress import CellBar, TerminalBar, bar_bundle
from tests.display.test_terminal import Terminal


class Page:
    """The outputs of a cell, by id."""

    def __init__(self):
        self.outputs, self.changes = [], 0

    def show(self, bundle):
        self.outputs.append(bundle)
        return str(len(self.outputs) - 1)

    def update(self, output, bundle):
        self.outputs[int(output)] = bundle
        self.changes += 1


@pytest.mark.parametrize(
    ("done", "total", "shown"), [(0, 4, "0.0%"), (1, 3, "33.3%"), (4, 4, "100.0%"), (0, 0, "100.0%")]
)
def test_the_bar_is_as_long_as_the_part_that_is_done(done, total, shown):
    bundle = bar_bundle(done, total, ["$0.01 so far"])
    assert f"width:{shown}" in bundle["text/html"]
    assert bundle["text/plain"].endswith(f"{done} of {total} · $0.01 so far")


def test_a_thousand_steps_change_the_output_a_few_times_and_the_result_takes_its_place():
    page = Page()
    bar = CellBar(page)
    for done in range(1000):
        bar.show(done, 1000, [])
    bar.replace({"text/plain": "result"})
    assert page.outputs == [{"text/plain": "result"}]
    assert page.changes < 100


@pytest.mark.parametrize(
    ("began", "facts", "changes"),
    [(0, [], (9, 10)), (30, [], (3, 4)), (3600, [], (1, 2)), (0, ["x" * 9000], (1, 2)), (0, ["中" * 9000], (0, 1))],
)
def test_a_bar_moves_five_times_a_second_less_often_later_and_when_it_shows_much(began, facts, changes):
    page, now = Page(), 0.0
    bar = CellBar(page, clock=lambda: now)
    bar.show(0, 300, facts)
    now = began
    bar.show(1, 300, facts)
    page.changes = 0
    for done in range(200):
        now += 0.01
        bar.show(done, 300, facts)
    assert changes[0] <= page.changes <= changes[1]


def test_without_a_total_there_is_no_bar():
    assert bar_bundle(1234, None, ["$0.01"], "rows")["text/plain"] == "1,234 rows so far · $0.01"
    assert bar_bundle(3, None, [])["text/plain"] == "3 so far"
    assert "width" not in bar_bundle(3, None, [])["text/html"]


def test_a_bar_counts_in_its_noun():
    page = Page()
    CellBar(page).show(3, 10, ["$0.01"], "rows")
    assert page.outputs[0]["text/plain"].endswith("3 of 10 rows · $0.01")


def test_a_bar_that_was_cleared_leaves_an_empty_output_and_one_that_never_showed_none():
    page = Page()
    CellBar(page).clear()
    assert page.outputs == []
    bar = CellBar(page)
    bar.show(0, 1, [])
    bar.clear()
    assert page.outputs == [{"text/html": "", "text/plain": ""}]


def test_a_bar_that_was_replaced_begins_anew_below():
    page = Page()
    bar = CellBar(page)
    bar.replace({"text/plain": "first"})
    bar.show(1, 2, [])
    assert [bundle["text/plain"] for bundle in page.outputs] == ["first", "[############............] 1 of 2"]
    bar.clear()
    bar.clear()
    assert page.changes == 1


def test_a_file_gets_the_result_alone():
    stream = io.StringIO()
    bar = TerminalBar(stream)
    bar.show(1, 2, [])
    bar.replace({"text/plain": "result"})
    assert stream.getvalue() == "result\n"


def test_a_terminal_shows_the_bar_at_once():
    stream = Terminal()
    stream.terminal = True
    TerminalBar(stream).show(1, 2, [])
    assert stream.flushed.endswith("1 of 2")


def test_a_terminals_line_is_wiped_before_the_result():
    stream = io.StringIO()
    stream.isatty = lambda: True
    bar = TerminalBar(stream)
    bar.show(1, 2, [])
    bar.replace({"text/plain": "result"})
    assert stream.getvalue().endswith("1 of 2\r\x1b[K" + "result\n")


def test_a_terminal_has_the_result_at_once_and_what_follows_it_stays():
    """A bar that is not shown wipes nothing, neither before the first look nor after the result."""
    stream = Terminal()
    stream.terminal = True
    bar = TerminalBar(stream)
    bar.clear()
    assert stream.getvalue() == ""
    bar.show(1, 2, [])
    bar.replace({"text/plain": "result"})
    assert stream.flushed.endswith("result\n")
    bar.clear()
    assert stream.getvalue().endswith("result\n")
