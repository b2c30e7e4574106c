"""Journal fixtures: real files, closed after each test."""

import pytest

from nbchat.store.journal import Journal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "nbchat.sqlite"


@pytest.fixture
def opened():
    """Opens journals that are closed at the end."""
    journals = []

    def open_one(path):
        journals.append(Journal(path))
        return journals[-1]

    yield open_one
    for journal in journals:
        journal.close(5.0)


@pytest.fixture
def journal(opened, path):
    return opened(path)
