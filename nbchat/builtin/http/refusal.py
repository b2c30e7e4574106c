"""The error for a refused request, in OpenAI's form."""

from __future__ import annotations

from typing import Any

from nbchat.values.errors import NbchatError

__all__ = ["Refusal"]


class Refusal(NbchatError):
    """A refused request: `status` is the HTTP status, `param` the field at fault (None = no particular one)."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """The JSON body of the reply."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}
