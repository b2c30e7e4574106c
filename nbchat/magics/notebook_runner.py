"""Open a notebook in JupyterLab or, without a screen, run it and print it as text."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from nbchat.api.endpoints import choose
from nbchat.builtin.local_model import HOW_TO_INSTALL, is_installed, local_model
from nbchat.display.canvas import TextOutput
from nbchat.markdown.terminal_text import terminal_text
from nbchat.values.errors import ConfigError
from nbchat.values.modelname import SMOLLM2

__all__ = ["DEFAULT", "has_screen", "open_in_lab", "run_and_print"]

DEFAULT = Path("notebooks/quickstart.ipynb")
"""The notebook opened by default."""
CELL_TIMEOUT = 600
"""Seconds a cell may take."""


def has_screen() -> bool:
    """Whether a browser can be opened and JupyterLab is installed."""
    if importlib.util.find_spec("jupyterlab") is None:
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_in_lab(notebook: Path) -> int:
    """Run JupyterLab with this notebook and return its exit code. Raises ConfigError if there is no such notebook."""
    _require(notebook)
    return subprocess.call([sys.executable, "-m", "jupyterlab", str(notebook)], env=_environment())  # noqa: S603  # our own words


def run_and_print(notebook: Path, out: TextIO) -> bool:
    """Run a copy of the notebook in a fresh kernel and print each cell with its output; False if a cell failed.

    The kernel runs in the notebook's directory; the file is not changed. Raises ConfigError without the notebook or
    nbclient.
    """
    _require(notebook)
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    except ImportError as error:
        raise ConfigError("Running a notebook needs nbclient: pip install 'jupyter-nbchat[lab]'.") from error
    try:
        copy = nbformat.read(notebook, as_version=4)
    except (ValueError, TypeError, AttributeError, KeyError, nbformat.ValidationError) as error:
        # nbformat uses a file before it validates it, so a bad one may raise anything.
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ConfigError(f"{notebook} is not a notebook: {reason}") from error
    resources = {"metadata": {"path": str(notebook.resolve().parent)}}
    quiet = ["--IPKernelApp.log_level=ERROR"]  # ipykernel 7.4 warns of every kernel on this machine's own ports
    limits = {"timeout": CELL_TIMEOUT, "iopub_timeout": CELL_TIMEOUT}  # after 4 s, nbclient would drop late outputs
    client = NotebookClient(copy, kernel_name="python3", resources=resources, extra_arguments=quiet, **limits)
    failure: Exception | None = None
    try:
        client.execute(env=_environment())
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        failure = error
    output = TextOutput(out)
    for line in transcript(copy):
        output.write(terminal_text(line) + "\n")
    if failure is not None:
        output.write(terminal_text(f"{notebook} failed at {_failure(copy) or str(failure).strip()}") + "\n")
    output.flush()
    return failure is None


def _environment() -> dict[str, str]:
    """Return the environment of kernels.

    They import this nbchat, even from a checkout that is not installed, and use a real model if no server was chosen and
    one can run here.
    """
    here = str(Path(__file__).resolve().parents[2])
    return {
        **os.environ,
        **_local_model(),
        "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
    }


def _local_model() -> dict[str, str]:
    """Return the variable that makes kernels use SmolLM2; none if a server was chosen or SmolLM2 can't be run."""
    if not choose().is_builtin or os.environ.get("NBCHAT_BASE_URL", "").strip():
        return {}
    toy = "nbchat: the built-in toy model answers."
    if not is_installed():
        print(f"{toy} For a small real one: {HOW_TO_INSTALL}", file=sys.stderr)
        return {}
    try:
        local_model(SMOLLM2).stop()
    except ConfigError as error:
        print(f"{toy} {error}", file=sys.stderr)
        return {}
    return {"NBCHAT_BASE_URL": SMOLLM2}


def _require(notebook: Path) -> None:
    if not notebook.is_file():
        raise ConfigError(f"There is no notebook {notebook}; name one: python -m nbchat open NOTEBOOK.")


def transcript(notebook: Mapping[str, Any]) -> Iterator[str]:
    """Return an executed notebook as lines of text: each code cell's source, then its output."""
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] == "markdown":
            yield from ("", cell["source"])
        elif cell["cell_type"] == "code":
            yield f"\n[{number}]"
            yield from (f"  > {line}" for line in cell["source"].splitlines())
            yield from (f"  {line}" for output in cell["outputs"] for line in _text(output).splitlines())


def _text(output: Mapping[str, Any]) -> str:
    """Return an output as text, Markdown preferred."""
    if output["output_type"] == "stream":
        return str(output["text"])
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    data = output["data"]
    return str(data.get("text/markdown") or data.get("text/plain") or "")


def _failure(notebook: Mapping[str, Any]) -> str:
    """Return the first failed cell and its error; empty if there is none."""
    for number, cell in enumerate(notebook["cells"], start=1):
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                return f"cell {number}: {_text(output)}"
    return ""
