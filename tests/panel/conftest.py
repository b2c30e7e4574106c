"""Sessions and panels for the tests of this room."""

import pytest

from nbchat.conversation import connection
from nbchat.conversation.session import Session


@pytest.fixture
def hand():
    """`hand(session)` opens a panel on it (None = on the current one) and returns a `Hand`; it is closed at the end."""
    from tests.panel.panels import Hand, Panel

    opened = []

    def open_panel(session=None):
        panel = Panel(session)
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
    before = connection.connected()
    yield
    connection.connect(before)
