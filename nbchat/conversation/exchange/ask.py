"""`Ask`: everything that determines an exchange, and the requests that follow from it."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from nbchat.api import wire
from nbchat.api.call import Timeouts
from nbchat.api.endpoints import Endpoint
from nbchat.api.http.addresses import public_url
from nbchat.conversation.tools.approval import ask_user
from nbchat.values.answer.reply import Request
from nbchat.values.answer.usage import prompt_tokens
from nbchat.values.errors import ContextTooLong
from nbchat.values.messages import Message, ToolCall
from nbchat.values.params import Params
from nbchat.values.presenter import Approve

if TYPE_CHECKING:  # schema handling is imported only when a schema is asked for
    from nbchat.conversation.context import Context
    from nbchat.conversation.schemas.schema import Schema

__all__ = ["Ask", "Tools"]


class Tools(Protocol):
    """The tools that are offered with a request."""

    @property
    def schemas(self) -> Sequence[dict[str, Any]]:
        """The tools as JSON for the API; empty = none."""

    @property
    def notices(self) -> Sequence[str]:
        """Notices for the user about the calls that were run."""

    def can_run(self, calls: Sequence[ToolCall]) -> bool:
        """Whether an answer's calls can be run here; otherwise they are only shown."""

    def run(self, call: ToolCall, approve: Approve) -> Generator[Awaitable[Any], Any, Message]:
        """Run a call and return its result as a message of role "tool". Yields what must be awaited on the user's loop.

        `approve` is asked before calls of tools that are not safe.
        """


class Ask(Struct, frozen=True):
    """Everything that determines an exchange, fixed when it begins."""

    message: Message
    history: tuple[Message, ...]
    params: Params
    endpoint: Endpoint
    tools: Tools | None = None
    approve: Approve = ask_user
    timeouts: Timeouts = field(default_factory=Timeouts)
    schema: Schema | None = None
    earlier: Request | None = None
    """The previous turn's request, with which this one shares messages; None = first turn."""
    context: Context | None = None
    """The source of `history` if it may be shortened after a refusal for its length; else None."""

    def shortened(self, error: ContextTooLong, sent: Request) -> tuple[Ask, str] | None:
        """Return a copy with a shorter history after this refusal, and a notice; None = it can't be shortened."""
        from nbchat.conversation.context import room, shorter_after

        if self.context is None:
            return None
        tokens = prompt_tokens(sent.body) or 0
        window = shorter_after(error, tokens, self.endpoint, self.params.model)
        shorter = self.context.fitted(room(window, [self.message], 0, self.params.most_tokens))
        if shorter.left_out == self.context.left_out:
            return None
        return replace(self, history=shorter.messages(), context=None), shorter.notice(window)

    def request(self, steps: Sequence[Message] = (), *, in_words: bool | None = None) -> Request:
        """Return the request after these steps. `in_words`: ask for the schema in the prompt; None = as known of the server."""
        message, params = self.message, self.params
        if steps and params.tool_choice not in (None, "none", "auto"):
            params = params.replace(tool_choice=None)  # a forced tool would be called forever
        if self.schema is not None:
            from nbchat.conversation.schemas import fitting

            refused = fitting.knows_no_format(self.endpoint.base_url, params.model) if in_words is None else in_words
            message, params = fitting.shaped(self.schema, message, params, in_words=refused)
        schemas = self.tools.schemas if self.tools is not None else ()
        url = public_url(self.endpoint.chat_url)
        return Request(url, wire.body((*self.history, message, *steps), params, tools=schemas, server=url))
