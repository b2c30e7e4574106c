"""Notebooks as Voila serves them: run, shown without their code, live where they are widgets."""

import re
import socket
import subprocess
import sys
import time
from itertools import count

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.frontends import KERNELSPEC, end
from tests.environment import PATIENCE, ROOT, clean_environment


class VoilaServer:
    """A server of the notebooks in a folder of its own."""

    def __init__(self, home):
        self._numbers = count(1)
        self._log = home / "voila.log"
        self._notebooks = home / "notebooks"
        self._notebooks.mkdir()
        command = [
            sys.executable,
            "-m",
            "voila",
            str(self._notebooks),
            "--no-browser",
            f"--port={_free_port()}",
            "--Voila.ip=127.0.0.1",
        ]
        with self._log.open("w") as log:
            environment = clean_environment(home)
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self._url = self._address()

    def _address(self):
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            found = re.search(r"http://[\w.]+:\d+/", self._log.read_text())
            if found:
                return found[0]
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"Voila did not start:\n{self._log.read_text()[-3000:]}")

    def open(self, page, cells, theme="light"):
        """Show a notebook of these cells in a page."""
        notebook = new_notebook(cells=list(map(new_code_cell, cells)), metadata={"kernelspec": KERNELSPEC})
        name = f"notebook-{next(self._numbers)}.ipynb"
        nbformat.write(notebook, self._notebooks / name)
        page.goto(f"{self._url}voila/render/{name}?theme={theme}")

    def stop(self):
        """End the process."""
        end(self._process)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
