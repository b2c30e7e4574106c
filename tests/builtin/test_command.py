"""`python -m nbchat`: what a user types and reads."""

import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from tests.environment import ROOT

COMMAND = [sys.executable, "-W", "error", "-m", "nbchat"]


def run(*arguments, **more):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=120, **more
    )


def test_alone_it_prints_help():
    done = run()
    assert done.returncode == 0
    assert "serve" in done.stdout
    assert "open" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C of another process can't be sent there")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_until_it_is_ended(ending):
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--pace", "none"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        url = re.search(r"http://\S+/v1", process.stdout.readline())[0]
        assert process.stdout.readline().startswith(f"curl {url}/chat/completions ")
        body = {"model": "nbchat-demo", "messages": [{"role": "user", "content": "hello"}]}
        answered = httpx.post(f"{url}/chat/completions", json=body, timeout=60, trust_env=False)
        assert "built-in model" in answered.json()["choices"][0]["message"]["content"]
        process.send_signal(ending)
        assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C of another process can't be sent there")
def test_a_key_is_asked_for_and_never_printed(monkeypatch):
    monkeypatch.setenv("DEMO_SECRET", "open-sesame")
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--api-key-env", "DEMO_SECRET"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        lines = [process.stdout.readline(), process.stdout.readline()]
        url = re.search(r"http://\S+/v1", lines[0])[0]
        assert "$DEMO_SECRET" in lines[1]
        assert httpx.get(f"{url}/models", trust_env=False).status_code == 401
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    assert "open-sesame" not in "".join(lines) + rest


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C of another process can't be sent there")
@pytest.mark.parametrize(("more", "warned"), [((), True), (("--api-key-env", "DEMO_SECRET"), False)])
def test_a_server_for_others_without_a_key_is_warned_of(monkeypatch, more, warned):
    monkeypatch.setenv("DEMO_SECRET", "open-sesame")
    command = [*COMMAND, "serve", "--port", "0", "--host", "0.0.0.0", *more]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.readline()
        if warned:
            assert "anybody who reaches 0.0.0.0 can use it: set a key with --api-key-env" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == ""


def test_a_port_that_is_taken_is_said_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", port)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(port) in done.stderr
    assert "another --port" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["serve", "--port", "99999"], "0 to 65535"),
        (["serve", "--port", "x"], "0 to 65535"),
        (["serve", "--pace", "0"], "above 0, or none"),
        (["serve", "--pace", "nan"], "above 0, or none"),
        (["serve", "--api-key-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE is not set"),
        (["serve", "--host", "no.such.host.invalid", "--port", "0"], "Can't listen at no.such.host.invalid"),
        (["open", "no-such.ipynb"], "no-such.ipynb"),
        (["frobnicate"], "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, says):
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
