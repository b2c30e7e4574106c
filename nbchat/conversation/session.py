"""A conversation with a model: its history, its settings, and the ways to ask."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from nbchat.api.http.headers import GivenHeaders
from nbchat.api.keys import Key
from nbchat.conversation.exchange.driver import drive, drive_async
from nbchat.conversation.exchange.exchange import Exchange
from nbchat.conversation.exchange.stream import Stream
from nbchat.conversation.history import History
from nbchat.conversation.options import RequestOptions
from nbchat.conversation.servers.connection import Destination, warm_up
from nbchat.conversation.settings import Settings
from nbchat.conversation.storage.delivery import Deliverer
from nbchat.conversation.storage.record import Record
from nbchat.conversation.storage.recorded import Recorded
from nbchat.conversation.tools.approval import ask_user
from nbchat.conversation.turn import Turn
from nbchat.store.opening import journal, notebook_path
from nbchat.values.answer.events import TextDelta
from nbchat.values.answer.reply import Reply, Request
from nbchat.values.arguments import checked_methods
from nbchat.values.errors import NbchatError, SessionError
from nbchat.values.messages import Message, Question
from nbchat.values.params import Params
from nbchat.values.presenter import Approve, Presenter
from nbchat.values.threads import interruptible
from nbchat.values.wording import dollars, pluralize, shown

if TYPE_CHECKING:  # imported only with a journal
    from nbchat.store.records import SessionRow

__all__ = ["Session"]

CONTINUE = "Continue exactly where your last message stopped. Do not repeat anything of it."
"""The message that asks to continue a partial answer; it does not join the history."""


@checked_methods
class Session(Recorded):
    """A multi-turn conversation.

    `model` and every parameter of the table can be given by name; None = not sent, the server decides. `base_url` is a
    URL or a known endpoint's name; without one, the server is what `%chat connect` or the environment chose, else the
    built-in model. `api_key` is better left to the environment (`key_env` names a variable). It is sent only to this
    server, or to the one in use when the session is created. The same holds for `headers`, which are secrets too:
    `{"api-key": "$AZURE_KEY"}` takes the value of that variable. `system` is the system text; `timeout` the longest
    silence of the server in seconds; `tools` are functions that the model may call, and `approve` says whether a call
    of one that is not safe may run (`ask_user` asks on the keyboard or the kernel's input prompt).

    Thread-safe: each request uses the settings at its beginning. Raises ParameterError and ConfigError.

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
        headers: GivenHeaders | None = None,
        system: str | None = None,
        timeout: float | None = None,
        tools: Sequence[Any] = (),
        approve: Approve = ask_user,
        **params: Any,
    ) -> None:
        destination = Destination.of(base_url, Key.wrap(api_key), key_env, headers)
        settings = Settings(Params().replace(model=model, **params), destination, system, timeout, approve)
        super().__init__(name, settings)
        for tool in tools:
            self.tool(tool)

    def __repr__(self) -> str:
        turns = pluralize(len(self._record.history), "turn")
        return f"<Session {self.name!r}: {turns}, {self.endpoint.title}, {self.params}>"

    # Asking

    def ask(self, message: Question, *, display: bool | Presenter | None = None, **options: Any) -> Reply:
        """Send a message and wait for the whole answer; in a notebook it streams into the cell meanwhile.

        The message is sent as written, braces too; `nbchat.describe(df)` is the text that `{df}` inserts in a cell.
        `display`: True shows it, False does not, None shows it in a notebook or IPython and not in a script. `options`:
        every parameter of the table for this request alone (None unsets one), `stream=False`, and `system`, `once`
        (neither read nor join the history), `tools` (functions or JSON; `"none"` offers none), `approve` (in place of
        the session's), `schema` (what the answer must be: see `Schema.of`; the value is `reply.data`), `base_url`,
        `key_env`, `timeout`, `cell_id` (identifies the asking cell: asking from it again adds a version to its turn)
        and `unguarded` (send even what the guard would refuse).

        Raises NbchatError, or Interrupted; `.reply` is the partial answer if text had arrived, which is in `turns` too.
        """
        return self._ask(message, display, RequestOptions.of(options))

    def _ask(self, message: Any, display: bool | Presenter | None, options: RequestOptions) -> Reply:
        return self.answer(self._begin(message, options), display=display)

    def answer(self, exchange: Exchange, *, display: bool | Presenter | None = None) -> Reply:
        """Run an exchange made by `exchange`, like `ask`. Raises as `ask` does."""
        exchange.alone = True
        presenter = self._presenter(display, exchange)
        if (turn := self._record.partial_answer(exchange)) is not None:
            raise _offer(turn, exchange, presenter)
        work = exchange.run(presenter)
        try:
            drive(work)
            self._record.keep(exchange)
        except KeyboardInterrupt as stop:  # before, between or after the driver's steps
            work.close()
            exchange.end(stop)
            exchange.error = exchange.error or stop
        return self._conclude(exchange, presenter)

    async def aask(self, message: Question, *, display: bool | Presenter | None = None, **options: Any) -> Reply:
        """`ask` for a coroutine. Cancelling it closes the connection and keeps the partial answer."""
        await warm_up(self.endpoint)
        exchange = self._begin(message, RequestOptions.of(options), alone=True)
        presenter = self._presenter(display, exchange)
        work = exchange.run(presenter)
        try:
            await drive_async(work)
        except BaseException as stop:  # between two of the driver's steps
            work.close()
            exchange.end(stop)
            self._record.keep(exchange)
            raise
        return self._conclude(exchange, presenter)

    @contextlib.contextmanager
    def stream(self, message: Question, **options: Any) -> Iterator[Stream]:
        """Stream the answer as typed events: `with chat.stream("…") as events: for event in events: …`.

        `events.reply` is the answer so far. The turn joins the history when the `with` ends; leaving early stops the
        request and keeps the partial answer. Options as for `ask`. Raises NbchatError or Interrupted at the end.
        """
        exchange = self._begin(message, RequestOptions.of(options), alone=True)
        events = Stream(exchange)
        try:
            with interruptible():
                yield events
        finally:
            try:
                events.close()
            except KeyboardInterrupt as stop:
                exchange.end(stop)
                raise
            finally:
                self._record.keep(exchange)
        left = isinstance(exchange.error, GeneratorExit)  # the `with` was left before the answer's end
        if not left and (failure := exchange.failure()) is not None:
            raise failure

    @contextlib.asynccontextmanager
    async def astream(self, message: Question, **options: Any) -> AsyncIterator[Stream]:
        """`stream` for a coroutine: `async with chat.astream("…") as events: async for event in events: …`."""
        await warm_up(self.endpoint)
        with self.stream(message, **options) as events:
            yield events

    def retry(self, *, turn: Turn | None = None, display: bool | Presenter | None = None, **options: Any) -> Reply:
        """Ask a turn's message again; None = the last turn's. The new answer becomes the turn's newest version.

        The old answer stays current if no new one arrives. Raises SessionError if the turn is not in the history.
        """
        turn = turn or self._record.history.last("to ask again")
        return self._ask(turn.message, display, RequestOptions.of(options, replaces=turn))

    def resume(self, *, turn: Turn | None = None, display: bool | Presenter | None = None, **options: Any) -> Reply:
        """Continue an answer where it stopped; the two parts become one reply.

        `turn` None = the newest answer. Raises SessionError if it is complete.
        """
        turn = turn or self._record.newest("to continue")
        if not turn.reply.text:
            raise SessionError("That answer has no text to continue. Use retry to ask again.")
        if not turn.reply.is_cut:
            raise SessionError("That answer is complete: there is nothing to continue. Ask for more with a message.")
        return self._ask(Message("user", CONTINUE), display, RequestOptions.of(options, resumes=turn))

    def request(self, message: Question, **options: Any) -> Request:
        """Return exactly what `ask` would send, without sending it. Options as for `ask`."""
        return self._begin(message, RequestOptions.of(options)).ask.request()

    def stop(self) -> None:
        """Stop all running requests, from any thread; partial answers are kept as interrupted.

        A sweep ends as at an interrupt, with its finished runs.
        """
        self._record.stop()

    # For callers that make their own requests, such as sweeps

    def exchange(self, message: Question, **options: Any) -> Exchange:
        """Prepare a request as `ask` would make it now, without sending it. Options and errors as for `ask`."""
        return self._begin(message, RequestOptions.of({"continue_with": "", **options}))

    def again(self, exchange: Exchange) -> Exchange:
        """Prepare another exchange with the same request."""
        further = Exchange(exchange.ask, exchange.options)
        further.number, exchange.copies = exchange.copies, exchange.copies + 1
        return self._opened(further)

    # Copies and files

    def fork(self, name: str) -> Self:
        """Return an independent copy of this session with its turns and settings."""
        branch = type(self)(name=name)
        branch._take_from(self)  # noqa: SLF001  # of its own class
        return branch

    def export(self, path: str | Path) -> Path:
        """Write the conversation: `.md` to read, `.json` or `.jsonl` to load again, `.ipynb` to open. Raises SessionError."""
        from nbchat.conversation import export

        return export.write(
            Path(path).expanduser(), export.Conversation(self.name, self.system, self.params, self.turns)
        )

    @classmethod
    def load(cls, path: str | Path, name: str | None = None) -> Self:
        """Load a session written by `export` (except `.md`), or any JSON list of `{role, content}`. Raises SessionError."""
        from nbchat.conversation import export

        record = export.read(Path(path).expanduser())
        session = cls(name=name or record.name, system=record.system)
        session._record = Record(History(record.turns), session._persist)
        session.params = record.params
        return session

    @classmethod
    def reopen(cls, row: SessionRow, name: str | None = None) -> Self:
        """Reopen a session from the journal. Raises SessionError."""
        from nbchat.conversation.storage.persistence import reopened
        from nbchat.store.records import SessionRow

        if (file := journal()) is None:
            raise SessionError("There is no journal to open a session from: NBCHAT_STORE turns it off.")
        if not isinstance(row, SessionRow):
            raise SessionError(
                f"row must be a session's row in the journal; got {shown(row)}. nbchat.session(name) opens one."
            )
        found = reopened(file, row)
        session = cls(name=name or row.name, system=found.system)
        session.params = found.params
        session._go_on(file, found)
        return session

    @classmethod
    def named(cls, name: str) -> Self:
        """Reopen this notebook's session of this name from the journal, with a notice, or create one.

        If the notebook is unknown, only names other than "default" are looked up.
        """
        notebook = notebook_path()
        if (notebook is None and name == "default") or (file := journal()) is None or not file.exists():
            return cls(name=name)
        try:
            rows = [row for row in file.sessions() if row.notebook == notebook and row.name == name and row.turns]
            return cls.reopen(rows[0]) if rows else cls(name=name)
        except SessionError as error:
            session = cls(name=name)
            session._record.notices.append(f"earlier turns of session {name}, if there are any, are not known: {error}")
            return session

    # Internals

    def _presenter(self, display: bool | Presenter | None, exchange: Exchange) -> Presenter | None:
        """The presenter of one request; None = show nothing. A front end's session overrides this."""
        return None if isinstance(display, bool) else display

    def _begin(self, message: Any, options: RequestOptions, *, alone: bool = False) -> Exchange:
        settings = self._settings  # read once: another thread may change it
        exchange = self._opened(settings.exchange(message, options, self._record.history))
        exchange.alone = alone
        return exchange

    def _opened(self, exchange: Exchange) -> Exchange:
        exchange.session, exchange.deliver = self.name, Deliverer(self._record, self._limits)
        return self._record.open(exchange)

    def _conclude(self, exchange: Exchange, presenter: Presenter | None) -> Reply:
        """Record the exchange, finish its display, and raise its failure."""
        self._record.keep(exchange)
        failure, reply = exchange.failure(), exchange.reply
        if reply is not None and (warning := self._record.settled()):
            reply = replace(reply, notices=(*reply.notices, warning))
        if presenter is not None:
            presenter.conclude(reply, failure)
        if failure is not None:
            raise failure
        if reply is None:  # a missing answer without a failure
            raise NbchatError("The server ended the response without an answer.")
        return reply


def _offer(turn: Turn, exchange: Exchange, presenter: Presenter | None) -> SessionError:
    """Show the partial answer from before the kernel stopped, and say so instead of asking again."""
    reply = turn.reply
    size = f"{reply.usage.completion_tokens:,} tokens" if reply.usage.completion_tokens is not None else "unknown size"
    price = "cost unknown" if reply.cost is None else dollars(reply.cost)
    error = SessionError(
        f"Nothing was sent: the last answer to this cell was cut off, and what had arrived was kept (about {size}, {price})."
        f" {exchange.options.continue_with} resumes it; run the cell once more to ask again.",
        reply=reply,
    )
    if presenter is not None:
        presenter.show([TextDelta(choice.text, choice.index) for choice in reply.choices if choice.text])
        presenter.conclude(reply, error)
    return error
