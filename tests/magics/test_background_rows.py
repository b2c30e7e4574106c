"""Where rows can't be asked in the background."""

from types import SimpleNamespace

import pytest

from nbchat.frontend import Session
from nbchat.magics.background import running, start_rows
from nbchat.values.errors import ConfigError


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        (SimpleNamespace(kernel=None), "needs a notebook"),
        (SimpleNamespace(kernel=object(), display_pub=object()), "can write into a cell that has ended"),
    ],
)
def test_a_cell_that_could_not_show_its_rows_is_refused(shell, words):
    with pytest.raises(ConfigError, match=words):
        start_rows(shell, Session(), ["a"], "{item}", {})
    assert running() == 0
