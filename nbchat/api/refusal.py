"""What a failed attempt means: an error that the server answered, or why it could not be reached."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from nbchat.api.call import AttemptFailed, Call
from nbchat.api.error_body import describe, text_of
from nbchat.api.failure import error_from, is_temporary, is_unsupported, may_refuse_usage
from nbchat.api.http.addresses import public_url
from nbchat.api.http.proxies import Proxy, proxy_for, secrets_toward
from nbchat.api.http.unpacking import unpacked
from nbchat.api.keys import Key
from nbchat.api.pacing.rate_limits import TOO_MANY_STATUSES, delay_in_limits, delay_in_message, retry_after
from nbchat.values.answer.usage import RateLimits
from nbchat.values.errors import ConnectionFailed, ProtocolError
from nbchat.values.limits import LIMITS

__all__ = ["refusal", "unreachable", "words_of"]


def unreachable(call: Call, error: Exception, *, reused: bool = False) -> AttemptFailed:
    """Explain in one sentence why the server could not be reached; retryable unless it can never work."""
    sentence, again = _what_happened(call, error)
    stale = reused and isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError))
    return AttemptFailed(ConnectionFailed(sentence), again=again, stale=stale)


def _what_happened(call: Call, error: Exception) -> tuple[str, bool]:
    """Return one sentence that begins with the server, and whether a retry may help."""
    sentence, again = _behind_the_name(call, error, words_of(error, secrets_toward(call.endpoint)))
    return f"{call.endpoint.title} {sentence}", again


def words_of(error: Exception, secrets: Key | None) -> str:
    """Return a transport error's message, which may quote the server, or else its name."""
    words = str(error) if secrets is None else secrets.redact(str(error))
    words = re.sub(r"\[Errno -?\d+\] ?|(?<=: )bytearray(?=\(b)", "", " ".join(words.split()))
    return words[:200].rstrip(".") or type(error).__name__


def _behind_the_name(call: Call, error: Exception, words: str) -> tuple[str, bool]:
    proxy = _proxy(call)
    match error:
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return f"is not a valid address ({words}). Give a base URL such as https://api.example.com/v1.", False
        case httpx.ProxyError():
            return (
                f"is behind a proxy that refused the connection ({words}). Is {_named(proxy)} right{_OR_BYPASS}",
                False,
            )
        case httpx.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in words:
            return (
                f"has a certificate that can't be verified ({words}). If you trust it, name its CA bundle in SSL_CERT_FILE.",
                False,
            )
        case httpx.ConnectError() if re.search("WRONG_VERSION_NUMBER|HTTP_REQUEST|RECORD_LAYER", words):
            return f"does not speak TLS ({words}). Should its address begin with http:// instead of https://?", False
        case httpx.ConnectError() if "SSL" in words or "TLS" in words:
            return f"broke off the TLS handshake ({words}). Is the address, with its port, that of an API?", False
        case httpx.ConnectError() | httpx.ConnectTimeout() if proxy is not None:
            return f"is behind a proxy that can't be reached ({words}). Is {_named(proxy)} running{_OR_BYPASS}", True
        case httpx.ConnectTimeout():
            return f"did not accept a connection within {call.timeouts.connect:g} s. Is the address right?", True
        case httpx.ConnectError() if _is_unknown_name(error):
            host = httpx.URL(call.endpoint.chat_url).host
            return f"can't be reached ({words}). Is the network up, and is {host!r} the right name?", True
        case httpx.ConnectError() if "refused" in words.lower():
            return f"can't be reached ({words}). Is the server running, and the address right?", True
        case httpx.ConnectError():
            return f"can't be reached ({words}). Is the network up, and the address right?", True
        case httpx.RemoteProtocolError() if "illegal request line" in words:  # h11's message for a binary first byte
            return "does not speak plain http. Should its address begin with https:// instead of http://?", False
        case httpx.RemoteProtocolError() if re.search("illegal|conflicting|too long", words):
            return f"does not answer in HTTP/1.1 ({words}). Is the address, with its port, that of an API?", False
    return f"failed before its answer began ({words}). Run it again.", True


_OR_BYPASS = ", or should NO_PROXY name the server?"


def _proxy(call: Call) -> Proxy | None:
    try:
        return proxy_for(httpx.URL(call.endpoint.chat_url))
    except (httpx.InvalidURL, ValueError):
        return None


def _named(proxy: Proxy | None) -> str:
    return "it" if proxy is None else f"{proxy.title} (from {proxy.variable})"


def _is_unknown_name(error: BaseException) -> bool:
    """Whether the host name could not be resolved."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


async def refusal(
    response: httpx.Response,
    call: Call,
    sent: Mapping[str, Any],
    secrets: Key | None,
    *,
    limits: RateLimits | None,
    request_id: str | None,
    known: bool,
) -> AttemptFailed:
    """Read a response that is an error. `sent` is the body that it answers; `known`: the address has answered before."""
    status, endpoint = response.status_code, call.endpoint
    detail = describe(_moved_to(response, endpoint.chat_url) or await _error_body(response), secrets)
    asked_delay = retry_after(response.headers)
    asked_delay = detail.retry_after if asked_delay is None else asked_delay
    if asked_delay is None and status in TOO_MANY_STATUSES:
        asked_delay = delay_in_message(detail.message)
    if asked_delay is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        asked_delay = delay_in_limits(limits)
    error = error_from(
        status,
        detail,
        server=endpoint.title,
        sent=sent,
        request_id=request_id,
        retry_after=asked_delay,
        key=secrets,
        key_env=endpoint.key_env,
        known=known,
    )
    should = response.headers.get("x-should-retry")
    again = should == "true" if should in ("true", "false") else is_temporary(status, detail, error)
    return AttemptFailed(
        error,
        again=again and not error.is_final,
        asked_delay=asked_delay,
        usage=may_refuse_usage(status, detail, sent),
        unsupported=is_unsupported(detail),
    )


def _moved_to(response: httpx.Response, url: str) -> str | None:
    """The target of a redirect of this URL that is not followed, as a base URL; None = not a redirect."""
    if not response.has_redirect_location:
        return None
    target = response.headers["location"].partition("?")[0].rstrip("/").removesuffix("/chat/completions")
    with contextlib.suppress(httpx.InvalidURL, ValueError):
        target = public_url(str(httpx.URL(url).join(target)))
    return f"moved to {target}"


async def _error_body(response: httpx.Response) -> str:
    """Read the beginning of an error's body, ignoring failures."""
    body = bytearray()
    with contextlib.suppress(TimeoutError, ProtocolError, httpx.RequestError):
        async with asyncio.timeout(LIMITS.error_seconds):
            async for portion in unpacked(response):
                body += portion
                if len(body) > LIMITS.error_body:
                    break
    return text_of(bytes(body[: LIMITS.error_body]), response.charset_encoding)
