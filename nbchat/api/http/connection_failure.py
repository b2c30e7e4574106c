"""Explain why a server could not be reached: name, network, proxy, TLS, or the server itself."""

from __future__ import annotations

import re
import socket

import httpx

from nbchat.api.call import Call
from nbchat.api.http.proxies import Proxy, proxy_for, secrets_toward
from nbchat.api.keys import Key

__all__ = ["what_happened", "words_of"]


def what_happened(call: Call, error: Exception) -> tuple[str, bool]:
    """Return one sentence that begins with the server, and whether a retry may help."""
    sentence, again = _behind_the_name(call, error, words_of(error, secrets_toward(call.endpoint)))
    return f"{call.endpoint.title} {sentence}", again


def words_of(error: Exception, secrets: Key | None) -> str:
    """Return a transport error's message, which may quote the server, or else its name."""
    words = str(error) if secrets is None else secrets.redact(str(error))
    return " ".join(words.split())[:200] or type(error).__name__


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
