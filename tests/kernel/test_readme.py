"""The cells that the README shows, run one after another in a kernel."""

import re

from tests.environment import ROOT


def test_the_cells_of_the_readme_run(kernel):
    text = (ROOT / "README.md").read_text()
    cells = re.findall(r"```\n((?:%%chat|%load_ext|print).*?)```", text, re.DOTALL)
    assert len(cells) == 3
    kernel.run("readings = [-3.5, 2.8]")
    results = [kernel.run(cell) for cell in cells]
    assert [result.status for result in results] == ["ok"] * 3
    assert results[-1].stdout.startswith("complete ")
