"""The README's pictures, taken of a real run: `python -m tests.picture`. Needs Chromium, JupyterLab and SmolLM2."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.frontends import Frontend, JupyterServers
from tests.browser.test_panel import PanelPage
from tests.environment import ROOT

PICTURES = ROOT / "notebooks" / "pictures"
WIDTH, HEIGHT = 1180, 790
CELLS = [
    "%load_ext nbchat\n%chat connect smollm2",
    "%%chat -t 0.2 --seed 1 --max-tokens 120\nWhat is a Python list comprehension? Show one short example.",
    "%chat panel",
]


def main():
    """Ask in a cell and in the panel, and photograph both in each theme."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        servers = JupyterServers(Path(home))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS, headless=True)
        try:
            frontend = Frontend(servers, browser.new_context(device_scale_factor=1.5))
            frontend.open(CELLS, width=WIDTH)
            frontend.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
            frontend.run_all()
            panel = PanelPage(frontend.page)
            panel.type("temperature", "0.2")
            panel.type("max_tokens", "90")
            panel.send("When would I use a generator instead?")
            panel.reply.get_by_text("tokens/s").wait_for(timeout=60_000)
            frontend.page.set_viewport_size({"width": WIDTH, "height": HEIGHT + 320})
            for theme in ("light", "dark"):
                frontend.wear(theme, WIDTH)
                frontend.page.set_viewport_size({"width": WIDTH, "height": HEIGHT + 320})
                frontend.wait_idle()
                frontend.cell(1).evaluate("node => node.scrollIntoView()")
                box = frontend.page.locator(".jp-NotebookPanel-notebook").bounding_box()
                clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": HEIGHT}
                frontend.page.mouse.move(0, 0)
                frontend.page.screenshot(path=PICTURES / f"nbchat-{theme}.png", clip=clip)
        finally:
            frontend.close_kernels()
            browser.close()
            for server in servers.values():
                server.stop()


if __name__ == "__main__":
    main()
