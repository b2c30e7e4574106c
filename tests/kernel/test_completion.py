"""Tab on a `%%chat` or `%chat` line, as a kernel answers it."""

import pytest
from IPython.core import completer

alone = pytest.mark.skipif(
    not hasattr(completer, "context_matcher"),
    reason="IPython 7 asks about the first line only, and adds names of its own",
)


@pytest.fixture
def complete(load, kernel, server):
    """What Tab offers, in a kernel whose default session talks to the server."""
    server.models = ["alpha-large", "alpha-small", "beta"]
    load(
        "registry.add(Session(name='notes'), current=False)\n"
        "a_table_of_mine = 1\n"
        "import pandas as pd; frame_of_mine = pd.DataFrame({'comment': ['a'], 'two words': ['b']})\n"
    )
    return kernel.complete


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%%cha", "%%chat"),
        ("%%chat --temp", "--temperature"),
        ("%%chat -t 0.5 --no-st", "--no-stream"),
        ("%%chat --session n", "notes"),
        ("%%chat --image a_tab", "a_table_of_mine"),
        ("%%chat --base-url gro", "groq"),
        ("%%chat --each fram", "frame_of_mine"),
        ("%%chat --each frame_of_mine.", "frame_of_mine.comment"),
        pytest.param("%%chat --each frame_of_mine -t 0\nLabel: {com", "comment", marks=alone),
        ("%chat conn", "connect"),
        ("%chat connect oll", "ollama"),
        ("%chat set top", "top_p="),
    ],
)
def test_tab_knows_the_words_that_may_stand_there(complete, line, offered):
    assert offered in complete(line)


def test_tab_offers_the_servers_models(complete):
    assert [model for model in complete("%%chat -m al") if not model.startswith("%")] == ["alpha-large", "alpha-small"]


@pytest.mark.parametrize("behind", [" -m alpha-large", "\nTell me about --things", " --top-p 0.5\nHello"])
def test_what_stands_behind_the_cursor_does_not_matter(complete, behind):
    for line, offered in (("%%chat --temp", ["--temperature"]), ("%%chat -m bet", ["beta"])):
        assert complete(line + behind, len(line)) == offered


def test_an_option_that_is_used_is_not_offered_again(complete):
    offered = complete("%%chat --temperature 1 --t")
    assert "--top-p" in offered
    assert "--temperature" not in offered


@alone
def test_only_what_may_hold_rows_and_what_a_field_can_name_is_offered(complete):
    assert "a_table_of_mine" not in complete("%%chat --each ")
    assert complete("%%chat --each frame_of_mine.") == ["frame_of_mine.comment"]


def test_tab_elsewhere_is_unchanged(complete):
    """In other cells, and in the message below the line, where live names may stand in braces."""
    assert "a_table_of_mine" in complete("a_tabl")
    assert "a_table_of_mine" in complete("%%chat -t 1\nWhat is in {a_tabl")
    assert not any(word.startswith("--") for word in complete("%%timeit --te"))


def test_unloading_takes_it_back(complete, kernel):
    kernel.run("%unload_ext nbchat")
    assert "--temperature" not in complete("%%chat --temp")
