"""A session that talks to the scripted server."""

import pytest

from nbchat.frontend import Session


@pytest.fixture
def chat(server):
    return Session(base_url=server.base_url, model="scripted-1")
