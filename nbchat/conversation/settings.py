"""A session's settings, and how they determine a request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from nbchat.api.call import Timeouts
from nbchat.api.endpoints import Endpoint
from nbchat.api.http.headers import GivenHeaders
from nbchat.conversation.context import Context, ContextPolicy, checked_policy, room, window_of
from nbchat.conversation.exchange.ask import Ask
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.history import History
from nbchat.conversation.observers import Observers
from nbchat.conversation.options import UNSET, RequestOptions, user_message
from nbchat.conversation.servers import connection
from nbchat.conversation.tools.approval import ask_user
from nbchat.conversation.turn import Turn
from nbchat.values.answer.usage import estimate_tokens
from nbchat.values.arguments import checked_methods
from nbchat.values.errors import ParameterError
from nbchat.values.messages import Message
from nbchat.values.numbers import seconds
from nbchat.values.params import PARAMETERS, Params
from nbchat.values.presenter import Approve

if TYPE_CHECKING:  # imported on first use: most sessions have neither
    from nbchat.conversation.schemas.schema import Schema
    from nbchat.conversation.tools.toolbox import Toolbox

__all__ = ["Configurable", "Settings"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Settings(Struct, frozen=True):
    """An immutable snapshot of a session's settings. `system` None = no system text; `timeout` None = the default."""

    params: Params
    destination: connection.Destination
    system: str | None = None
    timeout: float | None = None
    approve: Approve = ask_user
    toolbox: Toolbox | None = None
    context: ContextPolicy = "fit"

    def __post_init__(self) -> None:
        force_setattr(self, "timeout", seconds("timeout", self.timeout))

    def exchange(self, message: Any, options: RequestOptions, history: History) -> Exchange:
        """Return the request for a message, not yet sent. Raises NbchatError for an invalid one."""
        question = user_message(message)
        endpoint = connection.ready(self.destination.endpoint(options.base_url, options.key_env))
        params = self.params.replace(**options.params)
        params = params.replace(model=connection.model_of(endpoint, params.model))
        system = self.system if options.system is UNSET else options.system
        timeout = self.timeout if options.timeout is None else options.timeout
        tools = self._tools(options.tools)
        before = _before(history, options)
        last = before[-1] if before else None
        context, notice = self._fitted(Context(before, system), question, params, endpoint, tools)
        ask = Ask(
            question,
            context.messages(),
            params,
            endpoint,
            tools,
            options.approve or self.approve,
            Timeouts() if timeout is None else Timeouts(read=timeout),
            None if options.schema is None else _schema(options.schema),
            None if last is None else last.reply.request,
            context if self.context == "retry" else None,
        )
        exchange = Exchange(ask, options)
        exchange.notices += filter(None, [notice])
        return exchange

    def _fitted(
        self, context: Context, question: Message, params: Params, endpoint: Endpoint, tools: Toolbox | None
    ) -> tuple[Context, str]:
        """Return the context fitted to the model's window, and a notice about it (empty = none)."""
        window = window_of(self.context, endpoint, params.model)
        if window is None or not context.turns:
            return context, ""
        extra = 0 if tools is None else estimate_tokens(json.dumps(list(tools.schemas), default=str))
        fitted = context.fitted(room(window, [question], extra, params.most_tokens))
        return fitted, fitted.notice(window)

    def _tools(self, wanted: Sequence[Any] | str | None) -> Toolbox | None:
        """The tools to offer; None = none."""
        if self.toolbox is None and wanted is None:
            return None
        return (self.toolbox or _new_toolbox()).offer(wanted)


@checked_methods
class Configurable:
    """The mutable settings of a session. Thread-safe: each request uses a snapshot taken when it begins."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._changing = threading.RLock()
        self._observers = Observers()

    def __setattr__(self, name: str, value: object) -> None:
        if name in PARAMETERS:  # an attribute of this name would have no effect
            raise ParameterError(f"A session has no attribute {name}: set({name}=…) sets the parameter.")
        super().__setattr__(name, value)

    @property
    def endpoint(self) -> Endpoint:
        """The server that the next request goes to. Raises ConfigError."""
        return self._settings.destination.endpoint()

    @property
    def model(self) -> str | None:
        """The model of the next request; None = none chosen yet."""
        return self.params.model or self.endpoint.model

    @property
    def params(self) -> Params:
        """The parameters of the next request; a frozen value. Assign a changed copy, or use `set`."""
        return self._settings.params

    @params.setter
    def params(self, params: Params) -> None:
        self._change(lambda settings: replace(settings, params=params))

    def set(self, **params: Any) -> Self:
        """Change parameters for later requests; None unsets. Raises ParameterError, and then changes nothing."""
        self._change(lambda settings: replace(settings, params=settings.params.replace(**params)))
        return self

    @property
    def system(self) -> str | None:
        """The system text; None = none."""
        return self._settings.system

    @system.setter
    def system(self, system: str | None) -> None:
        self._change(lambda settings: replace(settings, system=system))

    @property
    def timeout(self) -> float | None:
        """The longest silence of the server, in seconds; None = the default."""
        return self._settings.timeout

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        self._change(lambda settings: replace(settings, timeout=timeout))

    @property
    def context(self) -> ContextPolicy:
        """How the history is fitted to the model's window: "fit", "retry", "off" or a number of tokens.

        "fit" leaves out the oldest turns if the window is known, "retry" also if a server answers that the request was
        too long. The system text and pinned turns stay. Assigning raises ParameterError.
        """
        return self._settings.context

    @context.setter
    def context(self, policy: ContextPolicy) -> None:
        self._change(lambda settings: replace(settings, context=checked_policy(policy)))

    @property
    def base_url(self) -> str | None:
        """The session's own server as given, a URL or name; None = the one connected for all."""
        return self._settings.destination.where

    def connect(self, base_url: str | None, *, key_env: str | None = None, headers: GivenHeaders | None = None) -> Self:
        """Use this server from now on: a URL or a known endpoint's name; None = the one connected for all sessions.

        `key_env` names the variable of its key, `headers` are sent with every request; the session's previous key and
        headers are never sent to another server. Raises ConfigError, and then changes nothing.
        """
        self._change(
            lambda settings: replace(settings, destination=settings.destination.moved(base_url, key_env, headers))
        )
        return self

    @property
    def approve(self) -> Approve:
        """Decides whether a tool call that is not safe may run; `ask_user` by default."""
        return self._settings.approve

    @approve.setter
    def approve(self, approve: Approve) -> None:
        self._change(lambda settings: replace(settings, approve=approve))

    @overload
    def tool(self, function: _Function, /, *, safe: bool = ...) -> _Function: ...
    @overload
    def tool(self, /, *, safe: bool = ...) -> Callable[[_Function], _Function]: ...
    def tool(self, function: Any = None, /, *, safe: bool = False) -> Any:
        """Offer a Python function to the model with every request; use as a decorator.

        Its schema comes from its signature, annotations and docstring. Calls ask first unless `safe`. Raises ToolError.
        """
        if function is None:
            return lambda function: self.tool(function, safe=safe)
        with self._changing:
            toolbox = _new_toolbox() if self._settings.toolbox is None else self._settings.toolbox.copy()
            toolbox.add(function, safe=safe)
            self._settings = replace(self._settings, toolbox=toolbox)
        return function

    def on_params(self, observer: Callable[[], None]) -> Callable[[], None]:
        """Call `observer` after each change of parameters, system text or server; returns a function that removes it.

        It is called in the thread that made the change.
        """
        return self._observers.add(observer)

    def _change(self, change: Callable[[Settings], Settings]) -> None:
        with self._changing:
            before, self._settings = self._settings, change(self._settings)
            changed = before != self._settings
        if changed:
            self._observers.notify()


def _before(history: History, options: RequestOptions) -> tuple[Turn, ...]:
    """Return the turns that precede the message."""
    if options.resumes is not None:
        turn = history.find(options.resumes)
        before = () if options.once else history.turns[: history.place(turn)]
        return (*before, replace(turn, dropped=False))
    if options.once:
        return ()
    if options.replaces is not None:
        return history.turns[: history.place(history.find(options.replaces))]
    return history.turns[: history.place_of_cell(options.cell_id)]


def _new_toolbox() -> Toolbox:
    """A toolbox without tools."""
    from nbchat.conversation.tools.toolbox import Toolbox

    return Toolbox()


def _schema(what: Any) -> Schema:
    from nbchat.conversation.schemas.schema import Schema

    return Schema.of(what)
