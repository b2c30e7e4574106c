"""Cells that run again: in the same kernel, after a restart, and after a kernel that was killed in mid-answer."""

import pytest

from nbchat.testing import Hang, Say, Stream
from nbchat.testing.payloads import chunk
from tests.kernel.test_line import shown
from tests.store.turns import wait_for_text


@pytest.fixture
def notebook(kernel, server, tmp_path, monkeypatch):
    """A kernel of a notebook with a journal of its own; `restart()` gives the same notebook a fresh kernel."""
    kernel.store = tmp_path / "nbchat.sqlite"
    fresh = kernel.restart

    def restart():
        fresh()
        load(kernel, server, kernel.store)

    load(kernel, server, kernel.store)
    monkeypatch.setattr(kernel, "restart", restart)
    return kernel


def load(kernel, server, store):
    """Load nbchat into a kernel of the notebook, with nothing left of an earlier test's."""
    wanted = {"NBCHAT_BASE_URL": server.base_url, "NBCHAT_MODEL": "scripted-1", "NBCHAT_STORE": str(store)}
    kernel.run(
        f"import os\nos.environ.update({wanted}, NBCHAT_NOTEBOOK='/home/ada/analysis.ipynb')\n%load_ext nbchat\n"
        "from nbchat.conversation.process import process; process.renew()"
    )


def contents(server):
    return [message["content"] for message in server.requests[-1].json["messages"]]


def history(notebook):
    return notebook.run(
        "import nbchat\nfor turn in nbchat.session().turns:\n"
        "    print(turn.message.text, [v.reply.text for v in turn.versions], turn.reply.text, turn.before_edit)"
    ).stdout


def test_a_cell_that_runs_again_adds_a_version_to_its_turn(notebook, server):
    server.add(*map(Say, ["One.", "Two.", "Uno.", "Dos.", "Copy."]))
    notebook.run("%%chat\nfirst", cell_id="a")
    notebook.run("%%chat\nsecond", cell_id="b")
    notebook.run("%%chat\nfirst, changed", cell_id="a")
    assert contents(server) == ["first, changed"]
    assert history(notebook) == "first, changed ['One.', 'Uno.'] Uno. False\nsecond ['Two.'] Two. True\n"
    notebook.run("%%chat\nsecond", cell_id="b")
    assert contents(server) == ["first, changed", "Uno.", "second"]
    notebook.run("%%chat\nsecond", cell_id="copied")
    assert contents(server) == ["first, changed", "Uno.", "second", "Dos.", "second"]


def test_running_everything_again_in_a_fresh_kernel_duplicates_nothing(notebook, server):
    server.add(*map(Say, ["One.", "Two.", "Uno.", "Dos."]))
    notebook.run("%%chat\nfirst", cell_id="a")
    notebook.run("%%chat\nsecond", cell_id="b")
    notebook.restart()
    assert "continues session default of this notebook: 2 turns" in shown(notebook.run("%%chat\nfirst", cell_id="a"))
    assert contents(server) == ["first"]
    assert "continues session" not in shown(notebook.run("%%chat\nsecond", cell_id="b"))
    assert contents(server) == ["first", "Uno.", "second"]
    assert history(notebook) == "first ['One.', 'Uno.'] Uno. False\nsecond ['Two.', 'Dos.'] Dos. False\n"


def test_a_cell_whose_kernel_was_killed_offers_the_partial_answer_before_asking_again(notebook, server):
    server.add(Say("One."), Stream([chunk("partial "), chunk("text"), Hang()]))
    notebook.run("%%chat\nfirst", cell_id="a")
    running = notebook.start("%%chat\nlong", cell_id="b")
    running.until(lambda run: "partial text" in str(run.page.outputs))
    wait_for_text(notebook.store, "partial text")
    notebook.crash()
    notebook.restart()
    result = notebook.run("%%chat\nlong", cell_id="b")
    assert result.status == "error"
    assert "partial text" in shown(result)
    assert "%chat continue resumes it" in result.error.value
    assert len(server.requests) == 2
    server.add(Say(" and the rest."))
    notebook.run("%chat continue")
    assert history(notebook).splitlines()[1] == ("long ['partial text and the rest.'] partial text and the rest. False")
    server.add(Say("Anew."))
    notebook.run("%%chat\nlong", cell_id="b")
    assert history(notebook).splitlines()[1].startswith("long ['partial text and the rest.', 'Anew.'] Anew.")


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_cell_cut_off_by_a_restart_offers_its_partial_answer(notebook, server, interrupted):
    """Also the first of its session. A restart interrupts the cell first, so that its answer may have an end of its own."""
    server.add(Stream([chunk("partial "), chunk("text"), Hang()]))
    running = notebook.start("%%chat\nlong", cell_id="b")
    running.until(lambda run: "partial text" in str(run.page.outputs))
    if interrupted:
        notebook.interrupt()
        assert running.wait().status == "error"
    else:
        wait_for_text(notebook.store, "partial text")
    notebook.restart()
    result = notebook.run("%%chat\nlong", cell_id="b")
    assert "%chat continue resumes it" in result.error.value
    assert len(server.requests) == 1
    server.add(Say("Anew."))
    assert "Anew." in shown(notebook.run("%%chat\nlong", cell_id="b"))
    notebook.restart()
    server.add(Say("Again."))
    assert "Again." in shown(notebook.run("%%chat\nlong", cell_id="b"))


def test_two_kernels_share_one_journal(notebook, new_kernel, server):
    """One holds on to its conversation while the other takes it over; neither loses a turn."""
    server.add(*map(Say, ["One.", "Two.", "Three."]))
    notebook.run("%%chat\nfirst", cell_id="a")
    other = new_kernel()
    load(other, server, notebook.store)
    other.run("%%chat\ntheirs", cell_id="b")
    notebook.run("%%chat\nmine", cell_id="c")
    assert [line.split(" ")[0] for line in history(notebook).splitlines()] == ["first", "mine"]
    assert [line.split(" ")[0] for line in history(other).splitlines()] == ["first", "theirs"]
    found = shown(other.run("%chat find mine")) + shown(notebook.run("%chat find theirs"))
    assert "Three." in found
    assert "Two." in found


def test_a_front_end_without_cell_ids_adds_a_turn_and_says_so_once(notebook, server):
    server.add(*map(Say, ["One.", "Two.", "Three."]))
    assert "cell ids" not in shown(notebook.run("%%chat\nfirst"))
    assert "gives cells no ids" in shown(notebook.run("%%chat\nfirst"))
    assert "cell ids" not in shown(notebook.run("%%chat\nfirst"))
    assert contents(server) == ["first", "One.", "first", "Two.", "first"]
    notebook.restart()
    assert "3 turns" in shown(notebook.run("%chat switch default"))
    notebook.restart()
    server.add(Say("Fresh."))
    assert "continues session" not in shown(notebook.run("%%chat\nfirst"))
    assert contents(server) == ["first"]


def test_the_same_message_is_not_sent_while_it_is_being_answered(notebook, server):
    server.add(Stream([chunk("partial"), Hang()]))
    notebook.run("%%chat --background\nlong", cell_id="a")
    server.wait_for_request()
    result = notebook.run("%%chat\nlong", cell_id="b")
    assert "the same message is being answered already" in result.error.value
    notebook.run("%chat stop")
    assert len(server.requests) == 1
