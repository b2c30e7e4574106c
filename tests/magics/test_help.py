"""`%chat help`, `%chat?` and `%%chat?`: everything on one screen, and each word explained."""

import pytest
from IPython.core.error import UsageError
from IPython.core.oinspect import getdoc

from nbchat.cells.options import ROWS, parse
from nbchat.magics.commands.help import COMMAND_GROUPS, EXAMPLES, OPTION_GROUPS, WIDTH, _details, _details_bundle
from nbchat.magics.extension import load_ipython_extension, unload_ipython_extension
from nbchat.magics.line import COMMANDS, overview

SCREEN = 40
"""Lines that a screen shows."""


def test_the_overview_fits_on_a_screen_and_names_every_option_and_command():
    lines = overview().split("\n")
    assert len(lines) <= SCREEN
    assert max(map(len, lines)) <= WIDTH
    words = overview().replace(",", " ").replace("/", " ").split()
    assert {row.flag for row in ROWS} <= set(words)
    assert {*COMMANDS} <= set(words)


def test_no_word_stands_in_two_groups():
    for groups in (OPTION_GROUPS, COMMAND_GROUPS):
        names = [name for group in groups.values() for name in group]
        assert len(names) == len(set(names))


def explained(word):
    return _details_bundle(_details(word))["text/plain"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_can_be_run(example):
    magic, _, rest = example.partition(" ")
    if magic == "%%chat":
        assert parse(rest.partition("<<")[0])
    else:
        assert rest.split()[0] in COMMANDS


@pytest.mark.parametrize(
    "name", [name for row in ROWS for name in (row.name, row.flag, f"-{row.short}") if name != "-"]
)
def test_every_option_is_explained(name):
    row = next(row for row in ROWS if name in (row.name, row.flag, f"-{row.short}"))
    text = " ".join(explained(name).split())
    assert row.flag in text
    assert row.meaning in text


@pytest.mark.parametrize("name", [*COMMANDS])
def test_every_command_is_explained(name):
    text = " ".join(explained(name).split())
    assert f"%chat {name} {COMMANDS[name].takes}".rstrip() in text
    assert COMMANDS[name].meaning in text


@pytest.mark.parametrize("group", [*OPTION_GROUPS, "sampling", "Spending"])
def test_a_group_explains_its_words(group):
    assert len(explained(group).split("\n")) > 4


@pytest.mark.parametrize("word", ["temprature", "--", "%", "nonsense"])
def test_what_is_unknown_is_one_sentence(word):
    with pytest.raises(UsageError, match="There is no help for"):
        _details(word)


def test_the_help_of_ipython_shows_the_same(shell):
    try:
        load_ipython_extension(shell)
        assert [getdoc(shell.find_magic("chat", kind)) for kind in ("line", "cell")] == [overview()] * 2
    finally:
        unload_ipython_extension(shell)
