"""xeus-python: a kernel that is not ipykernel, with a publisher, a parent and widgets of its own."""

import pytest

from nbchat.testing import Say


@pytest.fixture(scope="module")
def kernel(new_kernel):
    return new_kernel("xpython")


@pytest.fixture
def run(kernel, server):
    kernel.run(f"%load_ext nbchat\n%chat connect {server.base_url} --model scripted-1")
    return kernel.run


def test_a_cell_shows_its_answer_and_its_tokens(run, server):
    server.add(Say("The **answer**.", usage=(7, 3)))
    result = run("%%chat << reply\nHi")
    assert result.mime("text/markdown")[-1] == "The **answer**."
    assert "7 → 3 tokens" in result.outputs[-1]["data"]["text/plain"]
    assert run("print(reply.text)").stdout.strip() == "The **answer**."


def test_without_cell_ids_it_says_once_that_it_appends(run, server):
    server.add(Say("One."), Say("Two."))
    run("from nbchat.conversation.process import process; process.renew()")
    run(f"%chat connect {server.base_url} --model scripted-1")
    shown = [str(run("%%chat\nHi").outputs) for _ in range(2)]
    assert sum("gives cells no ids" in text for text in shown) == 1


def test_a_sweep_and_a_reply_as_value_show_themselves(run, server):
    server.add(Say("One."), Say("Two."), Say("The value."))
    assert "temperature" in str(run("%%chat -t 0,1 --once\nHi").outputs)
    assert "The value." in str(run("import nbchat\nnbchat.session().ask('Hi', display=False)").outputs)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("%%chat --tempo 1\nHi", "There is no option --tempo."),
        ("%%chat --background\nHi", "--background needs a kernel that can write into a cell that has ended"),
    ],
)
def test_what_can_not_be_done_fails_in_one_sentence(run, server, cell, sentence):
    result = run(cell)
    assert result.status == "error"
    assert sentence in result.error.value
    assert [request for request in server.requests if request.method == "POST"] == []


def test_five_panels_leave_one(run, kernel):
    kernel.comms.clear()
    for _ in range(5):
        assert run("%chat panel").status == "ok"
    kinds = [kind for kind, _ in kernel.comms]
    assert kinds.count("comm_close") == kinds.count("comm_open") * 4 // 5
