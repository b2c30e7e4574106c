"""The built-in model, read once, and its server over a real socket."""

import httpx
import pytest

from nbchat.builtin.http.server import BuiltinServer
from nbchat.builtin.model.models import learned


@pytest.fixture(scope="session")
def known():
    """What the models have learned."""
    return learned()


@pytest.fixture(scope="module")
def builtin_server():
    """A server that streams as fast as it goes."""
    with BuiltinServer(pace=None) as server:
        yield server


@pytest.fixture(scope="module")
def http(builtin_server):
    """A client of that server."""
    with httpx.Client(base_url=builtin_server.base_url, timeout=60, trust_env=False) as client:
        yield client
