"""Plain scripts: whatever they do with threads, processes, loops and streams, they end with a clean standard error.

They run with every warning an error and in Python's development mode, on the Python that runs the tests.
"""

import os
import subprocess
import sys

import pytest

from tests.environment import ROOT

SHOW = "from nbchat import Session\nSession().ask('What is a list?', display=True, max_tokens=20, seed=1)\n"
ONE = """
from nbchat import Session

def one(number):
    return len(Session().ask("What is a list?", max_tokens=5).text) > 0
"""
POOL = (
    ONE
    + """
import multiprocessing

if __name__ == "__main__":
    assert one(0)
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        print(pool.map(one, range(4)))
"""
)

SCRIPTS = {
    "ask": ONE + "print(one(0))",
    "show": SHOW + "print(True)",
    "an answer left in the middle": """
from nbchat import Session
with Session().stream("What is a list?") as events:
    for event in events:
        break

def events():
    with Session().stream("What is a list?") as coming:
        yield from coming

open = events()
next(open)
print(True)
""",
    "an answer that comes while the script ends": """
import sys, threading, time
from nbchat import Session
asked = threading.Event()
def ask():
    with Session().stream("What is a list?") as events:
        for event in events:
            asked.set()
threading.Thread(target=ask, daemon=True).start()
asked.wait()
print(True)
""",
    "threads": ONE
    + """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    print(all(pool.map(one, range(4))))
""",
    "a refused connection": """
from nbchat import NbchatError, Session
try:
    Session(base_url="http://127.0.0.1:9/v1", model="m").ask("Hi")
except NbchatError:
    print(True)
""",
    "a sweep": """
from nbchat import Session
print(len(Session().sweep("What is a list?", temperature=[0, 1], max_tokens=5, display=False)) == 2)
""",
    "fork": POOL.format(method="fork"),
    "spawn": POOL.format(method="spawn"),
    "forkserver": POOL.format(method="forkserver"),
    "a pool that begins after an answer": ONE
    + """
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    assert one(0)
    with ProcessPoolExecutor(2) as pool:
        print(all(pool.map(one, range(4))))
""",
}

LOOP = """
import asyncio
from nbchat import Session

async def main():
    reply = await Session().aask("What is a list?", max_tokens=5)
    async with Session().astream("What is a list?") as events:
        async for event in events:
            break
    cancelled = asyncio.create_task(Session().aask("What is a list?"))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    print(len(reply.text) > 0)

asyncio.run(main())
"""


def run(tmp_path, script, *, dev=True, **more):
    path = tmp_path / "script.py"
    path.write_text(script)
    options = ["-W", "error", *(["-X", "dev"] if dev else [])]
    environment = {**os.environ, **more.pop("env", {})}
    return subprocess.run(
        [sys.executable, *options, str(path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
        **{"stdin": subprocess.DEVNULL, **more},
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_ends_quietly(tmp_path, name):
    if "fork" in name and os.name != "posix":
        pytest.skip("no fork there")
    done = run(tmp_path, SCRIPTS[name])
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert b"True" in done.stdout
    assert b"False" not in done.stdout


def test_a_loop_of_the_scripts_own_ends_quietly(tmp_path):
    """Without asyncio's own remarks on slow steps, which say something about the machine."""
    done = run(tmp_path, LOOP, dev=False)
    assert (done.returncode, done.stdout.strip(), done.stderr.decode()) == (0, b"True", "")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["cp1252", "ascii", "POSIX"],
)
def test_output_that_can_not_hold_every_character_gets_what_it_can(tmp_path, environment):
    done = run(tmp_path, SHOW, env=environment)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert b" -> " in done.stdout
    assert b"tokens" in done.stdout


@pytest.mark.parametrize(
    "change",
    [
        "sys.stdout = None",
        "sys.stdout.close()",
        "sys.stdin = None",
        "sys.stdin.close()",
        "sys.stdout = io.TextIOWrapper(io.BufferedWriter(Full()), 'utf-8')",
    ],
)
def test_streams_that_are_missing_closed_or_full_cost_no_answer(tmp_path, change):
    full = """
import io, sys
from nbchat import Session
class Full(io.RawIOBase):
    def writable(self):
        return True
    def write(self, data):
        raise OSError(28, "No space left on device")
before = sys.stdout
"""
    asked = """
chat = Session()
reply = chat.ask("What is a list?", display=True, max_tokens=5)
assert chat.turns[-1].reply.text == reply.text
import os
os.write(2, b"kept")
os._exit(0)
"""
    done = run(tmp_path, f"{full}{change}{asked}")
    assert (done.returncode, done.stderr) == (0, b"kept")


@pytest.mark.skipif(os.name != "posix", reason="closing a descriptor in the shell")
def test_closed_descriptors_are_no_matter(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SHOW)
    for closed in ("<&-", ">&-", "<&- >&-"):
        command = f"exec {sys.executable} -W error -X dev {path} {closed}"
        done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, timeout=120, check=False)
        assert (done.returncode, done.stderr.decode()) == (0, "")
