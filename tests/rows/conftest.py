"""A session against a scripted server that labels what it is asked."""

import pytest

from nbchat.frontend import Session
from nbchat.testing import Say, Status


def labelled(request):
    """The answer to a row: its text in capitals; a refusal for one that holds "bad"."""
    text = request.json["messages"][-1]["content"]
    return Status(400) if "bad" in text else Say(text.upper())


@pytest.fixture
def server(server):
    """A server that answers every row."""
    server.default = labelled
    return server


@pytest.fixture
def chat(server):
    """A session whose server is `server`."""
    return Session(base_url=server.base_url, model="m")


@pytest.fixture
def asked(server):
    """What the server was asked so far: the last message of each request, in any order."""
    return lambda: sorted(request.json["messages"][-1]["content"] for request in server.requests)
