"""The cells that the README shows, run one after another in a kernel."""

import re

from tests.environment import ROOT


def test_the_cells_of_the_readme_run(kernel):
    text = (ROOT / "README.md").read_text()
    cells = re.findall(r"```\n((?:%%chat|%load_ext|print).*?)```", text, re.DOTALL)
    assert len(cells) == 4
    kernel.run(
        "import pandas\nreadings = [-3.5, 2.8]\ndf = pandas.DataFrame({'comment': ['Slow.', 'I like it.', 'Hm.']})"
    )
    results = [kernel.run(cell) for cell in cells]
    assert [result.status for result in results] == ["ok"] * 4
    assert results[2].stdout.startswith("complete ")
    assert set(kernel.run("print(*labels['label'])").stdout.split()) <= {"complaint", "praise", "other"}
