"""There is one built-in server in a process, whoever asks for it, and a forked child has its own."""

import os
import subprocess
import sys
import threading

import httpx
import pytest

from nbchat.builtin.http.server import PACE, builtin
from tests.environment import ROOT

ASK = """
import httpx
from nbchat.builtin.http.server import builtin

def ask():
    body = {"model": "nbchat-demo", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}
    return httpx.post(builtin().base_url + "/chat/completions", json=body, timeout=60, trust_env=False).status_code
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASK + code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.split()


def test_all_threads_get_the_same_server():
    found, gate = [], threading.Barrier(8)

    def find():
        gate.wait()
        found.append(builtin())

    threads = [threading.Thread(target=find) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(server) for server in found}) == 1
    assert httpx.get(f"{found[0].base_url}/models", trust_env=False).status_code == 200
    assert PACE > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_a_server_of_its_own():
    code = """
import os, sys
first = builtin().base_url
child = os.fork()
if child == 0:
    print(ask(), builtin().base_url != first, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(ask(), builtin().base_url == first)
"""
    assert run(code) == ["200", "True", "200", "True"]


def test_a_process_ends_quietly_with_the_server_running():
    assert run("print(ask())") == ["200"]


def test_a_process_ends_quietly_in_mid_stream():
    code = """
body = {"model": "nbchat-demo", "messages": [{"role": "user", "content": "What is a list?"}], "stream": True}
stream = httpx.stream("POST", builtin().base_url + "/chat/completions", json=body, trust_env=False)
print(stream.__enter__().status_code)
"""
    assert run(code) == ["200"]


def test_starting_does_not_wait_for_the_reading():
    """The corpus is read beside: the address is there before the model is."""
    code = """
from nbchat.builtin.model import models
print(builtin().base_url.startswith("http://127.0.0.1:"), bool(models._learned))
"""
    assert run(code) == ["True", "False"]
