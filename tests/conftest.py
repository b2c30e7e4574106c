"""What every test can count on: an environment that holds nothing of the user's, and a scripted server."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from nbchat.testing import ScriptedServer
from tests.environment import clean_environment

# Every run draws the same examples; `--hypothesis-profile search` draws others, and many more.
# No deadline: how long an example takes says something about the machine, nothing about the code.
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, derandomize=False, print_blob=True, max_examples=2000)
settings.load_profile("same")

# A shell starts what it runs in the background with interrupts ignored, and each process passes that on.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def homes(tmp_path_factory):
    """The directory of the tests' homes: `mktemp` for each would list thousands of directories every time."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def environment(homes, monkeypatch):
    """Each test has a home of its own and none of the user's keys, proxies and settings; returns the home."""
    home = Path(tempfile.mkdtemp(dir=homes))
    wanted = clean_environment(home)
    for name in os.environ.keys() - wanted.keys():
        monkeypatch.delenv(name)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
def shell():
    """The running IPython shell, without a kernel and without a history; none runs outside this fixture."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


@pytest.fixture
def server():
    """A `ScriptedServer` that runs while the test does."""
    with ScriptedServer() as server:
        yield server
