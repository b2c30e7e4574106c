"""Names that no file, variable or address can have: a lone surrogate, which a front end may send, and a null character."""

import pytest

from nbchat import Session
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
