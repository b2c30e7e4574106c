"""The exception hierarchy.

```text
NbchatError                     one plain sentence; `.reply` holds the partial answer, if any text had arrived
├── ConfigError                 no usable server, model, key or file: nothing was sent
├── ParameterError (ValueError) a value outside the table of parameters: nothing was sent
├── PromptError    (ValueError) the message can't be built from what was given: nothing was sent
│   └── GuardError              it holds something that must not leave: nothing was sent
├── BudgetExceeded              the call would cross the budget: nothing was sent
├── SessionError                no such turn, name or state to act on
├── ConnectionFailed            the server could not be reached, or broke off before its answer began
├── ServerSilent                nothing arrived for longer than the time limit
├── ServerError                 the server answered with an error; status, code, param, request_id
│   ├── AuthenticationFailed    401, 403, or a 400 that mentions the key
│   ├── ModelNotFound           404
│   ├── ParameterRefused        400 or 422 that names a parameter: `.param`
│   ├── ContextTooLong          prompt and reply exceed the model's window
│   ├── RateLimited             429; `.retry_after` seconds, None = not given
│   └── QuotaExceeded           429 or 402 that waiting does not resolve
├── ProtocolError               the response does not follow the chat-completions protocol
├── CutOff                      the stream broke off before its end marker: `.reply` is partial
├── ToolError                   a tool can't be offered or called as written
└── SchemaError                 the answer does not match the requested schema; `.reply` has the text
Interrupted (KeyboardInterrupt) the user stopped it: `.reply` is partial; not an Exception, so loops end
```

Messages may quote a server: sanitise them before showing them anywhere but in a plain-text traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nbchat.values.key_shapes import masked
from nbchat.values.wording import sentence, unlinked

if TYPE_CHECKING:
    from nbchat.values.answer.reply import Reply

__all__ = [
    "AuthenticationFailed",
    "BudgetExceeded",
    "ConfigError",
    "ConnectionFailed",
    "ContextTooLong",
    "CutOff",
    "GuardError",
    "Interrupted",
    "ModelNotFound",
    "NbchatError",
    "ParameterError",
    "ParameterRefused",
    "PromptError",
    "ProtocolError",
    "QuotaExceeded",
    "RateLimited",
    "SchemaError",
    "ServerError",
    "ServerSilent",
    "SessionError",
    "ToolError",
]


class NbchatError(Exception):
    """Base class of all nbchat errors; the message is one sentence, in which what looks like a key is masked.

    `reply` is the partial answer if text had already arrived (it is also in the session's turns), else None.
    In a notebook the error shows as its sentence alone; in a script, as an ordinary traceback.
    """

    reply: Reply | None = None
    result: Any = None
    """Of an error that ended a run over rows, the rows that had been answered by then; else None."""

    def __init__(self, message: str, *, reply: Reply | None = None) -> None:
        super().__init__(sentence(masked(message)))
        self.reply = reply

    @classmethod
    def of_bug(cls, error: BaseException) -> NbchatError:
        """The error that reports an exception which nbchat should not have raised."""
        return cls(f"nbchat itself failed, with {type(error).__name__}: {error}. Please report it.")

    def _render_traceback_(self) -> list[str]:
        """IPython's protocol: the lines to show in place of a traceback."""
        return [unlinked(f"{type(self).__name__}: {self}")]


class ConfigError(NbchatError):
    """No usable server, model, key or file. Nothing was sent."""


class ParameterError(NbchatError, ValueError):
    """A value outside the table of parameters. Nothing was sent."""


class PromptError(NbchatError, ValueError):
    """The message can't be built from what was given. Nothing was sent."""


class GuardError(PromptError):
    """The message contains something that must not leave this machine. Nothing was sent."""


class BudgetExceeded(NbchatError):
    """The call would cross the budget. Nothing was sent."""


class SessionError(NbchatError):
    """No such turn, session or state to act on."""


class ConnectionFailed(NbchatError):
    """The server could not be reached, or broke off before its answer began."""


class ServerSilent(NbchatError):
    """Nothing arrived from the server for longer than the time limit."""


class ServerError(NbchatError):
    """The server answered with an error.

    `status` is the HTTP status (None if the error came inside a stream). `code` and `param` are the server's own names
    for the kind of error and the field at fault, `request_id` is the id to quote to its support, `retry_after` the
    seconds it asked to wait; each is None if the server did not say.
    """

    is_final: ClassVar[bool] = False
    """Whether a retry can't fix it, whatever its status."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        reply: Reply | None = None,
    ) -> None:
        super().__init__(message, reply=reply)
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after


class AuthenticationFailed(ServerError):
    """The key is missing, wrong, or not allowed to do this."""

    is_final = True


class ModelNotFound(ServerError):
    """The server does not know the model, or the address is not that of an API."""

    is_final = True


class ParameterRefused(ServerError):
    """The server refuses a parameter for this model: `param` is its wire name."""

    is_final = True


class ContextTooLong(ServerError):
    """Prompt and reply together exceed the model's context window."""

    is_final = True


class RateLimited(ServerError):
    """Too many requests, also after the retries."""


class QuotaExceeded(ServerError):
    """The account has no credit left; waiting does not help."""

    is_final = True


class ProtocolError(NbchatError):
    """The response does not follow the chat-completions protocol."""


class CutOff(NbchatError):
    """The stream broke off before its end marker: `reply` holds the text so far, with status `cut_off`."""


class ToolError(NbchatError):
    """A tool can't be offered or called as written."""


class SchemaError(NbchatError):
    """The answer does not match the requested schema, even after one correction."""


class Interrupted(KeyboardInterrupt):
    """The user interrupted the request. `reply` holds the partial answer (None = nothing had arrived).

    A KeyboardInterrupt rather than an Exception, so that it ends loops and Run All as a plain interrupt does.
    """

    def __init__(self, message: str = "Stopped.", *, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply

    def _render_traceback_(self) -> list[str]:
        """IPython's protocol: the lines to show in place of a traceback."""
        return [unlinked(f"Interrupted: {self}")]
