"""`map` over Dask frames: real worker processes, one of them killed, one limit for all of them, and no key in the graph."""

import os
import pickle
import signal
import threading
import time

import dask
import dask.dataframe as dd
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import nbchat
from nbchat.frontend import Session
from nbchat.testing import Pause, Say, ScriptedServer, Status
from nbchat.values.errors import AuthenticationFailed, ConfigError, GuardError, ParameterError, PromptError
from tests.environment import PATIENCE

KEY = "sk-for-workers-only-7d1f"

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Dask and what it imports
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class Counted:
    """Answers in capitals after a pause, and counts the requests under way."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.now = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, request):
        return self

    def steps(self, request):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if self.seconds:
            yield Pause(self.seconds)
        with self.lock:
            self.now -= 1
        text = request.json["messages"][-1]["content"]
        yield from (Status(400) if "bad" in text else Say(text.upper())).steps(request)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A cluster of two worker processes with two threads each, which share a journal."""
    folder = tmp_path_factory.mktemp("dask")
    environment = {"NBCHAT_STORE": str(folder / "journal.sqlite"), "NBCHAT_TEST_KEY": KEY}
    with (
        dask.config.set({"distributed.comm.timeouts.connect": 30}),
        LocalCluster(
            n_workers=2, threads_per_worker=2, dashboard_address=None, local_directory=str(folder), env=environment
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def server():
    with ScriptedServer(default=Counted()) as server:
        yield server


@pytest.fixture
def chat(server, monkeypatch):
    monkeypatch.setenv("NBCHAT_TEST_KEY", KEY)
    return Session(base_url=server.base_url, key_env="NBCHAT_TEST_KEY", model="m", temperature=0)


def frame(rows, parts=4):
    table = pd.DataFrame({"text": rows, "size": range(len(rows))}, index=range(100, 100 + len(rows)))
    return table, dd.from_pandas(table, npartitions=parts)


def test_partitions_are_asked_when_dask_computes_them(client, server, chat):
    table, lazy = frame([f"lazy {i}" for i in range(40)])
    lazy["answer"] = chat.map(lazy["text"], "Say {item}")
    assert server.requests == []
    assert lazy["answer"].dtype == pd.Series(["a"]).dtype
    computed = lazy.compute()
    assert computed.index.equals(table.index)
    assert computed["answer"].tolist() == [f"SAY LAZY {i}" for i in range(40)]
    assert type(computed["answer"]) is pd.Series
    lazy["answer"].compute()
    assert len(server.requests) == 40, "answered rows are in the journal of the machine"
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}


def test_no_key_is_in_the_graph(client, chat):
    _, lazy = frame(["a"], 1)
    answers = chat.map(lazy, "Say {text}")
    assert KEY.encode() not in pickle.dumps(dask.base.collections_to_expr([answers]).optimize())
    assert KEY not in repr(dict(answers.dask))


@pytest.mark.parametrize("most", [1, 3, 8])
def test_the_cluster_keeps_one_limit(client, server, chat, most):
    server.default = answer = Counted(0.02)
    _, lazy = frame([f"limit {most} {i}" for i in range(60)], 6)
    assert chat.map(lazy, "{text}", concurrency=most).compute().notna().all()
    assert answer.most <= most


def test_failures_are_values_with_reasons(client, server, chat):
    _, lazy = frame(["fine", "bad one", None, "good"], 2)
    answers = chat.map(lazy, "{text}", errors=True, retries=0).compute()
    assert answers["answer"].tolist()[0] == "FINE"
    assert answers["answer"].isna().tolist() == [False, True, True, False]
    assert answers["error"].isna().tolist() == [True, False, False, True]
    assert "400" in answers["error"].iloc[1]


def test_a_schema_gives_columns_of_the_same_types_in_every_partition(client, server, chat):
    server.default = lambda request: (
        Say('{"topic": "a", "stars": 3}') if "3" in str(request.json["messages"]) else Status(400)
    )
    _, lazy = frame(["3 of a", "none"], 2)
    answers = chat.map(lazy, "{text}", schema="topic:str,stars:int", retries=0)
    computed = answers.compute()
    assert answers.dtypes.to_dict() == computed.dtypes.to_dict()
    assert str(computed["stars"].dtype) == "Int64"
    assert computed["stars"].tolist() == [3, pd.NA]


def test_the_costs_come_back(client, server, chat):
    _, lazy = frame([f"cost {i}" for i in range(10)], 2)
    chat.map(lazy, "{text}").compute()
    until = time.monotonic() + PATIENCE
    while chat.usage.prompt_tokens != 120 and time.monotonic() < until:
        time.sleep(0.02)  # reports come when the scheduler passes them on
    assert (chat.usage.prompt_tokens, sum(entry.requests for entry in chat.ledger())) == (120, 10)


@pytest.mark.skipif(os.name != "posix", reason="processes are killed by a signal")
def test_a_killed_worker_loses_only_what_was_under_way(client, server, chat):
    server.default = answer = Counted(0.005)
    rows = [f"kill {i}" for i in range(300)]
    _, lazy = frame(rows, 6)
    future = client.compute(chat.map(lazy, "{text}", concurrency=8))
    while len(server.requests) < 80:
        server.wait_for_request(timeout=PATIENCE)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    assert future.result(timeout=PATIENCE).tolist() == [row.upper() for row in rows]
    assert len(rows) <= len(server.requests) <= len(rows) + 2 * 8
    assert answer.most <= 2 * 8


def test_an_error_that_all_rows_would_meet_ends_the_computation(client, server, chat):
    server.default = Status(401)
    _, lazy = frame([f"key {i}" for i in range(50)], 2)
    with pytest.raises(AuthenticationFailed):
        chat.map(lazy, "{text}", concurrency=4).compute()
    assert len(server.requests) < 20


@pytest.mark.parametrize(
    ("template", "options", "error", "words"),
    [
        ("{txt}", {}, PromptError, "text"),
        ("no field", {}, PromptError, "field"),
        ("{text}", {"budget": 1}, ParameterError, "sample"),
        ("{text}", {"pilot": 5}, ParameterError, "sample"),
        ("{text}", {"out": "answers.parquet"}, ParameterError, "to_parquet"),
        ("{text}", {"concurrency": 0}, ParameterError, "concurrency"),
        ("{text}", {"temperature": 9}, ParameterError, "temperature"),
    ],
)
def test_bad_input_is_refused_before_anything_is_computed(client, server, chat, template, options, error, words):
    _, lazy = frame(["a"], 1)
    with pytest.raises(error, match=words):
        chat.map(lazy, template, **options)
    assert server.requests == []


def test_private_columns_and_keys_out_of_reach_are_refused(client, server, chat):
    _, lazy = frame(["a"], 1)
    nbchat.private(lazy, "text")
    with pytest.raises(GuardError, match="private"):
        chat.map(lazy, "{text}")
    with pytest.raises(ConfigError, match="key_env"):
        Session(base_url=server.base_url, api_key="sk-in-memory-12345").map(frame(["a"], 1)[1], "{text}", model="m")


def test_without_a_cluster_dask_computes_in_this_process(server, chat):
    with dask.config.set(scheduler="threads"):
        _, lazy = frame([f"threads {i}" for i in range(8)], 2)
        assert chat.map(lazy["text"], "{item}").compute().tolist() == [f"THREADS {i}" for i in range(8)]
