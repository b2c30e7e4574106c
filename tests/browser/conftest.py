"""A real browser on real Jupyter servers.

They live as long as this folder's tests: while Playwright runs, its event loop counts as running in the main thread,
which the tests of other folders must not meet.
"""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.dashboards import VoilaServer
from tests.browser.frontends import HEIGHT, SECOND, Frontend, JupyterServers, new_context
from tests.environment import PATIENCE

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Report with a failed test what its page wrote to the console."""
    report = yield
    if report.failed:
        for frontend in (value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Frontend)):
            report.sections.append(("Errors in the page", "\n".join(frontend.errors)))
    return report


def lacking(what):
    """Skip by default; fail if the tests are required (`CI` is set)."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="package")
def browser():
    """One headless Chromium, as the system provides it."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        lacking("Browser tests need Chromium, and there is none on the path: `apt install chromium` provides it.")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE * SECOND)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def jupyter(tmp_path_factory):
    """The Jupyter servers, `jupyter["lab"]` and `jupyter["notebook"]` (each a `JupyterServer`)."""
    servers = JupyterServers(tmp_path_factory.mktemp("jupyter"))
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="package")
def voila(tmp_path_factory):
    """A `VoilaServer`."""
    pytest.importorskip("voila")
    server = VoilaServer(tmp_path_factory.mktemp("voila"))
    yield server
    server.stop()


@pytest.fixture(scope="package")
def new_frontend(browser, jupyter):
    """`with new_frontend() as frontend:` for tests that share a page; its kernels end with the block.

    Loading a front-end takes seconds: a fixture of a module's own may open one notebook for many tests.
    """

    @contextmanager
    def new_frontend():
        context = new_context(browser, 1200, HEIGHT)
        frontend = Frontend(jupyter, context)
        try:
            yield frontend
        finally:
            context.close()
            frontend.close_kernels()

    return new_frontend


@pytest.fixture
def frontend(new_frontend):
    """A fresh page on either server (a `Frontend`); its kernels end with the test."""
    with new_frontend() as frontend:
        yield frontend


@pytest.fixture(params=["lab", "notebook"])
def app(request):
    """Each of the two front-ends in turn, for `frontend.open(…, app=app)`."""
    return request.param
