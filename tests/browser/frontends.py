"""Real JupyterLab and Notebook 7, as a test drives them: a server for each, one page object over either."""

import json
import subprocess
import sys
import time
import urllib.request
from itertools import count
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.environment import PATIENCE, clean_environment

SHOTS = Path(__file__).parent.parent / "shots"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
PATHS = {"lab": "lab/workspaces/{stem}/tree/{stem}.ipynb", "notebook": "notebooks/{stem}.ipynb"}
HEIGHT = 900  # CSS pixels
SECOND = 1000  # Playwright counts in ms
KERNELSPEC = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}

# The notebook in front, once it and its kernel are ready; else null.
_PANEL = """
window.nbchatPanel = () => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  return panel?.context?.isReady && panel.content?.widgets && panel.sessionContext?.session?.kernel ? panel : null;
};
window.nbchatRunning = 0;
window.nbchatRun = command => {
  window.nbchatRunning += 1;
  window.jupyterapp.commands.execute(command).finally(() => { window.nbchatRunning -= 1; });
};
window.nbchatChanged = performance.now();
new MutationObserver(() => { window.nbchatChanged = performance.now(); })
  .observe(document, {subtree: true, childList: true, characterData: true});
"""

# Whether the kernel is idle and every non-empty output is in the page and stable.
_IDLE = """
quiet => {
  const panel = window.nbchatPanel();
  if (!panel || window.nbchatRunning || panel.sessionContext.session.kernel.status !== 'idle') return false;
  for (const cell of panel.content.widgets) {
    if (cell.model.type !== 'code') continue;
    if (cell.model.executionState === 'running' || cell.promptNode?.textContent.includes('*')) return false;
    if (!cell.outputArea) continue;
    const shown = Math.min(cell.model.outputs.length, cell.outputArea.maxNumberOutputs ?? Infinity);
    if (cell.outputArea.widgets.length < shown) return false;
    for (const node of cell.node.querySelectorAll('.jp-RenderedMarkdown')) {
      if (!node.hasChildNodes() && node.offsetParent !== null) return false;
    }
  }
  return performance.now() - window.nbchatChanged > quiet;
}
"""


class JupyterServer:
    """A server process with settings, kernels and files of its own, in the folder `home`.

    It could serve both front-ends, but Jupyter Server then looks for a file that both have (the fonts of formulas)
    in the folder of whichever asked first, and answers the other with 403. So each front-end gets its own.
    """

    def __init__(self, home):
        self.root = home / "notebooks"
        self.log = home / "server.log"
        self._settings = home / "settings"
        self._runtime = home / "jupyter-runtime"
        for folder in (self.root, self._settings, self._runtime, home / "jupyter-config"):
            folder.mkdir(parents=True)
        self._configure(home / "jupyter-config" / "jupyter_server_config.json")
        self.set("@jupyterlab/apputils-extension", "notification", fetchNews="false", checkForUpdates=False)
        environment = {**clean_environment(home), "JUPYTERLAB_SETTINGS_DIR": str(self._settings)}
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
            self._process = subprocess.Popen(command, cwd=self.root, env=environment, stdout=log, stderr=log)
        self.url = self._wait_for_url()

    def _configure(self, path):
        server = {"port": 0, "root_dir": str(self.root), "disable_check_xsrf": True, "open_browser": False}
        exposed = {"expose_app_in_browser": True}
        path.write_text(
            json.dumps(
                {
                    "ServerApp": {**server, "terminals_enabled": False},
                    "IdentityProvider": {"token": ""},
                    "LabApp": exposed,
                    "JupyterNotebookApp": exposed,
                }
            )
        )

    def _wait_for_url(self):
        info = self._runtime / f"jpserver-{self._process.pid}.json"
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                url = json.loads(info.read_text())["url"]
                urllib.request.urlopen(url + "api/status", timeout=5).close()
            except (OSError, ValueError):
                time.sleep(0.05)
            else:
                return url
        self.stop()
        raise RuntimeError(f"JupyterLab's server did not start:\n{self.log.read_text()[-4000:]}")

    def set(self, extension, plugin, **values):
        """Write settings of the front-end; a page reads them when it loads."""
        path = self._settings / extension / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def close_kernel(self, path):
        """End the session of a notebook, and its kernel."""
        for session in json.load(self._call("GET", "api/sessions")):
            if session["path"] == path.name:
                self._call("DELETE", f"api/sessions/{session['id']}").close()

    def _call(self, method, path):
        return urllib.request.urlopen(urllib.request.Request(self.url + path, method=method), timeout=PATIENCE)

    def stop(self):
        """End the process."""
        end(self._process)


def end(process):
    """Terminate a server's process, and kill it if that takes too long."""
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class JupyterServers(dict):
    """The server of each front-end by its name, started when first asked for."""

    def __init__(self, home):
        super().__init__()
        self._home = home

    def __missing__(self, app):
        self[app] = JupyterServer(self._home / app)
        return self[app]


def new_context(browser, width, height):
    """A window of its own, in CSS pixels, that forgets all when it closes."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(PATIENCE * SECOND)
    return context


class Frontend:
    """A notebook open in a page of a real browser.

    `page` is Playwright's; in it `window.jupyterapp` is the front-end's own application object and
    `window.nbchatPanel()` its notebook panel. `requests` has every address the page asked for, `errors` what it threw
    or wrote to the console as an error since it was ready, `dialogs` the (kind, message) of each native dialog.
    """

    _numbers = count(1)

    def __init__(self, servers, context):
        self.server = None
        self._servers = servers
        self._opened = []
        self.requests = []
        self.errors = []
        self.dialogs = []
        self.app = self.path = None
        context.add_init_script(_PANEL)
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("dialog", self._asked)

    def _heard(self, message):
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")

    def _asked(self, dialog):
        self.dialogs.append((dialog.type, dialog.message))
        dialog.accept()

    def open(self, notebook, app="lab", theme="light", width=1200, whole=False):
        """Open a notebook, or one of code cells with these sources, and wait for its kernel.

        `whole`: every cell is in the page, also those that the front-end would leave out because they are out of view.
        """
        if not isinstance(notebook, nbformat.NotebookNode):
            notebook = new_notebook(cells=[new_code_cell(source) for source in notebook])
        notebook.metadata.setdefault("kernelspec", KERNELSPEC)
        stem = f"notebook-{next(self._numbers)}"
        self.app, self.server = app, self._servers[app]
        self.path = self.server.root / f"{stem}.ipynb"
        nbformat.write(notebook, self.path)
        self._opened.append((self.server, self.path))
        self.server.set("@jupyterlab/apputils-extension", "themes", theme=THEMES[theme])
        self.server.set("@jupyterlab/notebook-extension", "tracker", **({"windowingMode": "none"} if whole else {}))
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.goto(self.server.url + PATHS[app].format(stem=stem))
        return self._started()

    def wear(self, theme, width=1200):
        """Change theme and width under the open notebook, which is quicker than opening it anew."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme])
        ground = {"light": "white", "dark": "#111"}[theme]
        self.page.wait_for_function(
            "ground => getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim() === ground",
            arg=ground,
        )
        return self.wait_idle()

    def close_kernels(self):
        """End the kernels of every notebook that was opened here."""
        for server, path in self._opened:
            server.close_kernel(path)

    def reload(self):
        """Load the page again; the kernel lives on."""
        self.page.reload()
        return self._started()

    def _started(self):
        self.wait_idle()
        self.errors.clear()  # Notebook 7 throws a few of its own while it starts
        return self

    def run(self, index, wait=True):
        """Run one cell as its own button would."""
        self.page.evaluate("i => { nbchatPanel().content.activeCellIndex = i; nbchatRun('notebook:run-cell'); }", index)
        return self.wait_idle() if wait else self

    def run_all(self, wait=True):
        """Run All Cells."""
        self.page.evaluate("nbchatRun('notebook:run-all-cells')")
        return self.wait_idle() if wait else self

    def interrupt(self):
        """Interrupt the kernel as the front-end's button does."""
        self.page.evaluate("nbchatRun('notebook:interrupt-kernel')")

    def wait_idle(self, quiet=0.1):
        """Wait until the kernel is idle, every output is rendered, and the page at rest for `quiet` seconds."""
        self.page.wait_for_function(_IDLE, arg=quiet * SECOND, timeout=PATIENCE * SECOND)
        return self

    def cell(self, index):
        """A cell, as a locator."""
        return self.page.locator(f'.jp-Notebook-cell[data-windowed-list-index="{index}"]')

    def output(self, index):
        """A cell's output area, as a locator."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def output_html(self, index):
        """The HTML of a cell's output area as the page has it."""
        return self.output(index).inner_html()

    def output_text(self, index):
        """The text of a cell's output area as a reader sees it."""
        return self.output(index).inner_text()

    def outputs(self, index):
        """A cell's outputs as the notebook's format has them, from the page's own model."""
        return self.page.evaluate("i => nbchatPanel().content.widgets[i].model.outputs.toJSON()", index)

    def type_into(self, index, text):
        """Type at the end of a cell, key by key."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(text)

    def write(self, index, text):
        """Replace a cell's source."""
        cell = "nbchatPanel().content.widgets[index].model.sharedModel"
        self.page.evaluate(f"([index, text]) => {cell}.setSource(text)", [index, text])

    def source(self, index):
        """What a cell's editor holds."""
        return self.page.evaluate("i => nbchatPanel().content.widgets[i].model.sharedModel.getSource()", index)

    def save(self):
        """Save, and return the notebook as it stands on the disk."""
        self.page.evaluate("nbchatPanel().context.save()")
        return nbformat.read(self.path, as_version=4)

    def screenshot(self, name):
        """Keep a picture of the page in tests/shots; returns its path."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def foreign_requests(self):
        """Every address outside its own server that the page asked for."""
        own = (self.server.url, self.server.url.replace("http", "ws", 1), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]

    def requests_to(self, prefix):
        """Every address the page asked for that begins so."""
        return [url for url in self.requests if url.startswith(prefix)]
