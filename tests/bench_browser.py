"""What a streaming answer costs the reader's browser: `python tests/bench_browser.py`.

JupyterLab in Chromium, an answer at 100 tokens a second: seconds that the page's main thread works for each second of stream,
gaps between frames, and how far the text in view moves.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import sync_playwright

from nbchat.testing import Pause, ScriptedServer, Stream, chunk
from tests.browser.conftest import FLAGS, NAMES
from tests.browser.frontends import HEIGHT, Frontend, JupyterServers

PARAGRAPH = """## A heading of the answer

Some *ordinary* prose with `code`, a [link](https://example.org) and math $x^2$ in it, long enough to fill a line.

- a first item
- a second item

```python
for i in range(10):
    print(i)
```

| a | b |
|---|---|
| 1 | 2 |

"""

FRAMES = """() => { window.gaps = []; let last = performance.now();
const tick = now => { window.gaps.push(now - last); last = now; requestAnimationFrame(tick); };
requestAnimationFrame(tick); }"""


def answer(early, paced):
    """A stream of `early` tokens at once, then `paced` tokens at 100 a second; a token is 4 characters."""
    text = PARAGRAPH * (1 + 4 * (early + paced) // len(PARAGRAPH))
    events = [chunk(text[: 4 * early]), Pause(2.0)] if early else []
    for token in range(early, early + paced):
        events += [chunk(text[4 * token : 4 * token + 4]), Pause(0.01)]
    return Stream([*events, chunk("", finish="stop")])


def main():
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright, ScriptedServer() as server:
        executable = next(filter(None, map(shutil.which, NAMES)))
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        servers = JupyterServers(Path(home))
        try:
            for early, paced, budget in ((0, 2000, 0.35), (9000, 1000, 0.5)):
                measure(browser, servers, server, early, paced, budget)
        finally:
            browser.close()
            for jupyter in servers.values():
                jupyter.stop()


def measure(browser, servers, server, early, paced, budget):
    frontend = Frontend(servers, browser.new_context(viewport={"width": 1200, "height": HEIGHT}))
    setup = f"%load_ext nbchat\nimport os\nos.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL='m')"
    frontend.open([setup, "%%chat --once\nHello"])
    frontend.run(0)
    session = frontend.page.context.new_cdp_session(frontend.page)
    session.send("Performance.enable")
    server.add(answer(early, paced))
    frontend.run(1, wait=False)
    heading = frontend.output(1).locator("h2").nth(1)
    heading.wait_for()
    frontend.page.evaluate(FRAMES)
    while not (box := heading.bounding_box()):  # none in the moment in which its segment is rendered anew
        time.sleep(0.01)
    top = box["y"]
    before, begin = work(session), time.perf_counter()
    moved, end = 0.0, begin + paced / 100 * 0.9
    while time.perf_counter() < end:
        time.sleep(1.0)
        if box := heading.bounding_box():
            moved = max(moved, abs(box["y"] - top))
    took = time.perf_counter() - begin
    busy = work(session) - before
    gaps = sorted(frontend.page.evaluate("window.gaps"))
    frontend.wait_idle()
    p99 = gaps[int(len(gaps) * 0.99)] if gaps else float("nan")
    print(
        f"{early + paced:,} tokens: main thread {busy / took:.2f} of the stream's time (budget {budget}), "
        f"frame gaps p50 {gaps[len(gaps) // 2]:.0f} ms, p99 {p99:.0f} ms, the place moved {moved:.0f} px"
    )
    frontend.page.context.close()


def work(session):
    """Seconds of tasks on the page's main thread so far."""
    return {row["name"]: row["value"] for row in session.send("Performance.getMetrics")["metrics"]}["TaskDuration"]


if __name__ == "__main__":
    main()
