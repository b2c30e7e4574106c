"""Real kernels for the groups of this folder, as in `tests/kernel`."""

from contextlib import ExitStack, closing

import pytest

from tests.kernel.kernels import Kernel


@pytest.fixture(scope="module")
def new_kernel(tmp_path_factory):
    """`new_kernel(name, command=None)` starts a `Kernel`."""
    with ExitStack() as stack:
        yield lambda *wanted: stack.enter_context(closing(Kernel(tmp_path_factory.mktemp("kernel"), *wanted)))
