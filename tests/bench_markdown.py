"""How long rendering 200 kB takes, whatever the text: `python -m tests.bench_markdown`.

Prints seconds of CPU for each shape, and the ratio to half of it (2 is linear). The budget is half a second.
"""

import time
from pathlib import Path

from nbchat.markdown.render import render
from tests.markdown.test_render_growth import RUNAWAYS, UNITS

SIZE = 200_000
CORPUS = Path(__file__).parent / "markdown" / "corpus"


def seconds(text):
    """CPU time of rendering a text once."""
    begin = time.process_time()
    render(text)
    return time.process_time() - begin


def shapes():
    """Names and texts: ordinary answers, and each sign that keeps a parser busy."""
    ordinary = "\n\n".join(path.read_text() for path in sorted(CORPUS.glob("*.md")))
    for name, unit in [("ordinary", ordinary), *((unit, unit) for unit in (*UNITS, *RUNAWAYS))]:
        yield name, (unit * (SIZE // len(unit) + 1))[:SIZE]
    yield "ticks", "".join("`" * count + "a" for count in range(1, 700))[:SIZE]
    yield "nested quotes", "\n".join(">" * (count % 60) + " a" for count in range(6000))[:SIZE]


def main():
    """Print the slowest first."""
    render("warm")
    rows = sorted(((seconds(text), seconds(text[: len(text) // 2]), name) for name, text in shapes()), reverse=True)
    for whole, half, name in rows:
        print(f"{whole:6.3f} s  x {whole / max(half, 1e-3):4.1f}  {name[:20]!r}")


if __name__ == "__main__":
    main()
