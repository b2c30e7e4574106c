"""One exchange: send a message, run the tools that the model calls, receive the answer, make a turn.

The logic is one generator that yields what it waits for; `driver` does the waiting, synchronously or asynchronously.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from nbchat.api.call import Call
from nbchat.api.engine import Channel
from nbchat.api.pacing.limiter import ConcurrencyLimiter
from nbchat.api.prices import cost
from nbchat.conversation.exchange.ask import Ask, Tools
from nbchat.conversation.exchange.driver import Work
from nbchat.conversation.exchange.outgoing import check_body, check_message
from nbchat.conversation.options import RequestOptions
from nbchat.conversation.process import process
from nbchat.conversation.servers.connection import check_chosen
from nbchat.conversation.tools.repair import CUT_SHORT, cut_short, failed, valid_calls, with_unique_ids
from nbchat.conversation.turn import Turn, new_id
from nbchat.store.ledger.entries import Entry
from nbchat.store.opening import notebook_path
from nbchat.values.answer.draft import Draft
from nbchat.values.answer.events import Event
from nbchat.values.answer.reply import Reply, Request, Status, Timing
from nbchat.values.answer.usage import Usage
from nbchat.values.errors import ContextTooLong, CutOff, GuardError, Interrupted, NbchatError, SchemaError, ServerSilent
from nbchat.values.messages import Message, ToolCall
from nbchat.values.presenter import Presenter

if TYPE_CHECKING:  # schema handling is imported only when a schema is asked for
    from nbchat.conversation.schemas.schema import Schema

__all__ = ["Exchange"]

MOST_ROUNDS = 10
"""Most rounds of tool calls in one exchange."""

MOST_MISTAKES = 3
"""Most consecutive rounds in which all calls fail in the same way."""


class Delivery(Struct, frozen=True):
    """How one request is delivered. `tap` sees the events first, in the engine's thread; None = no tap.

    `replay` is the stored answer to use instead of the server's; None = none. `sent` is called when the request is
    under way, `whole` when the server's answer is complete.
    """

    tap: Callable[[list[Event]], None] | None = None
    sent: Callable[[], None] = lambda: None
    replay: Sequence[tuple[float, list[Event]]] | None = None
    whole: Callable[[], None] = lambda: None


Deliver = Callable[["Exchange", Request], Delivery]
"""Decides how a request is delivered, just before it is sent. Raises NbchatError if it must not be sent."""


class Exchange:
    """Stages: asked → answering (and calling tools, in rounds) → over, when `reply` and `error` are final."""

    def __init__(self, ask: Ask, options: RequestOptions) -> None:
        self.id = new_id()
        self.ask = ask
        self.options = options
        self.session: str | None = None
        """The name of its session; None = no session."""
        self.alone = False
        """Whether a user asked this message by itself, rather than as one of many."""
        self.copies = 0
        """Counts the exchanges with the same request."""
        self.number = 0
        """Its index among exchanges with the same request, from 0."""
        self.deliver: Deliver = lambda _exchange, _request: Delivery()
        self.limiter: ConcurrencyLimiter | None = None
        """The concurrency limiter of its requests; None = no limit."""
        self.reserved = (0.0, 0)
        """Dollars and tokens that its request is expected to cost, while a budget counts them."""
        self.kept = False
        """Whether the session has recorded it: its requests in the ledger and its turn, if any, in the history."""
        self.over = False
        """Whether it ended by itself, successfully or not, rather than being stopped."""
        self.steps: list[Message] = []
        self.replies: list[Reply] = []
        """One draft per answered request, in order."""
        self.draft: Draft | None = None
        self.error: BaseException | None = None
        self._channel: Channel | None = None
        self._stopped = False
        self.data: Any = None
        """The value read from the answer, if a schema was given."""
        self.replays = False
        """Whether the current answer is replayed from the store."""
        self.notices: list[str] = []
        """Notices about the request."""
        self._in_words: bool | None = None
        self._called: Reply | None = None
        self._ended = False
        self._reply: Reply | None = None

    def run(self, presenter: Presenter | None) -> Work:
        """Run the exchange. Its own failures are not raised; see `error`."""
        try:
            yield from self._answer(presenter)
            if self.ask.schema is not None and self.error is None:
                yield from self._fit(self.ask.schema, presenter)
            self.over = True
        except BaseException as stop:  # noqa: BLE001  # an interrupt too: the partial answer is kept, and `failure` returns the exception
            self.end(stop)
        finally:
            self._reply, self._ended = self._whole_reply(), True

    def end(self, stop: BaseException) -> None:
        """Close the connection and keep the partial answer. Idempotent, because it may be interrupted itself."""
        if self._channel is not None:
            self._channel.close()
        if not self._ended:
            self.error = stop
            self.over = isinstance(stop, Exception)
            self._keep_draft(interrupted=not self.over)

    def _answer(self, presenter: Presenter | None) -> Work:
        """Ask, run tools and ask again until there is an answer."""
        rounds: list[list[str]] = []
        for _ in range(MOST_ROUNDS):
            yield from self._request(presenter)
            calls, tools = self.replies[-1].tool_calls, self.ask.tools
            if self.error is not None or not calls or tools is None or not tools.can_run(calls):
                return
            yield from self._call_tools(tools, with_unique_ids(calls), presenter)
            results = self.steps[-len(calls) :]
            rounds.append([result.text for result in results])
            if failed(results) and rounds[-MOST_MISTAKES:] == [rounds[-1]] * MOST_MISTAKES:
                self.error = NbchatError(
                    f"The model called tools {MOST_MISTAKES} times with the same mistake; stopped there."
                    f" {calls[0].name}: {rounds[-1][0][:300]}"
                )
                return
        self.error = NbchatError(f"The model called tools {MOST_ROUNDS} times without answering; stopped there.")

    def _fit(self, schema: Schema, presenter: Presenter | None) -> Work:
        """Read the value from the answer; ask once more if it does not fit."""
        from nbchat.conversation.schemas import fitting
        from nbchat.conversation.schemas.converters import Misfit

        reply = self.replies[-1]
        if reply.tool_calls:
            return
        try:
            self.data = fitting.fitted(schema, reply)
            return
        except Misfit as error:
            misfit = error
        self._restart(presenter, f"it did not fit the schema ({misfit})")
        yield from self._request(presenter, fitting.corrections(schema, reply, misfit))
        if self.error is not None:
            return
        try:
            self.data = fitting.fitted(schema, self.replies[-1])
        except Misfit as error:
            raise SchemaError(
                f"The answer does not fit the schema, even after asking again: {error}. See reply.text."
            ) from None
        fitting.note_ignored(misfit, reply.request, self.ask.endpoint.base_url, self.ask.params.model)

    def _restart(self, presenter: Presenter | None, reason: str) -> None:
        self.notices.append(f"asked again: {reason}")
        if presenter is not None:
            presenter.restart(reason)

    def _request(self, presenter: Presenter | None, more: Sequence[Message] = ()) -> Work:
        """Send one request, and again with the schema in the prompt if the server refuses it."""
        yield from self._send(presenter, more)
        if (shorter := self._shorter()) is not None:
            self.replies.pop()
            self.ask, notice = shorter
            self._restart(presenter, notice)
            yield from self._send(presenter, more)
        refusal = self.error
        request = self.replies[-1].request
        if self.ask.schema is None or request is None or "response_format" not in request.body:
            return
        from nbchat.conversation.schemas import fitting

        if not self.replies[-1].empty or not fitting.is_format_refused(refusal):
            return
        self.replies.pop()
        self._in_words = True
        self._restart(presenter, "the server does not support the schema, so the prompt asks for it")
        yield from self._send(presenter, more)
        if self.error is None:
            fitting.learn_format(self.ask.endpoint.base_url, self.ask.params.model, str(refusal))

    def _shorter(self) -> tuple[Ask, str] | None:
        """Return a shorter request and a notice after a refusal for length; None = another refusal, or final."""
        sent = self.replies[-1].request
        if not isinstance(self.error, ContextTooLong) or sent is None or not self.replies[-1].empty:
            return None
        return self.ask.shortened(self.error, sent)

    @property
    def under_way(self) -> bool:
        """Whether it has begun and is not over."""
        return self._channel is not None and not self._ended

    def stop(self) -> None:
        """Stop it from another thread, like an interrupt. An answer that has already ended stays complete.

        Requests that wait in the same limiter are not sent.
        """
        self._stopped = True
        if (limiter := self.limiter) is not None:
            limiter.shut()  # or the slot freed here would let the next request be sent
        if (channel := self._channel) is not None:
            channel.close()

    def _check_stopped(self) -> None:
        if self._stopped:
            raise KeyboardInterrupt

    def _send(self, presenter: Presenter | None, more: Sequence[Message]) -> Work:
        self._check_stopped()
        request = self.ask.request((*self.steps, *more), in_words=self._in_words)
        check_chosen(self.ask.endpoint, self.ask.params.model)
        if not self.options.unguarded:
            check_body(request.body, self.ask.endpoint.secrets)
        self.draft = draft = Draft(request)
        delivery = self.deliver(self, request)
        self._channel = channel = process.engine().channel()
        try:
            self._start(request, delivery, channel)
            self._check_stopped()
            while (events := (yield channel)) is not None:
                draft.add(events)
                if presenter is not None:
                    presenter.show(events)
        finally:
            channel.close()
            if rest := channel.rest():  # an interrupt keeps what had come, taken or not
                draft.add(rest)
                if presenter is not None:
                    presenter.show(rest)
        if not draft.ended:
            self._check_stopped()
        self.error = draft.error
        self._keep_draft()
        if self.error is None and not self.replays:
            delivery.whole()

    def _start(self, request: Request, delivery: Delivery, channel: Channel) -> None:
        engine = process.engine()
        self.replays = delivery.replay is not None
        if delivery.replay is not None:
            engine.play(delivery.replay, channel)
        else:
            call = Call(self.ask.endpoint, request.body, self.ask.timeouts, limiter=self.limiter)
            engine.start(call, channel, delivery.tap)
            delivery.sent()

    def _keep_draft(self, *, interrupted: bool = False) -> None:
        replies = self.replies
        if (draft := self.draft) is not None and (draft.sent or draft.ended):
            reply = draft.reply(interrupted=interrupted)
            price = 0.0 if self.replays else cost(self.ask.endpoint, reply.model, reply.usage)
            request = reply.request and reply.request.sharing(self.ask.earlier)
            replies = [*replies, replace(reply, cost=price, request=request, replayed=self.replays)]
        # In one statement: an interrupt in between would lose an answer, or count it twice.
        self.replies, self.draft = replies, None

    def _call_tools(self, tools: Tools, calls: Sequence[ToolCall], presenter: Presenter | None) -> Work:
        """Run each call. Every call gets a result, because servers refuse a history without one."""
        self._called = self.replies[-1]
        message = self._called.choices[0].message
        answered = 0
        self.steps.append(replace(message, tool_calls=valid_calls(calls)))
        try:
            for call in calls:
                self._check_stopped()
                if call is cut_short(calls, self._called):
                    result = Message("tool", CUT_SHORT, tool_call_id=call.id)
                else:
                    result = self._guarded((yield from tools.run(call, self.ask.approve)))
                self.steps.append(result)
                answered += 1
                if presenter is not None:
                    presenter.call_result(call, result)
        finally:
            for call in calls[answered:]:
                self.steps.append(Message("tool", "Not run: the user stopped it.", tool_call_id=call.id))

    def _guarded(self, result: Message) -> Message:
        """Return a tool's result, or a note in its place if it must not be sent."""
        if not self.options.unguarded:
            try:
                check_message(result, self.ask.endpoint.secrets)
            except GuardError as error:
                self.notices.append(f"a tool's result was withheld from the model: {error}")
                return replace(result, content="Withheld: it holds something that must not leave the user's machine.")
        return result

    @property
    def reply(self) -> Reply | None:
        """The answer, complete or partial; None = nothing arrived. Usage and timing include all its requests."""
        return self._reply if self._ended else self._whole_reply()

    def _whole_reply(self) -> Reply | None:
        if not self.replies:
            return None
        last = self.replies[-1]
        if self.error is not None:
            last = next((reply for reply in reversed(self.replies) if not reply.empty), last)
            if last.empty:
                return None
        total = sum(reply.timing.total or 0.0 for reply in self.replies)
        return replace(
            last,
            choices=last.choices if last is not self._called else (replace(last.choices[0], tool_calls=()),),
            status=self._status(last),
            usage=Usage.total(reply.usage for reply in self.replies),
            cost=None
            if any(reply.cost is None for reply in self.replies)
            else sum(r.cost or 0.0 for r in self.replies),
            timing=Timing(self.replies[0].timing.first_token, total) if len(self.replies) > 1 else last.timing,
            notices=(*last.notices, *(self.ask.tools.notices if self.ask.tools is not None else ()), *self.notices),
            data=self.data,
        )

    def _status(self, reply: Reply) -> Status:
        """Return the status; a complete answer is interrupted if its tools were to run, or its data to be read."""
        if self.error is None or isinstance(self.error, SchemaError) or reply.status != "complete":
            return reply.status
        if isinstance(self.error, Exception):
            return "failed"
        calls, tools = reply.tool_calls, self.ask.tools
        goes_on = calls and tools is not None and tools.can_run(calls)
        return "interrupted" if goes_on or (self.ask.schema is not None and self.data is None) else "complete"

    @property
    def turn(self) -> Turn | None:
        """The message and its answer as a turn; None = nothing arrived."""
        if (reply := self.reply) is None:
            return None
        cell_id = self.options.cell_id
        return Turn(
            self.ask.message,
            reply,
            self.ask.params,
            tuple(self.steps),
            values=self.options.values,
            answer_id=self.id,
            cell_id=cell_id,
        )

    @property
    def entries(self) -> list[Entry]:
        """Return the ledger rows of its answered requests."""
        answered = (reply for reply in self.replies if not (reply.empty and reply.status == "failed"))
        shared = {
            "params": self.ask.params.to_dict(),
            "cell": self.options.cell_id,
            "notebook": notebook_path(),
            "session": self.session,
        }
        return [
            Entry.of(reply, self.ask.endpoint, request=reply.request and reply.request.name, **shared)
            for reply in answered
        ]

    def failure(self) -> BaseException | None:
        """Return the exception to raise, with the partial reply; None = success."""
        error, reply = self.error, self.reply
        if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
            if reply is None:
                return Interrupted("Stopped. Nothing had arrived yet.")
            if reply.status == "complete":
                return Interrupted("Stopped. The answer was complete and was kept.", reply=reply)
            return Interrupted(f"Stopped. {self._advice(reply)}", reply=reply)
        if isinstance(error, (CutOff, ServerSilent)) and reply is not None:
            return type(error)(f"{error} {self._advice(reply)}", reply=reply)
        if isinstance(error, NbchatError):
            error.reply = reply or error.reply
        return error

    def _advice(self, reply: Reply) -> str:
        """Say what became of a partial answer, and how to continue it."""
        if self.options.once:
            return "The partial answer did not join the history."
        if not reply.text or not self.options.continue_with:
            return "The partial answer was kept."
        return f"The partial answer was kept; {self.options.continue_with} resumes it."
