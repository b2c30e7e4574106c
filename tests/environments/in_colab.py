"""Colab's kernel: its cell ids stand in a place of their own."""

import pytest

from nbchat.testing import Say
from tests.kernel.kernels import Run


class ColabRun(Run):
    """A cell as Colab sends it."""

    @staticmethod
    def metadata(cell_id):
        return {"colab": {"cell_id": cell_id}}


@pytest.fixture(scope="module")
def kernel(new_kernel):
    return new_kernel()


def test_a_cell_that_runs_again_answers_its_own_turn_anew(kernel, server):
    kernel.run(f"%load_ext nbchat\n%chat connect {server.base_url} --model scripted-1")
    server.add(Say("One."), Say("Two."))
    for _ in range(2):
        assert ColabRun(kernel, "%%chat\nHi", [], "cell-1").wait().status == "ok"
    counted = kernel.run("import nbchat; print([len(turn.versions) for turn in nbchat.session().turns])")
    assert counted.stdout == "[2]\n"
