"""Sessions for the bench's tests: one against the scripted server, one against the built-in model."""

import pytest

from nbchat.conversation.session import Session


@pytest.fixture
def session(server):
    """A session whose server is `server`."""
    return Session(base_url=server.base_url, model="m")


@pytest.fixture
def builtin():
    """A session that asks the built-in model, briefly."""
    return Session(max_tokens=24)
