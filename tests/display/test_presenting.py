"""Which presenter an answer gets, and what nbchat's own outputs hold."""

import sys
import threading
from types import SimpleNamespace

import pytest
from IPython.utils.capture import capture_output

from nbchat.display import chrome
from nbchat.display.answer import MOST_PICTURES, attachment_bundles
from nbchat.display.kernel import is_shown, mark_shown, running_shell
from nbchat.display.painter import Painter
from nbchat.display.presenting import is_dashboard, make_presenter, register_display
from nbchat.display.progress import bar_bundle
from nbchat.display.terminal import TerminalPresenter
from nbchat.values.answer.events import TextDelta
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.messages import ImagePart
from tests.display.test_painter import PNG, Sheet


def elsewhere(work):
    """Return the result of a function in another thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_script_shows_nothing_unless_it_asks_for_it(capsys):
    assert running_shell() is None
    assert make_presenter(None) is None
    assert make_presenter(None, canvas=Sheet()) is None
    assert make_presenter(False) is None
    presenter = make_presenter(True, choices=2, notes=["n"], continue_with="c")
    assert isinstance(presenter, TerminalPresenter)
    assert presenter.notes == ["n"]
    presenter.restart("why")
    assert "why" in capsys.readouterr().out


def test_without_ipython_there_is_no_shell(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert running_shell() is None


def test_a_terminal_gets_plain_text_and_a_canvas_a_painter(shell):
    assert running_shell() is shell
    assert isinstance(make_presenter(None), TerminalPresenter)
    assert shell.display_formatter.format(Reply((Choice(text="Hi."),)))[0] == {"text/plain": "Hi."}  # as a cell's value
    presenter = make_presenter(None, canvas=Sheet(), notes=["n"])
    assert isinstance(presenter, Painter)
    assert presenter.notes == ["n"]


def test_an_answer_that_is_not_shown_shows_as_a_cells_value(shell):
    assert make_presenter(False) is None
    assert shell.display_formatter.format(Reply((Choice(text="Hi."),)))[0] == {"text/plain": "Hi."}


def test_remote_images_are_loaded_only_if_wanted(shell):
    for wanted, options in ((True, {"images": True}), (False, {"images": False}), (False, {})):
        sheet = Sheet()
        presenter = make_presenter(True, canvas=sheet, **options)
        presenter.show([TextDelta("![a](https://example.com/a.png)")])
        presenter.conclude(Reply((Choice("![a](https://example.com/a.png)", finish_reason="stop"),)), None)
        assert any("![a](https:" in text for text in sheet.shown("text/markdown")) is wanted


def test_a_widget_is_shown_by_its_id_and_has_a_text():
    widget = SimpleNamespace(model_id="id-1")
    assert chrome.widget_bundle(widget, "text") == {
        "application/vnd.jupyter.widget-view+json": {"version_major": 2, "version_minor": 0, "model_id": "id-1"},
        "text/plain": "text",
    }


def test_another_thread_shows_nothing_unless_it_asks_for_it(shell):
    assert elsewhere(lambda: make_presenter(None)) is None
    assert elsewhere(lambda: make_presenter(None, canvas=Sheet())) is None
    assert isinstance(elsewhere(lambda: make_presenter(True, canvas=Sheet())), Painter)


def test_what_a_cell_has_shown_is_not_shown_again_in_it(shell):
    value, other = object(), object()
    mark_shown(value)
    assert is_shown(value)
    assert not is_shown(other)
    shell.execution_count += 1
    assert not is_shown(value)


def test_a_reply_that_ends_a_cell_is_shown_once(shell, capsys):
    reply = Reply((Choice(text="Hi."),))
    register_display(shell, notebook=False)
    assert shell.display_formatter.format(reply)[0] == {"text/plain": "Hi."}
    register_display(shell, notebook=True)
    with capture_output() as shown:
        shell.display_formatter.format(reply)
    assert [output.data["text/plain"] for output in shown.outputs] == ["Hi.", "tokens unknown"]
    mark_shown(reply)
    with capture_output() as shown:
        shell.display_formatter.format(reply)
    assert shown.outputs == []
    assert shell.display_formatter.formatters["text/plain"](reply) == "<Reply: see above>"


def test_a_display_of_the_users_own_stays(shell):
    formatter = shell.display_formatter.formatters["text/plain"]
    formatter.for_type(Reply, lambda reply, printer, cycle: printer.text("mine"))
    register_display(shell, notebook=False)
    assert formatter(Reply((Choice(text="Hi."),))) == "mine"


def test_voila_is_known_by_its_server(monkeypatch):
    assert not is_dashboard()
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    assert is_dashboard()


# nbchat's own outputs


def test_text_that_folds_away_may_begin_open():
    assert "<details class" in chrome.details("s", "b")["text/html"]
    assert "<details open class" in chrome.details("s", "b", opened=True)["text/html"]
    assert chrome.details("<s>", "<b>")["text/plain"] == "[<s>]\n<b>"
    assert "&lt;s&gt;" in chrome.details("<s>", "<b>")["text/html"]
    assert "&lt;b&gt;" in chrome.details("<s>", "<b>")["text/html"]


def test_a_table_is_aligned_and_escaped():
    bundle = chrome.table(["model", "n"], [["<a>", "1"], ["longer", "22"]])
    assert bundle["text/plain"] == "model   n\n<a>     1\nlonger  22"
    assert bundle["text/html"].count("<tr>") == 3
    assert bundle["text/html"].count("<th ") == 2
    assert "&lt;a&gt;" in bundle["text/html"]
    bare = chrome.table([], [["a", "b"]])
    assert bare["text/plain"] == "a  b"
    assert bare["text/html"].endswith(">b</td></tr></tbody></table>")
    assert "<th" not in bare["text/html"]


def test_facts_are_separated_and_text_keeps_its_lines():
    assert chrome.line(["a", "<b>"])["text/plain"] == "a · <b>"
    assert "a · &lt;b&gt;" in chrome.line(["a", "<b>"])["text/html"]
    assert chrome.text_block("a\n <b>")["text/plain"] == "a\n <b>"
    assert "a\n &lt;b&gt;" in chrome.text_block("a\n <b>")["text/html"]


def test_the_bar_in_plain_text():
    assert bar_bundle(1, 2, ["x"])["text/plain"] == "[############............] 1 of 2 · x"
    assert bar_bundle(0, 0, [])["text/plain"].startswith("[########################]")


@pytest.mark.parametrize(("count", "more"), [(MOST_PICTURES, 0), (MOST_PICTURES + 1, 1), (MOST_PICTURES + 5, 5)])
def test_of_many_pictures_the_first_are_shown_and_the_others_counted(count, more):
    bundles = list(attachment_bundles([ImagePart(f"data:image/png;base64,{PNG}")] * count, ()))
    assert sum("image/png" in bundle for bundle in bundles) == MOST_PICTURES
    assert [bundle["text/plain"].split()[0] for bundle in bundles[MOST_PICTURES:]] == [str(more)] * bool(more)
