"""What a panel costs: `python tests/bench_panel.py`.

Opening it, in a kernel that has ipywidgets, as a ratio to `import ipywidgets` in the same kernel; then what a slider's
moves take there, as a front-end sends them. The spread of the repeats is the machine's noise.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from nbchat.testing import ScriptedServer
from tests.bench_cell import REPEATS, fresh, keep_bytecode
from tests.kernel.kernels import Kernel

BEGIN = "import time; begin = time.perf_counter()"
TOOK = "print(time.perf_counter() - begin)"

IMPORT = f"{BEGIN}; import ipywidgets; {TOOK}"
OPEN = f"{BEGIN}; get_ipython().run_line_magic('chat', 'panel'); {TOOK}"

MOVES = """
import gc, statistics
from ipywidgets import FloatSlider
from nbchat.panel.panel import Panel
panel = next(found for found in gc.get_objects() if isinstance(found, Panel))
slider = next(part for part in panel.controls["temperature"].widgets if isinstance(part, FloatSlider))
took = []
for move in range(200):
    begin = time.perf_counter()
    slider.set_state({"value": 0.1 + move % 10 / 10})  # what a front-end's message does
    took.append(time.perf_counter() - begin)
assert panel.session.params.temperature == 1.0
print(statistics.median(took), max(took))
"""


def main():
    with tempfile.TemporaryDirectory() as home, ScriptedServer() as server:
        keep_bytecode(Path(home))
        kernel = Kernel(Path(home))
        try:
            opening(kernel, server)
            moving(kernel, server)
        finally:
            kernel.close()


def opening(kernel, server):
    """`%chat panel` as the first `%chat` of a kernel."""
    imports, opens = [], []
    for _ in range(REPEATS + 1):
        fresh(kernel, server)
        imports.append(float(kernel.run(IMPORT).stdout))
        kernel.run("%load_ext nbchat")
        opens.append(float(kernel.run(OPEN).stdout))
    del imports[0], opens[0]  # they also compiled
    low, middle, high = statistics.quantiles([1000 * seconds for seconds in opens], n=4)
    print(f"opening the panel: {middle:.0f} ms (middle half {low:.0f} to {high:.0f}; budget 300)")
    low, middle, high = statistics.quantiles([a / b for a, b in zip(opens, imports, strict=True)], n=4)
    print(f"opening the panel / import ipywidgets: {middle:.2f} (middle half {low:.2f} to {high:.2f})")


def moving(kernel, server):
    """Measure a slider's moves in an open panel, whose list of models has arrived."""
    time.sleep(1.0)
    before = len(server.requests)
    median, most = map(float, kernel.run(MOVES).stdout.split())
    sent = len(server.requests) - before
    print(f"a slider's move: {1000 * median:.2f} ms, at most {1000 * most:.1f} (budget 5); {sent} requests (budget 0)")


if __name__ == "__main__":
    main()
