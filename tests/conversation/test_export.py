"""A conversation in a file: what is loaded is what was there, and a notebook's cells ask what was asked."""

import ast
import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager
from markdown_it import MarkdownIt
from msgspec.structs import replace

from nbchat.cells.compose import compose
from nbchat.cells.options import parse
from nbchat.conversation.export import Conversation, read, write
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.conversation.turn import Turn
from nbchat.testing import Say
from nbchat.values.answer.reply import Choice, Reply
from nbchat.values.errors import SessionError
from nbchat.values.messages import ImagePart, Message, TextPart
from nbchat.values.optionline import can_express
from nbchat.values.params import Params
from tests import strategies
from tests.environment import ROOT

conversations = st.builds(
    Conversation,
    name=st.text(min_size=1, max_size=8),
    system=st.none() | strategies.texts,
    params=strategies.all_params,
    turns=st.lists(strategies.turns, max_size=3).map(tuple),
)


def again(conversation):
    with tempfile.TemporaryDirectory() as folder:
        return read(write(Path(folder, "talk.json"), conversation))


def cells(conversation):
    """The sources of an exported notebook's cells."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = json.loads(write(Path(folder, "talk.ipynb"), conversation).read_text("utf-8"))
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)  # what any Jupyter of today opens
    return [cell["source"] for cell in notebook["cells"]]


def talk(*turns, system=None):
    return Conversation("talk", system, Params(), turns)


def asked(message, **params):
    return Turn(message if isinstance(message, Message) else Message("user", message), Reply(), Params(**params))


def called(source):
    """What IPython calls a magic with for this cell: its name, its line, and the cell's body if it has one."""
    return tuple(
        argument.value for argument in ast.parse(TransformerManager().transform_cell(source)).body[0].value.args
    )


def asks(source):
    """Return what a cell sends: its parameters and message, parsed like `%%chat`."""
    magic, line, body = called(source)
    assert magic == "chat"
    options = parse(line)
    assert not options.is_sweep
    images = options.get("image", ())
    message = compose(body.removesuffix("\n"), {}, raw=options.get("raw", False), images=images).message
    return Params(**options.params), message


@given(conversations)
def test_loading_an_export_gives_the_same_conversation(conversation):
    """Turns, replies, usage with all its counts, log probabilities, places and parameters."""
    assert again(conversation) == conversation


def test_a_session_comes_back_with_its_answers_as_they_were(server, tmp_path):
    server.add(Say("Kept.", usage=(10, 5)))
    chat = Session(base_url=server.base_url, model="m", name="talk", system="Be brief.", temperature=0.5, stop=["END"])
    chat.ask("keep this", cell_id="cell-1")
    loaded = Session.load(chat.export(tmp_path / "talk.json"))
    assert loaded.turns == tuple(replace(turn, reply=replace(turn.reply, request=None)) for turn in chat.turns)
    assert (loaded.name, loaded.system, loaded.params) == ("talk", "Be brief.", chat.params)
    assert loaded.messages == chat.messages


def test_a_lone_surrogate_does_not_prevent_an_export(tmp_path):
    """Servers send them; UTF-8 can't carry them."""
    half = replace(asked("\ud83d!"), reply=Reply((Choice(text="a\ude42"),)))
    assert again(talk(half)).turns == (half,)
    for name in ("talk.md", "talk.ipynb"):
        assert "!" in write(tmp_path / name, talk(half)).read_text("utf-8")


KEYS = st.sampled_from(
    ["nbchat", "turns", "params", "reply", "message", "role", "content", "choices", "usage", "timing"]
)
nearly = st.recursive(
    strategies.json_values | st.sampled_from([1, 2, "user", "complete", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=16,
)


@given(nearly | st.fixed_dictionaries({"nbchat": st.sampled_from([1, 2]), "turns": nearly, "params": nearly}))
@example({"nbchat": 2, "turns": [{"message": {"role": "user"}, "reply": {"status": "complete", "cost": 10**400}}]})
@example({"nbchat": 1, "turns": [{"message": {"role": "user"}, "reply": {"status": "complete", "choices": [3]}}]})
@example({"nbchat": 2, "params": {"temperature": 9}})
@example(7)
def test_a_file_that_holds_no_conversation_is_refused_in_one_line(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "odd.json")
        path.write_text(json.dumps(content))
        try:
            assert read(path).name
        except SessionError as error:
            assert "holds no conversation" in str(error)
            assert len(str(error).splitlines()) == 1


def test_a_system_text_between_messages_is_no_step_of_a_turn(tmp_path):
    path = tmp_path / "talk.json"
    roles = [("system", "Be brief."), ("user", "Hi"), ("system", "Now in French."), ("assistant", "Salut.")]
    path.write_text(json.dumps([{"role": role, "content": text} for role, text in roles]))
    (turn,) = read(path).turns
    assert (turn.message.text, turn.reply.text, turn.steps) == ("Hi", "Salut.", ())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"nbchat": 9}, "it says format 9, this version reads 2."),
        ({"nbchat": 2, "params": {"temperature": 9}}, "temperature must be a number from 0 to 2; got 9."),
        ({"nbchat": 2, "turns": [{"reply": {}}]}, "a turn's message must be an object; got NoneType."),
        ([{"role": "nobody"}], "a message's role must be system, user, assistant or tool; got 'nobody'."),
        ("Hello", "it is neither an object nor a list of messages; got str."),
    ],
)
def test_a_refusal_names_what_is_wrong(content, words, tmp_path):
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(content))
    with pytest.raises(SessionError) as caught:
        read(path)
    assert str(caught.value) == f"{path} holds no conversation: {words}"


@given(strategies.all_params, strategies.texts.filter(str.strip))
@example(Params(stop=["END", "--raw", "\n", "{"], presence_penalty=-1.5, logit_bias={"5": -100}), "What is {df}?")
@example(Params(model="a,b", user="none", extra={"a=b": 1}), "{{x}}\n")
def test_a_notebooks_cells_ask_again_what_was_asked(params, text):
    """Every parameter that a line can say, and the text as it was sent: what stands in braces is not put in anew."""
    said = Params.from_dict({name: value for name, value in params.items() if can_express(name)})
    _, source = cells(talk(replace(asked(text), params=params)))
    assert asks(source) == (said, Message("user", text))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"stop": ["a", "b"], "presence_penalty": -1, "frequency_penalty": 2, "logit_bias": {"5": 1}}, True),
        ({"model": "vendor/model:free", "user": "a, b", "extra": {"top_k": 40}}, True),
        ({"model": "a,b", "user": "two\nlines", "stop": ["none"]}, True),
        ({"extra": {"two words": 1}}, False),
        ({"extra": {"a=b": 1}}, False),
    ],
)
def test_an_option_line_can_express_all_but_some_names(params, said):
    assert all(can_express(name) for name, _ in Params(**params).items()) is said


def test_a_text_without_braces_is_asked_without_raw():
    assert cells(talk(asked("Hi", temperature=0.5)))[1] == "%%chat -t 0.5\nHi"


PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_a_cell_attaches_the_image_that_was_sent():
    message = Message("user", (TextPart("What is {this}?"), ImagePart(PIXEL)))
    _, source = cells(talk(asked(message)))
    assert asks(source)[1] == message


@pytest.mark.parametrize("system", ['Say "yes" or \\no', "Two\nlines, 'quoted'", "a\\", '"', " spaced "])
def test_a_notebook_sets_the_system_text_as_it_was(system, monkeypatch):
    import nbchat
    from nbchat.magics.line import chat_line

    process.renew()
    monkeypatch.setattr("nbchat.magics.commands.settings.say", lambda shell, text: None)
    source = cells(talk(system=system))[1]
    if source.startswith("%chat "):
        chat_line(None, called(source)[1])
    else:
        exec(source, {})
    assert nbchat.session().system == system


@pytest.mark.parametrize("ending", ["md", "json", "ipynb"])
def test_an_exported_file_is_its_owners_alone(tmp_path, ending):
    path = tmp_path / f"talk.{ending}"
    path.write_text("an older export that everybody may read")
    path.chmod(0o644)
    write(path, talk(asked("Hi")))
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege there")
def test_an_export_is_never_written_through_a_link(tmp_path):
    theirs = tmp_path / "theirs.md"
    theirs.write_text("theirs")
    for name, to in (("link.md", theirs), ("dangling.md", tmp_path / "new.md")):
        (tmp_path / name).symlink_to(to)
        with pytest.raises(SessionError, match="symbolic link"):
            write(tmp_path / name, talk(asked("Hi")))
    assert theirs.read_text() == "theirs"
    assert not (tmp_path / "new.md").exists()


@pytest.mark.skipif(os.name != "posix", reason="a limit on the size of files")
def test_an_export_that_fails_leaves_the_old_one_whole(tmp_path):
    """In a process with a limited file size, like a full disk."""
    path = tmp_path / "talk.json"
    write(path, talk(asked("Hi")))
    before = path.read_bytes()
    code = f"""
import resource, signal
from pathlib import Path
from tests.conversation.test_export import asked, talk, write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    write(Path({str(path)!r}), talk(asked("x" * 100_000)))
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("SessionError ")
    assert "can't be written" in done.stdout
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_answer_that_is_json_is_code_in_an_exported_document(tmp_path):
    turn = Turn(Message("user", "Who?"), Reply((Choice(text='{"name": "Bob"}'),), model="m"), Params())
    assert '```json\n{"name": "Bob"}\n```' in write(tmp_path / "talk.md", talk(turn)).read_text("utf-8")


@given(st.text("a#[]()<>!*`\n~$:/", max_size=12), st.text("a#[]()<>!*`\n~$", max_size=12))
def test_a_servers_message_is_inert_in_an_exported_document(model, answer):
    """A model's name can't make a heading, a link or HTML; an answer can't swallow the turns behind it."""
    evil = f"{model}\n# Injected\n<img src=x onerror=alert(1)>[x](javascript:alert(1))"
    turn = Turn(Message("user", "Question"), Reply((Choice(text=answer + "\n```\ncode"),), model=evil), Params())
    last = Turn(Message("user", "Last question"), Reply((Choice(text="Fine."),), model="m"), Params())
    with tempfile.TemporaryDirectory() as folder:
        document = write(Path(folder, "talk.md"), talk(turn, last)).read_text("utf-8")
    tokens = MarkdownIt("commonmark").parse(document)
    headings = [
        tokens[i + 1].content
        for i, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag in ("h1", "h2")
    ]
    assert "Injected" not in headings
    assert "<img" not in document
    assert "You" in headings[-2:]
    assert "(javascript:" not in document


def test_a_document_has_every_choice_with_its_state_and_the_system_text(tmp_path):
    both = Reply((Choice(text="Hello"), Choice(index=1, refusal="No.")), model="m")
    half = Reply((Choice(text="Hal"),), "cut_off")
    turns = (Turn(Message("user", "Hi"), both, Params()), Turn(Message("user", "More"), half, Params()))
    text = write(tmp_path / "talk.md", talk(*turns, system="Be brief.\n\nAlways.")).read_text("utf-8")
    assert text == (
        "# talk\n\n> **System:** Be brief.\n>\n> Always.\n\n## You\n\nHi\n\n## m\n\nHello\n\n---\n\nNo.\n\n"
        "## You\n\nMore\n\n## Assistant\n\nHal\n\n*(cut off)*\n"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("talk.txt", "as .md, .json, .jsonl or .ipynb; got .txt."),
        ("talk", "got no suffix."),
        ("talk\0.md", "embedded null"),
        ("no-such-folder/talk.md", "can't be written: No such file or directory."),
        ("folder.md", "can't be written: it is a folder; name a file in it."),
    ],
)
def test_where_nothing_can_be_written_is_one_sentence(tmp_path, name, said):
    (tmp_path / "folder.md").mkdir()
    with pytest.raises(SessionError) as caught:
        write(tmp_path / name, talk(asked("Hi")))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file or directory."),
        (b"{", "is not JSON: only conversations exported as .json, .jsonl or .ipynb can be imported."),
        (b"\xff", "is not JSON"),
        (b"[" * 10**5, "is not JSON"),
    ],
)
def test_what_is_no_conversation_is_one_sentence(tmp_path, content, said):
    if content is not None:
        (tmp_path / "talk.json").write_bytes(content)
    with pytest.raises(SessionError) as caught:
        read(tmp_path / "talk.json")
    assert said in str(caught.value)
