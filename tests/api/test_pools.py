"""Proxies and certificates are those that the environment names; a server on this machine is asked directly."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading

import pytest

from nbchat.api.http import pools
from nbchat.api.pacing.rate_limits import RetryPolicy
from nbchat.testing import Flood, Say
from nbchat.values.errors import ConfigError, ConnectionFailed
from tests.api.asking import LONG, Asked


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    pools._trust.cache_clear()


class Relay:
    """A server that accepts connections one after another, and decides where the bytes of each go."""

    def __init__(self, wanted):
        self._wanted = wanted
        self.heads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65_536)
            self.heads.append(head)
            answer, where = self._wanted(head)
            if answer:
                client.sendall(answer)
            if where is None:
                return
            with socket.create_connection(where, LONG) as upstream:
                if not answer:
                    upstream.sendall(head)
                back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
                back.start()
                _pump(client, upstream)
                back.join(LONG)


def _pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def address(server):
    return ("127.0.0.1", int(server.base_url.rpartition(":")[2].partition("/")[0]))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(file of the authority, context of a server that it vouches for as `server.test` and 127.0.0.1)."""
    crypto = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = crypto.Name([crypto.NameAttribute(crypto.NameOID.COMMON_NAME, "server.test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [crypto.DNSName("server.test"), crypto.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    cert = (
        crypto.CertificateBuilder(name, name, key.public_key(), crypto.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(crypto.SubjectAlternativeName(names), critical=False)
        .add_extension(crypto.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


class Encrypted(Relay):
    """TLS in front of a plain server, as one does that also knows HTTP/2."""

    def __init__(self, server, context):
        self._context = context
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.spoken = []
        super().__init__(lambda head: (b"", address(server)))
        self.url = self.url.replace("http", "https")

    def _relay(self, client):
        with contextlib.suppress(OSError):
            encrypted = self._context.wrap_socket(client, server_side=True)
            self.spoken.append(encrypted.selected_alpn_protocol())
            super()._relay(encrypted)


def test_a_server_elsewhere_is_asked_through_the_proxy_of_the_environment(server, own, monkeypatch):
    with Relay(lambda head: (b"", address(server))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        asked = Asked("http://server.test/v1", using=own)
        assert asked.reply.text == "Hello from the scripted server."
        assert proxy.heads[0].startswith(b"POST http://server.test/v1/chat/completions HTTP/1.1")


def test_an_encrypted_server_is_reached_through_a_tunnel(server, own, monkeypatch, certificate):
    authority, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with Encrypted(server, context) as inner:
        where = ("127.0.0.1", int(inner.url.rpartition(":")[2]))
        with Relay(lambda head: (b"HTTP/1.1 200 OK\r\n\r\n", where)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            server.add(Flood(2_000), Say("again"))
            assert Asked("https://server.test/v1", using=own, key="sk-secret-1").reply.text == "xxx " * 2_000
            assert Asked("https://server.test/v1", using=own).reply.text == "again"
            assert [head.split(b"\r\n")[0] for head in proxy.heads] == [b"CONNECT server.test:443 HTTP/1.1"]
            assert b"sk-secret-1" not in proxy.heads[0]


def test_a_server_on_this_machine_and_one_that_no_proxy_names_are_asked_directly(server, own, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert Asked(server.base_url, using=own).reply.text
    assert Asked(server.base_url.replace("127.0.0.1", "localhost"), using=own).reply.text
    monkeypatch.setenv("NO_PROXY", "nowhere.invalid")
    assert "can't be reached" in str(Asked("http://nowhere.invalid/v1", using=own).error)


def test_a_proxy_that_refuses_is_one_sentence(own, monkeypatch):
    with Relay(
        lambda head: (b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", None)
    ) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = Asked("https://server.test/v1", using=own).error
    assert isinstance(error, ConnectionFailed)
    assert "is behind a proxy that refused the connection (407 Proxy Authentication Required)" in str(error)
    assert len(proxy.heads) == 1


@pytest.mark.parametrize("setting", [("HTTPS_PROXY", "nonsense://x"), ("SSL_CERT_FILE", "/no/such/file")])
def test_settings_that_can_not_be_used_are_one_sentence(own, monkeypatch, setting):
    monkeypatch.setenv(*setting)
    error = Asked("https://server.test/v1", using=own).error
    assert isinstance(error, ConfigError)
    assert "can't be used" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("variable", sorted({*pools.CERTIFICATE_VARIABLES} - {"SSL_CERT_DIR"}))
def test_an_authority_that_the_environment_names_is_trusted(server, own, monkeypatch, certificate, variable):
    authority, context = certificate
    monkeypatch.setenv(variable, str(authority))
    with Encrypted(server, context) as encrypted:
        assert Asked(encrypted.url + "/v1", using=own).reply.text == "Hello from the scripted server."
        assert encrypted.spoken == ["http/1.1"]


def test_an_untrusted_certificate_is_one_sentence(server, own, certificate):
    with Encrypted(server, certificate[1]) as encrypted:
        error = Asked(encrypted.url + "/v1", using=own).error
    assert isinstance(error, ConnectionFailed)
    assert "has a certificate that can't be verified" in str(error)
    assert "SSL_CERT_FILE" in str(error)
    assert server.requests == []


def test_a_plain_server_asked_over_tls_is_one_sentence(own):
    def answer(head):
        return b"HTTP/1.1 400 Bad Request\r\n\r\n", None

    class Plain(Relay):
        def _relay(self, client):
            with client, contextlib.suppress(OSError):
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Plain(answer) as plain:
        error = Asked(plain.url.replace("http", "https") + "/v1", using=own).error
    assert isinstance(error, ConnectionFailed)
    assert "does not speak TLS" in str(error)
    assert "Tried" not in str(error)


def test_a_changed_environment_counts_at_the_next_request(server, own, monkeypatch):
    with Relay(lambda head: (b"", address(server))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        assert Asked("http://server.test/v1", using=own).error is not None
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert Asked("http://server.test/v1", using=own).error is None


def test_an_encrypted_server_asked_plainly_is_one_sentence(own):
    """OpenSSL answers anything but a handshake with an alert."""

    class Alert(Relay):
        def _relay(self, client):
            with client:
                client.recv(65_536)
                client.sendall(b"\x15\x03\x01\x00\x02\x02\x46")

    with Alert(None) as server:
        error = Asked(f"{server.url}/v1", using=own, retries=RetryPolicy(tries=1)).error
    assert "begin with https://" in str(error)


def test_a_name_that_is_unknown_is_told_from_a_server_that_is_down(own):
    assert "Is the network up, and is 'nowhere.invalid' the right name?" in str(
        Asked("http://nowhere.invalid/v1", using=own, retries=RetryPolicy(tries=1)).error
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused = str(Asked(f"http://127.0.0.1:{port}/v1", using=own, retries=RetryPolicy(tries=1)).error)
    assert "(Connection refused). Is the server running, and the address right?" in refused


def test_a_proxy_that_is_down_is_blamed_and_not_the_server(own, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for variable, url in [("HTTPS_PROXY", "https://server.test/v1"), ("HTTP_PROXY", "http://server.test/v1")]:
        monkeypatch.setenv(variable, address)
        said = str(Asked(url, using=own, retries=RetryPolicy(tries=1)).error)
        assert "is behind a proxy that can't be reached (Connection refused)" in said
        assert f"Is {address} (from {variable}) running" in said


def test_an_encrypted_proxy_gets_the_credentials(server, own, monkeypatch, certificate):
    authority, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with Encrypted(server, context) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//me:secret@"))
        assert Asked("http://server.test/v1", using=own).reply.text == "Hello from the scripted server."
    assert server.requests[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
    assert server.requests[0].headers["host"] == "server.test"
