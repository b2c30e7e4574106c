"""No session sends without the guard, whichever way a program came by it."""

import subprocess
import sys

import pytest

from nbchat.conversation.presenter import Presenters, presenters
from nbchat.conversation.session import Session
from nbchat.values.errors import GuardError
from tests.environment import ROOT, clean_environment

SECRET = "tok-8f7e6d5c4b3a2910"

IMPORTS = {
    "the package": "from nbchat import Session",
    "its own module": "from nbchat.conversation.session import Session",
    "a room above": "import nbchat.tuning.sweep\nfrom nbchat.conversation.session import Session",
    "the joints": "import nbchat.joints\nfrom nbchat.conversation.session import Session",
    "the registry": "from nbchat.conversation.registry import registry\nSession = type(registry.current)",
}

SCRIPT = """
{imports}
import sys
from nbchat.values.errors import GuardError
chat = Session(base_url=sys.argv[1], model="m")
try:
    chat.ask("My token is {secret}.")
except GuardError as error:
    print(error)
"""


@pytest.mark.parametrize("imports", IMPORTS.values(), ids=IMPORTS)
def test_a_secret_is_refused_however_the_session_was_imported(server, tmp_path, imports):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(imports=imports, secret=SECRET), server.base_url],
        cwd=ROOT,
        env={**clean_environment(tmp_path), "MY_TOKEN": SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "The message holds the value of MY_TOKEN" in done.stdout
    assert server.requests == []


def test_without_a_guard_nothing_is_sent(server, monkeypatch):
    monkeypatch.setattr(presenters, "guard", Presenters().guard)
    with pytest.raises(GuardError, match="the guard is missing"):
        Session(base_url=server.base_url, model="m").ask("Hi")
    assert server.requests == []
