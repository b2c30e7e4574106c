"""One exchange: a message goes out, an answer comes back, tools are called in between, a turn is kept.

The logic is one generator that yields what it waits for; a driver for plain code and one for coroutines wait each in
their own way, and know nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from nbchat.api import wire
from nbchat.api.client import Call, Timeouts
from nbchat.api.endpoints import Endpoint
from nbchat.api.engine import Channel, engine
from nbchat.session.plan import Plan
from nbchat.session.present import Presenter
from nbchat.session.userloop import run_on_users_loop
from nbchat.values.draft import Draft
from nbchat.values.errors import Interrupted, NbchatError
from nbchat.values.events import Event
from nbchat.values.messages import Message, ToolCall
from nbchat.values.params import Params
from nbchat.values.reply import Reply, Request, Timing
from nbchat.values.usage import Usage

__all__ = ["Ask", "Exchange", "Tools", "Wait", "drive", "drive_async", "wait_for", "wait_for_async"]

MOST_ROUNDS = 10
"""Times that a model may answer with tool calls before it has to stop."""

TICK_SECONDS = 0.1
"""How often a coroutine that waits wakes up: a kernel's loop does not see an interrupt while its selector sleeps."""

Wait = Channel | Awaitable[Any]
"""What an exchange waits for: the next events of a call, or a coroutine of the user's."""


class Tools(Protocol):
    """The tools that are offered with a request."""

    @property
    def schemas(self) -> Sequence[dict[str, Any]]:
        """The tools in the form that the API takes; empty = none."""

    @property
    def runnable(self) -> bool:
        """Whether calls can be run here; else they are only shown."""

    def run(self, call: ToolCall) -> Generator[Awaitable[Any], Any, Message]:
        """Run one call; its result as a message of role "tool". Yields what must be awaited on the user's loop."""


@dataclass(frozen=True, slots=True)
class Ask:
    """All that decides one exchange, settled when it begins: nothing that changes later can reach it."""

    message: Message
    history: tuple[Message, ...]
    params: Params
    endpoint: Endpoint
    tools: Tools | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)

    def request(self, steps: Sequence[Message] = ()) -> Request:
        """What is sent, after these steps."""
        messages = (*self.history, self.message, *steps)
        schemas = self.tools.schemas if self.tools is not None else ()
        return Request(self.endpoint.chat_url, wire.body(messages, self.params, tools=schemas))


class Exchange:
    """Stages: asked → answering (and calling tools, several rounds) → over. `reply` and `error` hold from then on."""

    def __init__(self, ask: Ask, plan: Plan) -> None:
        self.ask = ask
        self.plan = plan
        self.kept = False
        """Whether the session has taken the turn into its history."""
        self.over = False
        """Whether it came to an end of its own, good or bad, rather than being stopped."""
        self.steps: list[Message] = []
        self.replies: list[Reply] = []
        """One for each request that was answered, the last one last."""
        self.draft: Draft | None = None
        self.error: BaseException | None = None

    def run(self, presenter: Presenter | None) -> Generator[Wait, Any, None]:
        """Do all of it. Never raises what belongs to the exchange: see `error`."""
        try:
            for _ in range(MOST_ROUNDS):
                yield from self._request(presenter)
                calls = self.replies[-1].tool_calls
                tools = self.ask.tools
                if self.error is not None or not calls or tools is None or not tools.runnable:
                    self.over = True
                    return
                yield from self._call_tools(tools, calls, presenter)
            self.over = True
            self.error = NbchatError(f"The model called tools {MOST_ROUNDS} times without answering; stopped there.")
        except BaseException as stop:  # noqa: BLE001  # whatever stops it, what had come is kept; `failure` raises it
            self.error = stop
            self._keep_draft(interrupted=True)

    def _request(self, presenter: Presenter | None) -> Generator[Wait, Any, None]:
        request = self.ask.request(self.steps)
        self.draft = draft = Draft(request)
        channel = engine().open(Call(self.ask.endpoint, request.body, self.ask.timeouts))
        try:
            while (events := (yield channel)) is not None:
                draft.add(events)
                if presenter is not None:
                    presenter.show(events)
        finally:
            channel.close()
        self.error = draft.error
        self._keep_draft()

    def _keep_draft(self, *, interrupted: bool = False) -> None:
        if self.draft is not None:
            self.replies.append(self.draft.reply(interrupted=interrupted))
            self.draft = None

    def _call_tools(
        self, tools: Tools, calls: Sequence[ToolCall], presenter: Presenter | None
    ) -> Generator[Wait, Any, None]:
        """Call each tool. Whatever happens, every call gets its result: a history without is refused by servers."""
        reply = self.replies[-1]
        answered = 0
        self.steps.append(reply.choices[0].message)
        try:
            for call in calls:
                result = yield from tools.run(call)
                self.steps.append(result)
                answered += 1
                if presenter is not None:
                    presenter.call_result(call, result)
        finally:
            for call in calls[answered:]:
                self.steps.append(Message("tool", "Not run: the user stopped it.", tool_call_id=call.id))

    @property
    def reply(self) -> Reply | None:
        """The answer, whole or partial; None = nothing of one came. Usage and time are those of all its requests."""
        if not self.replies or (self.replies[-1].empty and not self.steps):
            return None if self.error is not None or not self.replies else self.replies[-1]
        last = self.replies[-1]
        if len(self.replies) == 1:
            return last
        first = self.replies[0].timing.first_token
        total = sum(reply.timing.total or 0.0 for reply in self.replies)
        return replace(last, usage=Usage.total(reply.usage for reply in self.replies), timing=Timing(first, total))

    def failure(self) -> BaseException | None:
        """What to raise, with the partial reply; None = nothing went wrong."""
        error = self.error
        if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
            came = "What had come is kept: %chat continue takes it up." if self.reply else "Nothing had come yet."
            return Interrupted(f"Stopped. {came}", reply=self.reply)
        if isinstance(error, NbchatError):
            error.reply = self.reply
        return error


def drive(waits: Generator[Wait, Any, None]) -> None:
    """Wait for what an exchange waits for, in plain code."""
    given: Any = None
    failure: BaseException | None = None
    while True:
        try:
            wait = waits.send(given) if failure is None else waits.throw(failure)
        except StopIteration:
            return
        given, failure = None, None
        try:
            given = wait_for(wait)
        except BaseException as error:  # noqa: BLE001  # the exchange decides what an interrupt means
            failure = error


async def drive_async(waits: Generator[Wait, Any, None]) -> None:
    """Wait for what an exchange waits for, in a coroutine."""
    given: Any = None
    failure: BaseException | None = None
    while True:
        try:
            wait = waits.send(given) if failure is None else waits.throw(failure)
        except StopIteration:
            return
        given, failure = None, None
        try:
            given = await wait_for_async(wait)
        except BaseException as error:  # noqa: BLE001  # the exchange decides what an interrupt means
            failure = error


def wait_for(wait: Wait) -> Any:
    """What an exchange waits for, waited for in plain code."""
    return wait.take() if isinstance(wait, Channel) else run_on_users_loop(wait)


async def wait_for_async(wait: Wait) -> Any:
    """What an exchange waits for, waited for in a coroutine."""
    return await (_take_async(wait) if isinstance(wait, Channel) else wait)


async def _take_async(channel: Channel) -> list[Event] | None:
    """`Channel.take` for a coroutine: events, nothing where some time passed without, None = over."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
            loop.call_soon_threadsafe(came.set)

    channel.on_put = wake
    batch = channel.take(None)
    if batch == []:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(came.wait(), TICK_SECONDS)
        batch = channel.take(None)
    return batch
