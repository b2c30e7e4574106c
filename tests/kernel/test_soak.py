"""The soak, as short as it can be: that it runs, and that a turn which is not there would be told."""

import random
import subprocess
import sys

from nbchat.testing import ScriptedServer
from tests.environment import ROOT
from tests.faults import FAULTS
from tests.soak import SET_UP, Soak, answer


def test_a_short_soak_loses_and_leaks_nothing():
    counts = ["--cells=2", "--replies=4", "--long=1", "--interrupts=3", "--rounds=1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", *counts], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Nothing was lost, nothing leaked.\n")
    assert f"{2 + 1 + len(FAULTS)} turns asked for" in done.stdout


def test_what_is_lost_is_told(new_kernel):
    with ScriptedServer() as server:
        tries = {}
        server.default = lambda request: answer(request, tries)
        work = Soak(new_kernel(), server, random.Random(0))
        work.run(f"%load_ext nbchat\n%chat connect {server.base_url} --model scripted-1")
        work.run(SET_UP)
        work.cells(2)
        assert list(work.lost()) == []
        work.run("registry.open('soak-0').undo()")
        assert list(work.lost()) == ["soak-0: 'cell 1' has None, no turn"]
