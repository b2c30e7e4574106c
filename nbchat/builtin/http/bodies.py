"""The JSON of replies, in OpenAI's form: whole completions, chunks of a stream, models."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbchat.builtin.model.generation import CallPart, Completion, Piece
from nbchat.builtin.model.models import CONTEXT_WINDOW, MODELS, Learned
from nbchat.builtin.model.sampling import Drawn
from nbchat.builtin.model.tokenizer import END

__all__ = ["Reply", "model_body"]

_LOWEST = -9999.0
"""The value for the logarithm of 0, which JSON can't represent; the same as OpenAI's."""
_CREATED = 1_735_689_600


def model_body(name: str) -> dict[str, Any]:
    """A model as `GET /v1/models` lists it; biasing `end_token` (a token id) makes answers shorter or longer."""
    body = {"id": name, "object": "model", "created": _CREATED, "owned_by": "nbchat"}
    return {**body, "context_window": CONTEXT_WINDOW, "ngram_order": MODELS[name], "end_token": END}


class Reply:
    """Writes a completion as JSON, whole or in chunks."""

    def __init__(self, completion: Completion, learned: Learned) -> None:
        self._completion = completion
        self._request = completion.request
        self._learned = learned
        self._head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": completion.request.model,
            "system_fingerprint": learned.fingerprint,
        }

    def opening(self) -> list[dict[str, Any]]:
        """The first chunks of a stream: the role of each choice."""
        delta = {"role": "assistant", "content": None if self._completion.calls else ""}
        return [self._chunk(i, delta) for i in range(self._request.n)]

    def chunks(self, piece: Piece) -> list[dict[str, Any]]:
        """The chunks of one piece; none while its text is held back."""
        result = []
        if piece.call is not None:
            result.append(self._chunk(piece.index, {"tool_calls": [_call_delta(piece.call)]}))
        elif piece.text or piece.tokens:
            result.append(self._chunk(piece.index, {"content": piece.text}, tokens=piece.tokens))
        if piece.finish is not None:
            result.append(self._chunk(piece.index, {}, finish=piece.finish))
        return result

    def usage_chunk(self) -> dict[str, Any]:
        """The last chunk of a stream that requested usage."""
        return {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": self.usage()}

    def usage(self) -> dict[str, int]:
        """Tokens of the prompt and of all choices so far."""
        prompt, answer = self._completion.prompt_tokens, self._completion.completion_tokens
        return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}

    def whole(self, pieces: Iterable[Piece]) -> dict[str, Any]:
        """The body of a reply that is not streamed."""
        by_choice: list[list[Piece]] = [[] for _ in range(self._request.n)]
        for piece in pieces:
            by_choice[piece.index].append(piece)
        choices = [self._whole_choice(index, each) for index, each in enumerate(by_choice)]
        return {**self._head, "object": "chat.completion", "choices": choices, "usage": self.usage()}

    def _whole_choice(self, index: int, pieces: Sequence[Piece]) -> dict[str, Any]:
        calls = _whole_calls(piece.call for piece in pieces if piece.call is not None)
        text = "".join(piece.text for piece in pieces)
        message = {"role": "assistant", "content": None if calls else text, "refusal": None}
        tokens = [drawn for piece in pieces for drawn in piece.tokens]
        return {
            "index": index,
            "message": {**message, "tool_calls": calls} if calls else message,
            "logprobs": self._logprobs(tokens),
            "finish_reason": pieces[-1].finish,
        }

    def _chunk(
        self, index: int, delta: Mapping[str, Any], *, tokens: Sequence[Drawn] = (), finish: str | None = None
    ) -> dict[str, Any]:
        logprobs = self._logprobs(tokens) if tokens else None
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": [choice]}
        return {**chunk, "usage": None} if self._request.include_usage else chunk

    def _logprobs(self, tokens: Sequence[Drawn]) -> dict[str, Any] | None:
        if self._request.sampling.top_logprobs is None:
            return None
        content = [
            {**self._token(drawn.token, drawn.logprob), "top_logprobs": [self._token(*pair) for pair in drawn.top]}
            for drawn in tokens
        ]
        return {"content": content, "refusal": None}

    def _token(self, token: int, logprob: float) -> dict[str, Any]:
        tokenizer = self._learned.tokenizer
        shown = logprob if logprob > -math.inf else _LOWEST
        return {"token": tokenizer.name(token), "logprob": shown, "bytes": list(tokenizer.bytes_of(token))}


def _call_delta(part: CallPart) -> dict[str, Any]:
    if part.id is None:
        return {"index": part.index, "function": {"arguments": part.arguments}}
    function = {"name": part.name, "arguments": part.arguments}
    return {"index": part.index, "id": part.id, "type": "function", "function": function}


def _whole_calls(parts: Iterable[CallPart]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for part in parts:
        if part.id is not None:
            function = {"name": part.name, "arguments": part.arguments}
            calls.append({"id": part.id, "type": "function", "function": function})
        else:
            calls[part.index]["function"]["arguments"] += part.arguments
    return calls
