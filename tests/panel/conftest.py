"""Sessions and panels for the tests of this room."""

import pytest

from nbchat.conversation.process import process
from nbchat.frontend import Session, registry


@pytest.fixture
def hand():
    """`hand(session)` opens a panel on it (None = on the current one) and returns a `Hand`; it is closed at the end."""
    from tests.panel.panels import Hand, Panel

    opened = []

    def open_panel(session=None):
        panel = Panel(registry(), session)
        opened.append(panel)
        return Hand(panel)

    yield open_panel
    for panel in opened:
        panel.close()


@pytest.fixture
def session(server):
    """A session with the scripted server."""
    return Session(base_url=server.base_url, model="gpt-test")


@pytest.fixture(autouse=True)
def unconnected():
    """No test leaves a server connected for the others."""
    before = process.connected
    yield
    process.connected = before
