"""Front ends that ignore updates of outputs: what they show is the whole answer, as plain text."""

import time

import pytest

from nbchat.testing import Say, ScriptedServer, Status, error

ANSWER = "First line of it.\n\n" + "\n".join(f"* point {number}" for number in range(40)) + "\n\nThe last line."


@pytest.fixture(scope="module")
def server():
    with ScriptedServer() as server:
        yield server


@pytest.fixture(scope="module")
def text_kernel(new_kernel, server):
    kernel = new_kernel()
    kernel.run(f"%load_ext nbchat\n%chat connect {server.base_url} --model scripted-1")
    return kernel


def seen(result):
    """What a front end shows that drops every update."""
    shown = []
    for kind, content in result.messages:
        if kind == "stream":
            shown.append(content["text"])
        elif kind in ("display_data", "execute_result"):
            shown.append(content["data"].get("text/plain", "") + "\n")
    return "".join(shown)


@pytest.mark.parametrize("chosen", ["%chat set display=text", "%chat display text", "%env NBCHAT_DISPLAY=text"])
def test_the_whole_answer_is_seen_without_updates(text_kernel, server, chosen):
    text_kernel.run(
        "%chat display auto" if "env" not in chosen else "import nbchat.display.kernel as k; k._Chosen.display = None"
    )
    text_kernel.run(chosen)
    server.add(Say(ANSWER, delay=0.002))
    began = time.monotonic()
    result = text_kernel.run("%%chat --once\nHi")
    seconds = time.monotonic() - began
    assert result.status == "ok"
    for line in ANSWER.split("\n"):
        assert line.replace("* ", "") in seen(result)
    assert "tokens" in seen(result)
    assert result.count("update_display_data") == 0
    assert 0 < result.count("stream") < 40 + 20 * seconds  # on a slow machine the answer takes longer


def test_errors_sweeps_and_replies_as_values_are_seen_too(text_kernel, server):
    text_kernel.run("%chat display text")
    server.add(Status(401, error("No such key.")))
    assert "No such key" in str(text_kernel.run("%%chat --once\nHi").error)
    server.add(Say("One."), Say("Two."))
    swept = seen(text_kernel.run("%%chat -t 0,1 --once\nHi"))
    assert "temperature" in swept
    server.add(Say("The value."))
    assert "The value." in seen(text_kernel.run("import nbchat\nnbchat.session().ask('Hi', display=False)"))


def test_auto_paints_again_and_a_wrong_word_is_an_error(text_kernel, server):
    wrong = text_kernel.run("%chat display sideways")
    assert "auto or text" in str(wrong.error)
    text_kernel.run("%chat display auto\n%env NBCHAT_DISPLAY=")
    server.add(Say(ANSWER))
    assert ANSWER.split("\n")[0] in "".join(text_kernel.run("%%chat --once\nHi").mime("text/markdown"))
