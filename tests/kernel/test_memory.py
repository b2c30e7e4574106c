"""What is remembered, seen from cells: versions, sessions, search, forgetting, the ledger, budgets, replays."""

import pytest

from nbchat.testing import Say
from tests.kernel.test_line import run, shown  # noqa: F401  # the fixture


def test_history_shows_versions_and_choose_goes_back(run, server):  # noqa: F811
    server.add(Say("One."), Say("Other."), Say("Next."))
    run("%chat ask first")
    run("%chat retry -t 0.5")
    assert "‹2/2› Other." in shown(run("%chat history"))
    versions = shown(run("%chat history 1"))
    assert "-t 0.5" in versions
    assert "One." in versions
    assert "version 1 of 2" in shown(run("%chat choose 1 1"))
    run("%chat ask second")
    assert [m["content"] for m in server.requests[-1].json["messages"]] == ["first", "One.", "second"]


def test_turns_are_left_out_and_sent_again(run, server):  # noqa: F811
    server.add(Say("One."), Say("Two."), Say("Three."), Say("Four."))
    run("%chat ask first")
    run("%chat ask second")
    assert "left out" in shown(run("%chat drop 1"))
    run("%chat ask third")
    assert [m["content"] for m in server.requests[-1].json["messages"]] == ["second", "Two.", "third"]
    assert "sent again" in shown(run("%chat drop 1"))
    assert "stays" in shown(run("%chat pin 2"))
    assert "pinned" in shown(run("%chat history"))


def test_answers_whose_data_has_changed_are_named(run, server):  # noqa: F811
    server.add(Say("One."))
    run("total = 5")
    run("%%chat\nIs {total} much?")
    assert "changed" not in shown(run("%chat history"))
    run("total = 6")
    assert "total changed since" in shown(run("%chat history"))
    assert "total since turn 1" in shown(run("%chat"))


def test_the_chosen_answer_of_a_sweep_is_named_too(run, server):  # noqa: F811
    run("total = 5")
    run("%%chat -t 0,1 << sweep\nIs {total} much?")
    run("sweep.apply(1)")
    assert "changed" not in shown(run("%chat history"))
    run("total = 6")
    assert "total changed since" in shown(run("%chat history"))


def test_another_kernel_finds_the_sessions_and_forgets_them(run, server):  # noqa: F811
    server.add(Say("The zebra is striped."), Say("And?"))
    run("%chat fork study")
    run("%chat ask about animals")
    run("from nbchat.conversation.process import process; process.renew()")
    assert "study" in shown(run("%chat sessions"))
    assert "1 turn" in shown(run("%chat switch study"))
    found = shown(run("%chat find zebra"))
    assert "about animals" in found
    assert "The zebra" in found
    assert "nothing found" in shown(run("%chat find giraffe"))
    assert "1 answer" in shown(run("%chat forget study"))
    assert "nothing found" in shown(run("%chat find zebra"))
    assert "0 turns" in shown(run("%chat"))
    run("%chat ask again")
    assert [m["content"] for m in server.requests[-1].json["messages"]] == ["again"]


def test_the_ledger_is_a_table_of_all_kernels(run, server):  # noqa: F811
    server.add(Say("One.", usage=(7, 3)), Say("Two."))
    before = shown(run("%chat ledger all")).count("scripted-1")
    run("%chat ask first")
    run("from nbchat.conversation.process import process; process.renew()")
    run("%chat ask second")
    assert shown(run("%chat ledger")).count("scripted-1") == 1
    assert shown(run("%chat ledger all")).count("scripted-1") == before + 2
    assert "unknown" in shown(run("%chat ledger"))
    assert "scripted-1" in shown(run("%chat ledger months"))
    plot = run("%chat ledger plot")
    assert any("application/vnd.vegalite" in kind for output in plot.outputs for kind in output.get("data", {}))
    frame = run("import nbchat\nprint(list(nbchat.session().ledger(everywhere=True).to_frame()['prompt_tokens'])[-2:])")
    assert frame.stdout == "[7.0, 12.0]\n"


def test_a_budget_is_kept_to(run, server):  # noqa: F811
    server.add(Say("One.", usage=(10, 20)))
    assert "0 tokens of 25 tokens used" in shown(run("%chat budget 25 tokens"))
    run("%chat ask first")
    assert "used up" in run("%chat ask second").error.value
    assert len(server.requests) == 1
    assert "none" in shown(run("%chat budget none"))


def test_a_cell_is_replayed_at_no_cost(run, server):  # noqa: F811
    server.add(Say("One."))
    run("%chat cache on")
    run("%%chat --once\nHello")
    assert "replayed" in shown(run("%%chat --once\nHello"))
    assert len(server.requests) == 1
    server.add(Say("Two."))
    assert "Two." in shown(run("%%chat --once --no-cache\nHello"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%chat pin", "Expected a turn number from %chat history (none yet); got nothing."),
        ("%chat choose 1", "%chat choose takes a turn number and a version number"),
        ("%chat budget lots", "A budget must be an amount such as 0.50"),
        ("%chat cache maybe", "%chat cache takes on or off; got 'maybe'."),
        ("%chat ledger years", "%chat ledger takes all, months or plot"),
        ("%chat forget", "%chat forget needs a session's name, or all"),
        ("%chat forget nobody", "There is no session 'nobody'."),
        ("%chat find", "%chat find needs a word"),
    ],
)
def test_a_wrong_word_is_one_sentence(run, line, words):  # noqa: F811
    result = run(line)
    assert words in result.error.value
