"""The README says what the code does, and the list of options is the table of options."""

import re
import subprocess
import sys
from pathlib import Path

from nbchat.cells.options import OWN
from nbchat.values.params import PARAMETERS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
OPTIONS = ROOT / "nbchat" / "OPTIONS.md"


def option_rows():
    """The README's rows of options, from the tables."""
    rows = ["| option | value | meaning |", "|---|---|---|"]
    for row in PARAMETERS.values():
        flags = f"`-{row.short}`, `{row.flag}`" if row.short else f"`{row.flag}`"
        value = "" if row.kind == "flag" else row.expected.replace("|", "\\|")
        rows.append(f"| {flags} | {value} | {row.meaning} |")
    for own in OWN.values():
        flags = f"`-{own.short}`, `{own.flag}`" if own.short else f"`{own.flag}`"
        rows.append(f"| {flags} | {own.value} | {own.meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def test_the_options_table_is_generated():
    """Run `python -m tests.test_readme` to write it anew."""
    shown = re.search(r"<!-- options -->\n(.*)<!-- /options -->", OPTIONS.read_text(), re.DOTALL)[1].strip()
    assert shown == option_rows()


def test_there_is_one_command_to_try_and_one_to_test():
    """The first follows its marker; `.ci/run` finds the second by its own."""
    for marker in ("try", "test"):
        assert len(re.findall(rf"<!-- {marker} -->\n```\n[^\n]+\n```", README.read_text())) == 1


def test_the_python_in_the_readme_runs(environment):
    """As a script of its own, with the built-in model."""
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "complete" in done.stdout
    assert done.stderr == ""


def test_what_the_readme_links_to_is_there():
    links = re.findall(r'\]\(([^)#]+)\)|(?:src|srcset)="([^"]+)"', README.read_text())
    assert [link for pair in links for link in pair if link and not (ROOT / link).exists()] == []


if __name__ == "__main__":
    text = OPTIONS.read_text()
    OPTIONS.write_text(
        re.sub(
            r"(<!-- options -->\n).*(<!-- /options -->)",
            lambda found: f"{found[1]}{option_rows()}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
    )
