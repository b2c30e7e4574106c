"""Rate limits over real sockets: windows that nothing is sent in, for sweeps, cells and other processes."""

import threading
import time

import pytest

from nbchat.api.keys import Key
from nbchat.api.pacing import paces
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.api.pacing.sharing import Shared
from nbchat.api.sending import MOST_REFUSALS
from nbchat.conversation.process import process
from nbchat.conversation.session import Session
from nbchat.store.database import Database
from nbchat.store.pacing import PaceTable
from nbchat.testing import Say, Status
from nbchat.testing.payloads import error
from nbchat.tuning.sweep import sweep
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import Retrying
from nbchat.values.answer.reply import Request
from nbchat.values.errors import RateLimited
from tests.api.asking import LONG, QUICK, Asked, call_to

AT_ONCE = 32


class Limited:
    """Answers as a server that takes `most` requests in each `window` seconds; counts the refusals in each of them."""

    def __init__(self, most, window, *, tells):
        self.most, self.window, self.tells = most, window, tells
        self.lock = threading.Lock()
        self.until = 0.0
        self.taken = 0
        self.refusals = []

    def __call__(self, _request):
        with self.lock:
            now = time.monotonic()
            if now >= self.until:
                self.until, self.taken = now + self.window, 0
                self.refusals.append(0)
            left = self.until - now
            if self.taken >= self.most:
                self.refusals[-1] += 1
                return Status(429, error("slow down"), {"retry-after": f"{left:.3f}"})
            self.taken += 1
            headers = {
                "x-ratelimit-limit-requests": str(self.most),
                "x-ratelimit-remaining-requests": str(self.most - self.taken),
                "x-ratelimit-reset-requests": f"{left:.3f}s",
            }
            return Say("fine", headers=headers if self.tells else {})


@pytest.mark.parametrize("tells", [True, False])
def test_a_sweep_keeps_out_of_the_windows_and_loses_no_run(server, tells):
    """In a window that is over, only what was under way when the first refusal came is refused: some for each slot."""
    limited = server.default = Limited(10, 1.0, tells=tells)
    result = sweep(Session(base_url=server.base_url, model="m"), "Hi", repeat=35, at_once=AT_ONCE)
    assert len(result.complete) == 35
    assert max(limited.refusals) <= (0 if tells else AT_ONCE)


def test_a_cell_waits_for_the_end_of_a_window_that_a_sweep_met(server):
    session = Session(base_url=server.base_url, model="m")
    server.add(Status(429, error("slow down"), {"retry-after": "0.5"}))
    started = time.monotonic()
    sweep(session, "Hi", repeat=1)
    assert time.monotonic() - started >= 0.5
    server.add(Status(429, error("slow down"), {"retry-after": "120"}))
    with pytest.raises(RateLimited, match="Wait 120 s"):
        session.ask("Hi")
    count = len(server.requests)
    with pytest.raises(RateLimited, match=r"Nothing was sent: the rate limit of .* for another 1[12]\d s"):
        session.ask("Hi")
    assert len(server.requests) == count


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_server_that_has_too_much_is_left_alone_for_as_long_as_it_asks(server, status):
    """PROTOCOL 4.2: also by requests that were not refused themselves"""
    server.add(Status(status, error("busy"), {"retry-after": "0.4"}))
    came = []

    def answer(_request):
        came.append(time.monotonic())
        return Say("fine")

    server.default = answer
    began = time.monotonic()
    result = sweep(Session(base_url=server.base_url, model="m"), "Hi", repeat=6, at_once=1)
    assert len(result.complete) == 6
    assert came[0] - began >= 0.4


def test_a_request_of_a_batch_is_refused_only_so_often(server):
    """More often than one that a user waits for: others of the batch may be why."""
    server.default = Status(429, error("busy"))
    for limiter, most in ((ConcurrencyLimiter(2), MOST_REFUSALS), (None, QUICK.tries)):
        before = len(server.requests)
        assert isinstance(Asked(server.base_url, limiter=limiter).error, RateLimited)
        assert len(server.requests) - before == most


def test_the_window_is_that_of_one_key(server):
    server.add(Status(429, error("slow down"), {"retry-after": "120"}))
    assert Asked(server.base_url, key="sk-one-1234567890").error is not None
    assert Asked(server.base_url, key="sk-two-1234567890").reply.text


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached. Please try again in 20ms.", 0.02),
        ("Rate limit reached: Limit 3, Used 3. Please try again in 0.03s. Visit https://example.org.", 0.03),
    ],
)
def test_a_wish_in_the_words_of_a_refusal_is_obeyed(server, words, seconds):
    server.add(Status(429, error(words)), Say("fine"))
    (wait,) = Asked(server.base_url).waits
    assert seconds <= wait <= 1.25 * seconds


def test_words_beyond_patience_end_it(server):
    server.add(Status(429, error("Rate limit reached. Please try again in 6m0s.")))
    assert "Wait 360 s" in str(Asked(server.base_url).error)
    assert len(server.requests) == 1


def test_a_window_that_another_process_met_holds_here(server, tmp_path, monkeypatch):
    path = tmp_path / "nbchat.sqlite"
    monkeypatch.setenv("NBCHAT_STORE", str(path))
    monkeypatch.setattr(paces, "WAIT_SECONDS", LONG)
    other = Database(path)
    PaceTable(other).exchange(server.base_url, Key("sk-shared-1234567890"), Shared(forbidden=120.0))
    other.close()
    assert isinstance(Asked(server.base_url, key="sk-shared-1234567890").error, RateLimited)
    patient = call_to(server.base_url, key="sk-shared-1234567890", retries=RetryPolicy(patience=600.0))
    channel = process.engine().open(patient)
    (waiting,) = channel.take(LONG)
    channel.close()
    assert (type(waiting), waiting.reason, waiting.attempt) == (Retrying, "rate limit", 1)
    assert server.requests == []
    draft = Draft(Request(server.base_url, {}))
    draft.add([waiting])
    assert any("waited" in notice for notice in draft.reply().notices)
