"""What a server sent is what everything says: the reply, the cell's saved outputs, the export, and a loaded export."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat import Session
from nbchat.display.painter import Painter
from nbchat.markdown.terminal_text import plain_text
from nbchat.testing import DONE, Raw, ScriptedServer, chunk, completion
from nbchat.values.surrogates import paired
from tests import strategies
from tests.display.test_painter import Sheet

SECRET = "sk-a1b-KEYs7"

letters = st.sampled_from(
    [
        *SECRET,
        SECRET[:2],
        SECRET[:7],
        SECRET[:-1],
        " ",
        "\n",
        "\t",
        "\n\n",
        "<",
        "think",
        "<think>",
        "</think>",
        "🙂",
        "é",
    ]
)
answers = st.lists(letters, max_size=24).map("".join).filter(lambda text: SECRET not in text)
halves = st.lists(letters | st.sampled_from(["\ud83d", "\ude42"]), max_size=24).map("".join)


@pytest.fixture(scope="module")
def way():
    """Asks a server that plays given bytes."""
    with ScriptedServer() as server:

        def ask(body, pieces=()):
            """The reply to an answer of these bytes; what the cell, the exports and a loaded export say of it."""
            server.add(Raw(body, pieces=pieces))
            chat, sheet = Session(base_url=server.base_url, model="scripted-1", api_key=SECRET), Sheet()
            reply = chat.ask("Hello", display=Painter(sheet))
            *outputs, _footer = sheet.outputs.values()
            with tempfile.TemporaryDirectory() as folder:
                loaded = Session.load(chat.export(Path(folder, "talk.json")))
                notebook = json.loads(chat.export(Path(folder, "talk.ipynb")).read_text("utf-8"))
                [output] = notebook["cells"][-1]["outputs"]
                said = {
                    "turn": chat.turns[0].reply.text,
                    "cell": [bundle for bundle in outputs if any(bundle.values())],
                    "loaded": loaded.turns[0].reply,
                    "notebook": output["data"],
                    "md": chat.export(Path(folder, "talk.md")).read_text("utf-8"),
                }
            return reply, said

        yield ask


def sent(pieces):
    """The bytes of a stream of these pieces of text."""
    events = [*(chunk(piece) for piece in pieces), chunk(finish="stop")]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + DONE.encode()


def shown(bundle):
    return bundle.get("text/plain", "")


@given(answers.flatmap(lambda text: st.tuples(st.just(text), strategies.cut(text))), st.data())
def test_an_answer_is_the_same_everywhere(way, pair, data):
    """With a key whose letters it is made of, cut anywhere, with tags of thinking or none."""
    text, pieces = pair
    body = sent(pieces)
    sizes = [len(piece) for piece in data.draw(strategies.cut(body))]
    reply, said = way(body, sizes)
    assert reply.status == "complete"
    if "think" not in text:
        assert (reply.text, reply.reasoning) == (text, "")
    assert said["turn"] == reply.text
    assert said["loaded"].choices == reply.choices
    written = plain_text(reply.text).strip()
    assert "".join(shown(bundle) for bundle in said["cell"] if "text/markdown" in bundle).strip() == written
    assert said["notebook"]["text/markdown"].strip() in said["md"]
    whole, _ = way(json.dumps(completion(text)).encode())
    assert (whole.text, whole.reasoning) == (reply.text, reply.reasoning)


@given(halves.flatmap(lambda text: st.tuples(st.just(text), strategies.cut(text))))
def test_surrogates_are_joined_on_the_whole_way(way, pair):
    text, pieces = pair
    reply, said = way(sent(pieces))
    if "think" not in text and SECRET not in paired(text):
        assert reply.text == paired(text)
    assert said["loaded"].choices == reply.choices
    json.dumps(said["cell"], ensure_ascii=False).encode()


@pytest.mark.parametrize("end", [SECRET[:size] for size in range(1, len(SECRET))])
@pytest.mark.parametrize("whole", [False, True])
def test_an_answer_that_ends_as_the_key_begins_keeps_its_end(way, end, whole):
    text = f"cat{end}"
    reply, said = way(json.dumps(completion(text)).encode() if whole else sent(text))
    assert reply.text == text == shown(said["cell"][0])
    assert said["loaded"].text == text
    assert text in said["md"].replace("\\", "")
