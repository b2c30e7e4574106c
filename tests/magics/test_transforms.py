"""Lines that IPython would take for a call of its help, and cells that must not run."""

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from nbchat.magics import filled_cells
from nbchat.magics.extension import load_ipython_extension, unload_ipython_extension


@pytest.fixture
def shell(shell):
    load_ipython_extension(shell)
    yield shell
    unload_ipython_extension(shell)


def called(line, target="", indent=""):
    return f"{indent}{target}get_ipython().run_line_magic('chat', {line!r})\n"


@pytest.mark.parametrize(
    ("cell", "seen"),
    [
        ("%chat ask What is a list?", called("ask What is a list?")),
        ("%chat ask What is a list??", called("ask What is a list??")),
        ("%chat ask What's (a list?", called("ask What's (a list?")),
        ("%chat ask Is x[0] > 3 ?  ", called("ask Is x[0] > 3 ?")),
        ("r = %chat ask Why?", called("ask Why?", "r = ")),
        ("a.b, c['d'] = %chat ask Why?", called("ask Why?", "a.b, c['d'] = ")),
        ("if 1:\n    %chat ask Why?", "if 1:\n" + called("ask Why?", indent="    ")),
        ("%chat models gpt?\n%chat help?\n", called("models gpt?") + called("help?")),
        ('x = """\n%chat ask a?\n"""', 'x = """\n%chat ask a?\n"""\n'),
        ("%%chat\n%chat ask a?", "get_ipython().run_cell_magic('chat', '', '%chat ask a?\\n')\n"),
        ("%chat?", "get_ipython().run_line_magic('pinfo', '%chat')\n"),
        ("%time list?", "get_ipython().run_line_magic('pinfo', 'list')\n"),
    ],
)
def test_a_question_reaches_nbchat(shell, cell, seen):
    assert shell.transform_cell(cell) == seen
    assert shell.check_complete(cell)[0] in ("complete", "incomplete")


def test_unloading_removes_everything(shell):
    before = InteractiveShell(config=shell.config)
    load_ipython_extension(shell)  # a second time
    unload_ipython_extension(shell)
    assert shell.transform_cell("%chat ask What is a list?") == "get_ipython().run_line_magic('pinfo', 'list')\n"
    assert len(shell.input_transformers_cleanup) == len(before.input_transformers_cleanup)
    transformers = shell.input_transformer_manager.token_transformers
    assert transformers == before.input_transformer_manager.token_transformers


@pytest.mark.parametrize(
    "code", ["x = 1", "%%time\nx = 1", "%%bash\nls", "%%html\n<b>a</b>", "%%js\n1", "%%latex\nx", "%%capture\n"]
)
def test_marked_code_is_the_same_cell_until_its_answer_is_old(shell, code):
    source = filled_cells.source_id(None, code)
    filled_cells.answered(source, code)
    cell = filled_cells.marked(code, source)
    assert cell.startswith(code.split("\n")[0]) == code.startswith("%%")
    assert [line for line in cell.split("\n") if "nbchat: code" not in line] == code.split("\n")
    shell.transform_cell(cell)
    filled_cells.answered(source, "y = 2")
    with pytest.raises(UsageError, match="has different code"):
        shell.transform_cell(cell)
    assert shell.check_complete(cell)[0] != "invalid"
