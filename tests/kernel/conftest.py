"""Real kernels, and IPython in a real terminal."""

from contextlib import ExitStack, closing

import pytest

from tests.kernel.kernels import Kernel, Terminal


@pytest.fixture(scope="module")
def new_kernel(tmp_path_factory):
    """`new_kernel(home=None)` starts a further `Kernel`; with the `home` of another it shares that one's files."""
    with ExitStack() as stack:
        yield lambda home=None: stack.enter_context(closing(Kernel(home or tmp_path_factory.mktemp("kernel"))))


@pytest.fixture(scope="module")
def kernel(new_kernel):
    """One kernel for the tests of a module (a `Kernel`); `kernel.restart()` makes it a fresh one."""
    return new_kernel()


@pytest.fixture
def new_cell(kernel, server):
    """`new_cell(message, setup="", model="scripted-1")` returns what runs a `%%chat` cell, in a session of its own.

    `setup` runs first. The cell's message may be given with each line: `cell("--once", "Hello")`.
    """

    def made(message, setup="", model="scripted-1"):
        kernel.run(
            "%load_ext nbchat\n"
            f"import os; os.environ.update(NBCHAT_BASE_URL={server.base_url!r}, NBCHAT_MODEL={model!r})\n"
            f"from nbchat.conversation.process import process\nprocess.renew()\n{setup}"
        )
        return lambda line, body=message, **more: kernel.run(f"%%chat {line}\n{body}", **more)

    return made


@pytest.fixture
def terminal(tmp_path_factory):
    """IPython in a terminal (a `Terminal`)."""
    with closing(Terminal(tmp_path_factory.mktemp("terminal"))) as terminal:
        yield terminal
