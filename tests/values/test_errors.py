"""The exception hierarchy matches its drawing in the module docstring."""

import re

import pytest

from nbchat.values import errors


def drawn():
    """Each error of the drawn tree with the names of its parents."""
    tree = re.search(r"```text\n(.*)```", errors.__doc__, re.DOTALL)[1]
    above = []
    for line in tree.splitlines():
        lead, name, more = re.fullmatch(r"([│├└─ ]*)(\w+)(?: +\((\w+)\))? +.*", line).groups()
        del above[len(lead) // 4 :]
        yield name, {parent for parent in (*above[-1:], more) if parent}
        above.append(name)


def test_the_tree_lists_every_error_once():
    assert sorted(name for name, _ in drawn()) == sorted(errors.__all__)


@pytest.mark.parametrize(("name", "parents"), list(drawn()))
def test_the_tree_matches_the_classes(name, parents):
    bases = {base.__name__ for base in getattr(errors, name).__bases__}
    assert bases == (parents or {"Exception"})


@pytest.mark.parametrize("name", ["status", "code", "param", "request_id", "retry_after", "reply"])
def test_a_servers_error_has_what_its_tree_promises(name):
    """None where the server does not say."""
    assert getattr(errors.RateLimited("Slow down."), name) is None
    assert not hasattr(errors.RateLimited("Slow down."), "parameter")


@pytest.mark.parametrize("scheme", ["javascript", "JavaScript", "vbscript", "ftp", "x-y+z", "data"])
def test_no_address_in_a_servers_words_is_live_where_a_notebook_shows_the_error(scheme):
    """JupyterLab makes links of any `scheme://` in an error's text."""
    for error in (
        errors.ServerError(f"see {scheme}://%0aalert(1) or https://a.b"),
        errors.Interrupted(f"{scheme}://x"),
    ):
        (line,) = error._render_traceback_()
        assert f"{scheme}://" not in line
        assert line.replace("\u2060", "") == f"{type(error).__name__}: {error}"


def test_a_sentence_that_quotes_a_very_long_text_keeps_its_beginning_and_its_end():
    said = str(errors.ParameterError(f"top_p must be a number; got {'9' * 100_000!r}. %chat help lists the options."))
    assert said.startswith("top_p must be a number; got '999")
    assert said.endswith("999'. %chat help lists the options.")
    assert len(said) < 2_500
