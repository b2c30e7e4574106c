"""The built-in model, read once, and its server over a real socket."""

import httpx
import pytest

from nbchat.builtin.models import learned
from nbchat.builtin.server import DemoServer


@pytest.fixture(scope="session")
def known():
    """What the models have learned."""
    return learned()


@pytest.fixture(scope="module")
def demo():
    """A server that streams as fast as it goes."""
    with DemoServer(pace=None) as server:
        yield server


@pytest.fixture(scope="module")
def http(demo):
    """A client of that server."""
    with httpx.Client(base_url=demo.base_url, timeout=60, trust_env=False) as client:
        yield client
