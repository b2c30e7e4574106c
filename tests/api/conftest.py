"""An engine for one test."""

import pytest

from nbchat.api.engine import Engine


@pytest.fixture
def own():
    """An engine of the test's own, which has learned nothing and holds no connection."""
    engine = Engine()
    yield engine
    engine.stop()
