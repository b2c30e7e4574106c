"""Names that no file, variable or address can have, such as a lone surrogate of a front end; and files that never end."""

import os

import pytest

from nbchat import Session
from nbchat.data.describe import describe
from nbchat.data.images import load_image
from nbchat.rows.evaluation.result import Evaluation
from nbchat.store.replay import read_file
from nbchat.values.errors import NbchatError

NAMES = ["\ud83d", "a\0b", "\udfffz"]

SURFACES = {
    "key_env": lambda session, name: session.ask("Hi", key_env=name),
    "header": lambda _session, name: Session(headers={"api-key": f"${name}"}),
    "address": lambda session, name: session.ask("Hi", base_url=f"http://127.0.0.1:9/{name}", model="m"),
    "host": lambda session, name: session.ask("Hi", base_url=f"http://{name}", model="m"),
    "server": lambda session, name: session.ask("Hi", base_url=name),
    "model file": lambda session, name: session.ask("Hi", base_url=f"{name}.gguf"),
    "export": lambda session, name: session.export(f"{name}.json"),
    "load": lambda _session, name: Session.load(f"{name}.json"),
    "rows of a file": lambda session, name: session.map(f"{name}.parquet", "{a}", out="out.parquet", display=False),
    "answers in a file": lambda session, name: session.map(["a"], "{item}", out=f"{name}.parquet", display=False),
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("surface", SURFACES)
def test_a_name_that_can_not_be_gets_one_sentence(surface, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NbchatError) as refused:
        SURFACES[surface](Session(), name)
    assert "nbchat itself failed" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


READERS = {
    "load": Session.load,
    "image": lambda path: load_image(str(path), {}),
    "text": lambda path: describe(path, "text"),
    "rows": lambda path: Session().map(path, "{a}"),
    "evaluation": Evaluation.load,
    "cache": read_file,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("ending", ["pipe", "device"])
def test_a_file_that_never_ends_gets_one_sentence(reader, ending, tmp_path):
    path = tmp_path / "x.jsonl"
    if ending == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(NbchatError, match="it is a pipe or a device"):
        READERS[reader](path)
