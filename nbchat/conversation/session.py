"""A conversation with a model: its history, its settings, and the ways to ask."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nbchat.api.call import Timeouts
from nbchat.api.endpoints import Endpoint
from nbchat.api.headers import GivenHeaders
from nbchat.api.keys import Key
from nbchat.conversation import connection
from nbchat.conversation.driver import drive, drive_async
from nbchat.conversation.exchange import Ask, Exchange
from nbchat.conversation.ledger import Entry
from nbchat.conversation.observers import Observers
from nbchat.conversation.options import UNSET, Plan, user_message
from nbchat.conversation.presenter import Presenter, presenters
from nbchat.conversation.stream import Stream
from nbchat.conversation.turn import Turn, joined
from nbchat.values.errors import NbchatError, ParameterError, SessionError
from nbchat.values.messages import Message, Part
from nbchat.values.params import Params
from nbchat.values.plural import counted
from nbchat.values.reply import Reply, Request
from nbchat.values.usage import Usage

if TYPE_CHECKING:  # imported where they are first used: most sessions have neither
    from nbchat.conversation.schemas.schema import Schema
    from nbchat.conversation.tools.toolbox import Toolbox

__all__ = ["Session"]

CONTINUE = "Continue exactly where your last message stopped. Do not repeat anything of it."
"""What is asked to take up an answer that was stopped or cut off; it does not stay in the history."""


class Session:
    """A multi-turn conversation.

    `model` and every parameter of the table can be given by name; None = not sent, the server decides. `base_url` is a
    URL or a known endpoint's name; without one, the server is what `%chat connect` or the environment chose, else the
    built-in model. `api_key` is better left to the environment (`key_env` names a variable); it is for this server, or
    for the one in force when the session is made, and goes to no other. So do `headers`, which are secrets as well:
    `{"api-key": "$AZURE_KEY"}` takes the value of that variable. `system` is the system text; `timeout` the longest
    silence of the server in seconds.

    Safe to use from several threads: each request is settled when it begins. Raises ParameterError and ConfigError.

    ```python
    chat = Session(temperature=0.2)
    print(chat.ask("What is a generator?").text)
    ```
    """

    def __init__(
        self,
        *,
        name: str = "default",
        model: str | None = None,
        base_url: str | None = None,
        api_key: str | Key | None = None,
        key_env: str | None = None,
        headers: GivenHeaders = None,
        system: str | None = None,
        timeout: float | None = None,
        tools: Sequence[Any] = (),
        **params: Any,
    ) -> None:
        api_key = Key.wrap(api_key)
        self.name = name
        self.timeout = timeout
        self._system = system
        self._lock = threading.RLock()
        self._settings_observers = Observers()
        self._turns_observers = Observers()
        self._exchanges: weakref.WeakSet[Exchange] = weakref.WeakSet()
        self._turns: list[Turn] = []
        self._params = Params().replace(model=model, **params)
        self._destination = connection.Destination.of(base_url, api_key, key_env, headers)
        self._ledger: list[Entry] = []
        self._toolbox: Toolbox | None = None  # made when there is a tool
        for tool in tools:
            self.tool(tool)

    # What it holds

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The conversation so far, oldest first."""
        with self._lock:
            return tuple(self._turns)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages that the next request would carry before its own: `{role, content}`, system text included."""
        return [message.to_dict() for message in self._history(self.turns, self.system)]

    @property
    def params(self) -> Params:
        """The parameters of the next request; a frozen value. Assign a changed copy, or use `set`."""
        return self._params

    @params.setter
    def params(self, params: Params) -> None:
        if not isinstance(params, Params):
            raise ParameterError(f"params must be a Params value; got {type(params).__name__}. Use set(name=value).")
        with self._lock:
            changed, self._params = params != self._params, params
        if changed:
            self._settings_observers.notify()

    @property
    def system(self) -> str | None:
        """The system text; None = none."""
        return self._system

    @system.setter
    def system(self, text: str | None) -> None:
        with self._lock:
            changed, self._system = text != self._system, text
        if changed:
            self._settings_observers.notify()

    @property
    def usage(self) -> Usage:
        """Tokens of every request this session has made, the retried and undone ones included."""
        with self._lock:
            return Usage.total(entry.usage for entry in self._ledger)

    def ledger(self) -> list[Entry]:
        """One row for each request that was answered, oldest first."""
        with self._lock:
            return list(self._ledger)

    @property
    def endpoint(self) -> Endpoint:
        """The server that the next request goes to. Raises ConfigError."""
        return self._destination.endpoint()

    @property
    def model(self) -> str | None:
        """The model that the next request asks for; None = none is chosen yet."""
        return self._params.model or self.endpoint.model

    def __repr__(self) -> str:
        return f"<Session {self.name!r}: {counted(len(self._turns), 'turn')}, {self.endpoint.title}, {self._params}>"

    # Settings

    def set(self, **params: Any) -> Self:
        """Change parameters for the requests to come; None unsets. Raises ParameterError, and then changes nothing."""
        with self._lock:
            before, self._params = self._params, self._params.replace(**params)
            changed = before != self._params
        if changed:
            self._settings_observers.notify()
        return self

    @property
    def base_url(self) -> str | None:
        """The server of this session alone, as it was given: a URL or a name; None = the one connected for all."""
        return self._destination.where

    def connect(self, base_url: str | None, *, key_env: str | None = None, headers: GivenHeaders = None) -> Self:
        """Ask this server from now on: a URL or a known endpoint's name; None = the one that is connected for all.

        `key_env` names the variable of its key; a key of the session's own stays with the server it is for. Raises
        ConfigError, and then changes nothing.
        """
        self._destination = self._destination.moved(base_url, key_env, headers)
        self._settings_observers.notify()
        return self

    def on_params(self, observer: Callable[[], None]) -> Callable[[], None]:
        """Call this after each change of parameters, system text or server; what is returned ends it.

        It is called in the thread that made the change.
        """
        return self._settings_observers.add(observer)

    def on_turns(self, observer: Callable[[], None]) -> Callable[[], None]:
        """Call this after each change of the history; as `on_params`."""
        return self._turns_observers.add(observer)

    def panel(self) -> Any:
        """Widgets as a view of this session, for a notebook. Raises ConfigError where there is none."""
        return presenters.panel(self)

    def tool(self, function: Any = None, /, *, safe: bool = False) -> Any:
        """Offer a Python function to the model with every request; use as a decorator.

        Its schema comes from its signature, annotations and docstring. Calls ask first unless `safe`. Raises ToolError.
        """
        if function is None:
            return lambda function: self.tool(function, safe=safe)
        with self._lock:
            self._toolbox = self._toolbox or _new_toolbox()
            self._toolbox.add(function, safe=safe)
        return function

    # Asking

    def ask(
        self, message: str | Sequence[Part] | Message, *, display: bool | Presenter | None = None, **options: Any
    ) -> Reply:
        """Send a message and wait for the whole answer; in a notebook it streams into the cell meanwhile.

        `display`: True shows it, False does not, None shows it in a notebook or IPython and not in a script. `options`:
        every parameter of the table for this request alone (None unsets one), `stream=False`, and `system`, `once`
        (neither read nor join the history), `tools` (functions or JSON; `"none"` offers none), `schema` (what the
        answer must be: see `Schema.of`; the value is `reply.data`), `base_url`, `key_env`, `timeout`, `slot` (a name of
        the place it is asked from: asked from there again, the new turn takes the old one's place) and `unguarded`
        (send even what the guard would refuse).

        Raises NbchatError (with the partial `.reply` where text had come, which is in `turns` too), or Interrupted.
        """
        return self._ask(message, display, options)

    def _ask(self, message: Any, display: bool | Presenter | None, options: dict[str, Any], **old: Turn) -> Reply:
        exchange = self._begin(message, options, **old)
        presenter = _presenter(display, exchange)
        waits = exchange.run(presenter)
        try:
            drive(waits)
            self._keep(exchange)
        except KeyboardInterrupt as stop:  # between two steps, before the first one, or behind the last
            waits.close()
            exchange.error = exchange.error or stop
        return self._conclude(exchange, presenter)

    async def aask(
        self, message: str | Sequence[Part] | Message, *, display: bool | Presenter | None = None, **options: Any
    ) -> Reply:
        """`ask` for a coroutine. Cancelling it closes the connection and keeps what had come."""
        exchange = self._begin(message, options)
        presenter = _presenter(display, exchange)
        await drive_async(exchange.run(presenter))
        return self._conclude(exchange, presenter)

    @contextlib.contextmanager
    def stream(self, message: str | Sequence[Part] | Message, **options: Any) -> Iterator[Stream]:
        """The answer as typed events: `with chat.stream("…") as events: for event in events: …`.

        `events.reply` is the answer so far. The turn joins the history when the `with` ends; leaving early stops the
        request and keeps what had come. Options as for `ask`. Raises NbchatError at the end of the events.
        """
        exchange = self._begin(message, options)
        events = Stream(exchange)
        try:
            yield events
        finally:
            try:
                events.close()
            finally:
                self._keep(exchange)
        if exchange.over:
            _raise(exchange.failure())

    @contextlib.asynccontextmanager
    async def astream(self, message: str | Sequence[Part] | Message, **options: Any) -> AsyncIterator[Stream]:
        """`stream` for a coroutine: `async with chat.astream("…") as events: async for event in events: …`."""
        with self.stream(message, **options) as events:
            yield events

    def request(self, message: str | Sequence[Part] | Message, **options: Any) -> Request:
        """Exactly what `ask` would send, without sending it. Options as for `ask`."""
        return self._begin(message, options).ask.request()

    def stop(self) -> None:
        """Stop what is being asked now, from any thread: each answer is kept as far as it came, as interrupted.

        A sweep ends as at an interrupt, with the runs that are done.
        """
        with self._lock:
            exchanges = list(self._exchanges)
        for exchange in exchanges:
            exchange.stop()

    def sweep(self, message: str | Sequence[Part] | Message, *, repeat: int = 1, score: Any = None, **axes: Any) -> Any:
        """Ask a message with every combination of the parameters given several values, `repeat` times each, at once.

        A list is an axis, a single value holds for all runs: `chat.sweep("…", temperature=[0, 0.5, 1], repeat=3)`.
        `score` is a function of the answer to a number, or a prompt for a judge with `{answer}`. The result is a
        `Sweep`; no run joins the history until its `apply`. Further options as for `ask`, and `judge_model`, `at_once`
        (most requests at a time) and `on_progress`. Raises ParameterError and ConfigError before anything is sent,
        GuardError, and Interrupted, whose `.sweep` has what was done.
        """
        return presenters.sweep(self, message, repeat=repeat, score=score, **axes)

    def compare(self, message: str | Sequence[Part] | Message, models: Sequence[str], **options: Any) -> Any:
        """Ask several models the same. Options as for `sweep`."""
        return self.sweep(message, models=models, **options)

    # Asking many at once: whoever has runs of its own to drive settles each here, charges it, and adopts the best

    def exchange(self, message: str | Sequence[Part] | Message, **options: Any) -> Exchange:
        """A request as `ask` would make it at this moment, not yet sent. Options and errors as for `ask`."""
        return self._begin(message, options)

    def again(self, exchange: Exchange) -> Exchange:
        """A further exchange that makes the same request, not yet sent either."""
        return self._registered(Exchange(exchange.ask, exchange.plan))

    def charge(self, exchange: Exchange) -> None:
        """Enter what an exchange took into the ledger, and nothing into the history. It is over then."""
        self._enter(exchange, join=False)

    def adopt(self, turn: Turn, *, replaces: Turn | None = None) -> None:
        """Take a turn that was answered elsewhere into the history.

        It goes where `replaces` stands, else where the turn with its slot stands, else behind them all.
        """
        with self._lock:
            place = self._place(self._turns, Plan(replaces=replaces))
            place = self._place(self._turns, Plan(slot=turn.slot)) if place is None else place
            self._turns = self._with(turn, place)
        self._turns_observers.notify()

    def retry(self, *, turn: Turn | None = None, display: bool | Presenter | None = None, **options: Any) -> Reply:
        """Ask a turn's message again, in its place; None = the last one's. The old answer stays if nothing comes."""
        turn = turn or self._last("to ask again")
        return self._ask(turn.message, display, options, replaces=turn)

    def resume(self, *, turn: Turn | None = None, display: bool | Presenter | None = None, **options: Any) -> Reply:
        """Take up a turn's answer where it stopped, the last one's if None; the two parts become one reply."""
        turn = turn or self._last("to continue")
        if not turn.reply.text:
            raise SessionError("That answer has no text to continue. Use retry to ask again.")
        return self._ask(Message("user", CONTINUE), display, options, resumes=turn)

    # History

    def undo(self, count: int = 1) -> tuple[Turn, ...]:
        """Take back the last turns and return them. Raises SessionError where there are not so many."""
        with self._lock:
            if not 1 <= count <= len(self._turns):
                raise SessionError(f"The session has {counted(len(self._turns), 'turn')}; {count} can't be undone.")
            taken = tuple(self._turns[-count:])
            del self._turns[-count:]
        self._turns_observers.notify()
        return taken

    def clear(self) -> None:
        """Forget all turns. Settings and the usage count stay."""
        with self._lock:
            self._turns.clear()
        self._turns_observers.notify()

    def fork(self, name: str) -> Session:
        """A second session that begins with this one's turns and settings, and goes its own way."""
        branch = Session(name=name)
        with self._lock:
            branch._turns, branch._params, branch._system = list(self._turns), self._params, self._system
            branch._destination, branch.timeout = self._destination, self.timeout
            branch._toolbox = self._toolbox and self._toolbox.copy()
        return branch

    def export(self, path: str | Path) -> Path:
        """Write the conversation: `.md` to read, `.json` to load again, `.ipynb` to open. Raises SessionError."""
        from nbchat.conversation import export

        return export.write(Path(path), export.Conversation(self.name, self.system, self._params, self.turns))

    @classmethod
    def load(cls, path: str | Path, name: str | None = None) -> Session:
        """The session that `export` wrote as `.json`, or any JSON list of `{role, content}`. Raises SessionError."""
        from nbchat.conversation import export

        record = export.read(Path(path))
        session = cls(name=name or record.name, system=record.system)
        session._turns, session._params = list(record.turns), record.params
        return session

    # The machinery

    def _begin(self, message: Any, options: dict[str, Any], **old: Turn) -> Exchange:
        """Settle a request; `old` is the turn that it `replaces` or `resumes`. Raises before anything is sent."""
        plan = Plan.of(options, **old)
        with self._lock:  # one look at all that another thread may change, so that the parts belong together
            turns, params, system = self.turns, self._params, self._system
            toolbox, destination, timeout = self._toolbox, self._destination, self.timeout
        params, place = params.replace(**plan.params), self._place(turns, plan)
        asked = user_message(message)
        endpoint = connection.ready(destination.endpoint(plan.base_url, plan.key_env))
        if (model := connection.model_of(endpoint, params.model)) != params.model:
            params = params.replace(model=model)
        system = system if plan.system is UNSET else plan.system
        before = () if plan.once else turns[: len(turns) if place is None else place]
        history = self._history(before, system)
        if plan.resumes is not None:
            history = self._history((*before, plan.resumes), system)
        timeout = plan.timeout if plan.timeout is not None else timeout
        timeouts = Timeouts() if timeout is None else Timeouts(read=timeout)
        toolbox = toolbox or (_new_toolbox() if plan.tools is not None else None)
        tools = toolbox.offer(plan.tools) if toolbox is not None else None
        schema = None if plan.schema is None else _schema(plan.schema)
        return self._registered(Exchange(Ask(asked, history, params, endpoint, tools, timeouts, schema), plan))

    def _registered(self, exchange: Exchange) -> Exchange:
        """From now on until it is charged, `stop` ends it; one that nobody ever runs goes with its last user."""
        with self._lock:
            self._exchanges.add(exchange)
        return exchange

    @staticmethod
    def _place(turns: Sequence[Turn], plan: Plan) -> int | None:
        """Where among the turns the new one goes; None = behind them."""
        if (old := plan.replaces or plan.resumes) is not None:
            return next((index for index, turn in enumerate(turns) if turn is old), None)
        if plan.slot is None or plan.once:
            return None
        return next((index for index, turn in enumerate(turns) if turn.slot == plan.slot), None)

    @staticmethod
    def _history(turns: Sequence[Turn], system: str | None) -> tuple[Message, ...]:
        messages = [message for turn in turns for message in turn.messages]
        return (Message("system", system), *messages) if system else tuple(messages)

    def _conclude(self, exchange: Exchange, presenter: Presenter | None) -> Reply:
        """Keep the turn, show its end, raise what went wrong."""
        self._keep(exchange)
        failure = exchange.failure()
        if presenter is not None:
            presenter.conclude(exchange.reply, failure)
        _raise(failure)
        reply = exchange.reply
        if reply is None:  # a failure explains every other absence
            raise NbchatError("The server ended its answer without one.")
        return reply

    def _keep(self, exchange: Exchange) -> None:
        """Enter the requests into the ledger, and the answer, whole or partial, into the history. Again is nothing."""
        try:
            joined_in = self._enter(exchange)
        except KeyboardInterrupt:  # it waits until what was paid for is safe
            self._enter(exchange)
            raise
        if joined_in:
            self._turns_observers.notify()

    def _enter(self, exchange: Exchange, *, join: bool = True) -> bool:
        """Do it once; whether the history changed. All of it is changed in one step, or, interrupted, nothing is."""
        plan = exchange.plan
        with self._lock:
            if exchange.kept:
                return False
            ledger, turns = [*self._ledger, *exchange.entries], self._turns
            turn = exchange.turn if join and not plan.once else None
            if turn is not None:
                if plan.resumes is not None:
                    turn = replace(plan.resumes, reply=joined(plan.resumes.reply, turn.reply))
                elif plan.replaces is not None:
                    turn = replace(turn, slot=plan.replaces.slot)
                turns = self._with(turn, self._place(turns, plan))
            self._exchanges.discard(exchange)
            self._ledger, self._turns, exchange.kept = ledger, turns, True
        return turn is not None

    def _with(self, turn: Turn, place: int | None) -> list[Turn]:
        """The history with this turn: at a place, whose later turns are marked, or behind them all (None)."""
        if place is None:
            return [*self._turns, turn]
        later = [replace(old, before_edit=True) for old in self._turns[place + 1 :]]
        return [*self._turns[:place], turn, *later]

    def _last(self, purpose: str) -> Turn:
        with self._lock:
            if not self._turns:
                raise SessionError(f"There is no turn yet {purpose}.")
            return self._turns[-1]


def _presenter(display: bool | Presenter | None, exchange: Exchange) -> Presenter | None:
    if display is not None and not isinstance(display, bool):
        return display
    ask = exchange.ask
    return presenters.make(display, choices=ask.params.n or 1, waiting=ask.params.model or ask.endpoint.title)


def _raise(failure: BaseException | None) -> None:
    if failure is not None:
        raise failure


def _new_toolbox() -> Toolbox:
    from nbchat.conversation.tools.toolbox import Toolbox

    return Toolbox()


def _schema(what: Any) -> Schema:
    from nbchat.conversation.schemas.schema import Schema

    return Schema.of(what)
