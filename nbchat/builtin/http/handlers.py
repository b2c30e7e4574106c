"""The built-in server's request handlers. Every reply is JSON, errors included."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable
from types import TracebackType
from typing import Any

from msgspec import Struct
from tornado import iostream, web

from nbchat.builtin.http.access import check_key, check_place, cors_headers
from nbchat.builtin.http.bodies import Reply, model_body
from nbchat.builtin.http.refusal import Refusal
from nbchat.builtin.http.request import Fields, parse_json, read_request
from nbchat.builtin.model.generation import Completion, Piece
from nbchat.builtin.model.models import CONTEXT_WINDOW, MODELS, Learned, learned, learned_already
from nbchat.values.frozen import repr_without

__all__ = ["BODY_LIMIT", "READ_LIMIT", "Counters", "Settings", "application"]

BODY_LIMIT = 8 * 1024 * 1024
"""Most bytes of a request body; a longer one is refused with 413."""
READ_LIMIT = 2 * BODY_LIMIT
"""Size of a body from which the server closes the connection rather than reading to the end in order to answer."""

STALL_SECONDS = 120.0
"""Seconds that a client may read nothing before the connection is closed."""

_log = logging.getLogger("nbchat.builtin")


class Counters(Struct):
    """What the server has done so far, for monitoring. `tokens` counts generated tokens."""

    requests: int = 0
    running: int = 0
    finished: int = 0
    abandoned: int = 0
    tokens: int = 0


class Settings(Struct, frozen=True):
    """`pace` is in tokens per second of each streamed choice (None = unlimited); `api_key` None = no key needed.

    `host` is the address listened on; `cors` the origin whose web pages may send requests ("*" = any, None = none).
    """

    pace: float | None
    api_key: str | None
    counters: Counters
    host: str = "127.0.0.1"
    cors: str | None = None

    def __repr__(self) -> str:
        return repr_without(self, "api_key")


class Handler(web.RequestHandler):
    """Base class of the handlers: access control, size limit, and errors as JSON."""

    _abandoned = False

    @property
    def settings_(self) -> Settings:
        """The server's settings."""
        settings: Settings = self.settings["nbchat"]
        return settings

    def on_connection_close(self) -> None:
        self._abandoned = True

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Refuse the request, unless the client is gone, as when the server stops in mid-stream."""
        if not self._abandoned:
            super().send_error(status_code, **kwargs)

    def prepare(self) -> None:
        settings, headers = self.settings_, self.request.headers
        keyed = settings.api_key is not None
        place = headers.get("Host"), headers.get("Origin")
        check_place(*place, bound=settings.host, cors=settings.cors, keyed=keyed)
        if self.request.method == "OPTIONS" and settings.cors is not None:
            return  # a browser's preflight request has no key
        check_key(headers.get("Authorization", ""), settings.api_key)
        if len(self.request.body) > BODY_LIMIT:
            raise Refusal(f"The body must be at most {BODY_LIMIT} bytes.", status=413)

    def set_default_headers(self) -> None:
        self.set_header("Server", "nbchat")
        for name, value in cors_headers(self.settings_.cors).items():
            self.set_header(name, value)

    def options(self, *_parts: str) -> None:
        """Answer a browser's preflight request."""
        if self.settings_.cors is None:
            raise web.HTTPError(405)
        self.set_status(204)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, RecursionError):
            error = Refusal("The body is nested too deeply.")
        elif not isinstance(error, Refusal):
            words = {
                404: f"There is no {self.request.path} here.",
                405: f"{self.request.method} is not allowed for this path.",
            }
            error = Refusal(words.get(status_code, "The server failed to handle this request."), status=status_code)
        self.set_status(error.status)
        if error.status == 405:
            self.set_header("Allow", ", ".join(self._allowed()))
        self.finish(error.body())

    def _allowed(self) -> list[str]:
        unimplemented = web.RequestHandler._unimplemented_method  # noqa: SLF001  # tornado's marker of a missing method
        methods = {name: getattr(type(self), name.lower()) for name in self.SUPPORTED_METHODS}
        if self.settings_.cors is None:
            methods.pop("OPTIONS", None)
        return [name for name, method in methods.items() if method is not unimplemented]

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if not isinstance(value, (Refusal, RecursionError, web.HTTPError)):
            _log.error("The built-in model failed at %s %s", self.request.method, self.request.path, exc_info=value)

    async def _learned(self) -> Learned:
        """Load the models, the first time in another thread, so that reading the corpus does not block other requests."""
        if (known := learned_already()) is not None:
            return known
        try:
            work = asyncio.get_running_loop().run_in_executor(None, learned)
        except RuntimeError:  # the interpreter is ending
            raise Refusal("The server is stopping.", status=503) from None
        return await work


class NotFound(Handler):
    """Any other path."""

    def prepare(self) -> None:
        super().prepare()
        if self.request.method != "OPTIONS":
            raise web.HTTPError(404)


class Models(Handler):
    """`GET /v1/models`."""

    def get(self) -> None:
        self.finish({"object": "list", "data": [model_body(name) for name in MODELS]})


class Model(Handler):
    """`GET /v1/models/{id}`."""

    def get(self, name: str) -> None:
        self.finish(model_body(_known(name)))


def _known(name: str) -> str:
    if name not in MODELS:
        message = f"The model {name!r:.80} does not exist here; the models are {', '.join(MODELS)}."
        raise Refusal(message, param="model", code="model_not_found", status=404)
    return name


class Tokenize(Handler):
    """`POST /v1/tokenize`: `content` (llama.cpp's name) or `prompt` (vLLM's) to token ids."""

    async def post(self) -> None:
        fields = Fields(parse_json(self.request.body))
        text = fields.get("content", str)
        text = fields.get("prompt", str) if text is None else text
        if text is None:
            raise Refusal("content (or prompt) is required: the text to tokenize.", param="content")
        tokenizer = (await self._learned()).tokenizer
        tokens: list[Any] = tokenizer.encode(text)
        if fields.get("with_pieces", bool):
            tokens = [{"id": token, "piece": tokenizer.name(token)} for token in tokens]
        self.finish({"tokens": tokens, "count": len(tokens), "max_model_len": CONTEXT_WINDOW})


class ChatCompletions(Handler):
    """`POST /v1/chat/completions`."""

    async def post(self) -> None:
        body = parse_json(self.request.body)
        _known(Fields(body).required_text("model"))
        knowledge = await self._learned()
        request = read_request(body, len(knowledge.tokenizer))
        completion = Completion(request, knowledge)
        counters = self.settings_.counters
        counters.requests += 1
        counters.running += 1
        try:
            await (self._stream if request.stream else self._whole)(completion, Reply(completion, knowledge))
        except iostream.StreamClosedError:
            self._abandoned = True
        finally:
            counters.abandoned += self._abandoned
            counters.finished += not self._abandoned
            counters.running -= 1  # last: who sees that nothing runs sees how it ended

    async def _whole(self, completion: Completion, reply: Reply) -> None:
        pieces: list[Piece] = []
        for step in completion.steps():
            pieces += step
            self.settings_.counters.tokens += len(step)
            await asyncio.sleep(0)  # let other requests run
            if self._abandoned:
                return
        await _taken(self.finish(reply.whole(pieces)))

    async def _stream(self, completion: Completion, reply: Reply) -> None:
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        await self._send(*reply.opening())
        try:
            await self._stream_steps(completion, reply)
        except Refusal as refusal:
            await self._send(refusal.body())
        if self._abandoned:
            return
        if completion.request.include_usage:
            await self._send(reply.usage_chunk())
        self.write("data: [DONE]\n\n")
        await _taken(self.finish())

    async def _stream_steps(self, completion: Completion, reply: Reply) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        for step in completion.steps():
            self.settings_.counters.tokens += len(step)
            await self._send(*(chunk for piece in step for chunk in reply.chunks(piece)))
            if self.settings_.pace is not None:
                due = max(due + 1 / self.settings_.pace, clock() - 1)  # no burst after a client stalled
            await asyncio.sleep(max(0.0, due - clock()))
            if self._abandoned:
                return

    async def _send(self, *chunks: dict[str, Any]) -> None:
        for chunk in chunks:
            self.write(f"data: {json.dumps(chunk)}\n\n")
        if chunks:
            await _taken(self.flush())


async def _taken(written: Awaitable[None]) -> None:
    """Wait until the client has read what was written. Raises StreamClosedError if it does not."""
    try:
        await asyncio.wait_for(written, STALL_SECONDS)
    except TimeoutError:
        raise iostream.StreamClosedError from None


def application(settings: Settings) -> web.Application:
    """Return the application; tokenizing is also at the root, as in llama.cpp and vLLM."""
    return web.Application(
        [
            (r"/v1/chat/completions", ChatCompletions),
            (r"/v1/models", Models),
            (r"/v1/models/([^/]+)", Model),
            (r"(?:/v1)?/tokenize", Tokenize),
        ],
        default_handler_class=NotFound,
        log_function=_no_access_log,
        nbchat=settings,
    )


def _no_access_log(handler: web.RequestHandler) -> None:
    """Log no requests."""
