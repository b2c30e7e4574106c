"""The ground the other kernel tests stand on: what a cell shows, how it ends, and what stops it."""

import pytest

from tests.environment import PACKAGE


def test_outputs_come_in_order_with_updates_applied(kernel):
    result = kernel.run(
        "from IPython.display import display, Markdown\n"
        "print('a'); print('b')\n"
        "handle = display(Markdown('one'), display_id=True)\n"
        "handle.update(Markdown('two'))\n"
        "40 + 2"
    )
    assert result.status == "ok"
    assert [output["output_type"] for output in result.outputs] == ["stream", "display_data", "execute_result"]
    assert (result.stdout, result.mime("text/markdown")) == ("a\nb\n", ["two"])
    assert result.mime("text/plain")[-1] == "42"
    assert (result.count("display_data"), result.count("update_display_data")) == (1, 1)
    assert result.bytes > 0


def test_a_later_cell_updates_the_output_of_an_earlier_one(kernel):
    first = kernel.run("from IPython.display import Markdown\nlater = display(Markdown('one'), display_id=True)")
    kernel.run("later.update(Markdown('two'))")
    assert first.mime("text/markdown") == ["two"]


@pytest.mark.parametrize(("wait", "left"), [("True", "new\n"), ("False", "new\n")])
def test_clearing_leaves_what_comes_after_it(kernel, wait, left):
    code = f"from IPython.display import clear_output\nprint('old')\nclear_output(wait={wait})\nprint('new')"
    assert kernel.run(code).stdout == left


def test_a_failing_cell_says_how(kernel):
    result = kernel.run("1 / 0")
    assert (result.status, result.error.name) == ("error", "ZeroDivisionError")
    assert result.outputs[-1]["ename"] == "ZeroDivisionError"


def test_a_cell_can_ask(kernel):
    assert kernel.run("print(input('name? ') + input())", answers=["Ada", "!"]).stdout == "Ada!\n"


def test_an_interrupt_stops_a_running_cell_and_the_next_one_runs(kernel):
    running = kernel.start("import time\nprint('on')\ntime.sleep(600)")
    running.until(lambda run: run.page.outputs)
    kernel.interrupt()
    assert running.wait().error.name == "KeyboardInterrupt"
    assert kernel.run("print(1)").stdout == "1\n"


def test_a_restarted_kernel_has_forgotten(kernel):
    kernel.run("x = 1")
    kernel.restart()
    assert kernel.run("x").error.name == "NameError"


def test_completion_and_the_next_cell_are_seen(kernel):
    kernel.run("%config IPCompleter.use_jedi = False\na_long_name = 1")  # jedi's first answer takes seconds
    assert kernel.complete("a_long") == ["a_long_name"]
    [payload] = kernel.run("get_ipython().set_next_input('y = 2')").payload
    assert (payload["source"], payload["text"]) == ("set_next_input", "y = 2")


def test_kernels_of_one_home_share_its_files(kernel, new_kernel):
    kernel.run("import pathlib; pathlib.Path.home().joinpath('note').write_text('seen')")
    assert new_kernel(kernel.home).run("cat ~/note").stdout.strip() == "seen"
    assert new_kernel().run("import pathlib; pathlib.Path.home().joinpath('note').exists()").mime("text/plain") == [
        "False"
    ]


def test_a_kernel_runs_the_package_under_test_and_nothing_of_the_users(kernel, monkeypatch):
    monkeypatch.setenv("ANY_API_KEY", "secret")
    kernel.restart()
    code = "import nbchat, os; print(nbchat.__path__[0], [name for name in os.environ if name.endswith('_API_KEY')])"
    assert kernel.run(code).stdout == f"{PACKAGE} []\n"


def test_a_terminal_shows_what_a_line_and_a_cell_print(terminal):
    assert "42\n" in terminal.run("6 * 7")
    assert "b\n" in terminal.run("for letter in 'ab':\n    print(letter)")
    assert "Writing one.py" in terminal.run("%%writefile one.py\nx = 1")
    assert "43\n" in terminal.run("6 * 7 + 1")


def test_ctrl_c_in_a_terminal_stops_the_line(terminal):
    # Short sleeps: Ctrl-C between the print and the sleep would not cut a long one short.
    terminal.start("import time; print('o' + 'n'); [time.sleep(0.02) for _ in iter(int, 1)]")
    terminal.child.expect("on")
    terminal.interrupt()
    assert "KeyboardInterrupt" in terminal.rest()
