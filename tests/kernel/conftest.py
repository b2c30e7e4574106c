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
def load(kernel, server):
    """`load(setup="", model="scripted-1", key=None)` loads nbchat with a new session of the server; gives `kernel.run`.

    `setup` is further code. It and what the tests run know `nbchat`, `Session`, `process` and the `registry` of sessions.
    """

    def loaded(setup="", model="scripted-1", key=None):
        wanted = {"NBCHAT_BASE_URL": server.base_url, "NBCHAT_MODEL": model} | ({"NBCHAT_API_KEY": key} if key else {})
        kernel.run(
            "%load_ext nbchat\n"
            f"import os; os.environ.pop('NBCHAT_API_KEY', None); os.environ.update({wanted})\n"
            "import nbchat.frontend; from nbchat import Session; from nbchat.conversation.process import process\n"
            f"process.renew(); registry = nbchat.frontend.registry()\n{setup}"
        )
        return kernel.run

    return loaded


@pytest.fixture
def new_cell(load):
    """`new_cell(message, setup="", model="scripted-1", key=None)` returns what runs a `%%chat` cell; see `load`.

    The cell's message may be given with each line: `cell("--once", "Hello")`.
    """

    def made(message, setup="", model="scripted-1", key=None):
        run = load(setup, model, key)
        return lambda line, body=message, **more: run(f"%%chat {line}\n{body}", **more)

    return made


@pytest.fixture
def terminal(tmp_path_factory):
    """IPython in a terminal (a `Terminal`)."""
    with closing(Terminal(tmp_path_factory.mktemp("terminal"))) as terminal:
        yield terminal
