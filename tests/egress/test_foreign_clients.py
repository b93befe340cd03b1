"""Libraries that know nothing of all this, in a caged worker: over plain HTTP, TLS, WebSocket and SMTP."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.sync.server import serve as serve_websockets

from tests.egress.rig import ask, counts, egress, in_worker, opened, rights, server

HOST = "api.exchange.lan"
WORLD = {"names": {HOST: [["127.0.0.1"]]}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(f"{self.path} for {self.headers['Host'].partition(':')[0]}".encode())

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def http_server(context: ssl.SSLContext | None = None) -> Iterator[int]:
    class Quiet(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that refuses our certificate is a test's own

    running = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        running.socket = context.wrap_socket(running.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield running.server_address[1]
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for the host, as a file for its clients to trust and as a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    trusted, private = folder / "certificate.pem", folder / "key.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return trusted, context


def in_worker_with_host(code: str, port: int, *arguments: object) -> Any:
    """What code answers in a caged worker that may reach one port of the host."""

    async def run() -> Any:
        async with egress(WORLD) as handle:
            with await handle.channel("a", rights((HOST, port))) as channel:
                return await in_worker(channel, f"port, host = {port}, {HOST!r}\n{code}", *arguments)

    return asyncio.run(run())


URLLIB = """
import urllib.request
with urllib.request.urlopen(f"{scheme}://{host}:{port}/a", context=context, timeout=20) as response:
    answer = [response.read().decode()]
with urllib.request.urlopen(f"{scheme}://{host}:{port}/", b"posted", context=context) as response:
    answer.append(response.read().decode())
"""
HTTP_CLIENT = """
from http.client import HTTPConnection, HTTPSConnection
link = HTTPSConnection(host, port, context=context) if context else HTTPConnection(host, port)
link.request("GET", "/a")
answer = [link.getresponse().read().decode()]
link.request("POST", "/", b"posted")
answer.append(link.getresponse().read().decode())
link.close()
"""
REQUESTS = """
import requests
with requests.Session() as session:
    if trusted:
        class Adapter(requests.adapters.HTTPAdapter):
            def init_poolmanager(self, *arguments, **named):
                super().init_poolmanager(*arguments, ssl_context=context, **named)
        session.mount("https://", Adapter())
    answer = [session.get(f"{scheme}://{host}:{port}/a", timeout=20).text]
    answer.append(session.post(f"{scheme}://{host}:{port}/", b"posted", timeout=(5, 20)).text)
"""
AIOHTTP = """
import aiohttp
async def ask():
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{scheme}://{host}:{port}/a", ssl=context or True) as response:
            found = [await response.text()]
        async with session.post(f"{scheme}://{host}:{port}/", data=b"posted", ssl=context or True) as response:
            return [*found, await response.text()]
answer = run(ask())
"""
HTTPX = """
import httpx
with httpx.Client(verify=context or True, timeout=20) as client:
    answer = [client.get(f"{scheme}://{host}:{port}/a").text]
    answer.append(client.post(f"{scheme}://{host}:{port}/", content=b"posted").text)
"""
HTTPX_ASYNC = """
import httpx
async def ask():
    async with httpx.AsyncClient(verify=context or True, timeout=20) as client:
        found = (await client.get(f"{scheme}://{host}:{port}/a")).text
        return [found, (await client.post(f"{scheme}://{host}:{port}/", content=b"posted")).text]
answer = run(ask())
"""
ASYNCIO_RUN = """
async def ask():
    import urllib.request
    reader, writer = await asyncio.open_connection(host, port, ssl=context or None)
    writer.write(b"GET /a HTTP/1.1\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n" % host.encode())
    found = (await reader.read()).partition(b"\\r\\n\\r\\n")[2].decode()
    writer.close()
    return [found, "posted"]
answer = asyncio.run(ask())
"""
CLIENTS = {
    "urllib": URLLIB,
    "http.client": HTTP_CLIENT,
    "requests": REQUESTS,
    "aiohttp": AIOHTTP,
    "httpx": HTTPX,
    "httpx-async": HTTPX_ASYNC,
    "asyncio on a loop of its own": ASYNCIO_RUN,
}
PLAIN = "scheme, trusted, context = 'http', None, None\n"
TRUSTING = """
scheme, trusted = "https", arguments[0]
context = ssl.create_default_context(cadata=trusted)
"""


@pytest.mark.parametrize("client", CLIENTS)
def test_an_http_client_works_as_it_is(client: str) -> None:
    with http_server() as port:
        assert in_worker_with_host(PLAIN + CLIENTS[client], port) == [f"/a for {HOST}", "posted"]


@pytest.mark.parametrize("client", CLIENTS)
def test_tls_is_end_to_end(client: str, certificate: tuple[Path, ssl.SSLContext]) -> None:
    trusted, context = certificate
    with http_server(context) as port:
        found = in_worker_with_host(TRUSTING + CLIENTS[client], port, trusted.read_text())
    assert found == [f"/a for {HOST}", "posted"]


@pytest.mark.parametrize("client", ["urllib", "requests", "aiohttp", "httpx"])
def test_a_certificate_that_is_not_trusted_is_refused(client: str, certificate: tuple[Path, ssl.SSLContext]) -> None:
    code = """
import warnings
warnings.simplefilter("ignore")
scheme, trusted, context = "https", None, ssl.create_default_context()
try:
    exec(arguments[0])
except Exception as error:
    answer = "CERTIFICATE_VERIFY_FAILED" in repr(error) or "CERTIFICATE_VERIFY_FAILED" in repr(error.__cause__)
"""
    with http_server(certificate[1]) as port:
        assert in_worker_with_host(code, port, CLIENTS[client]) is True


@pytest.mark.parametrize("client", CLIENTS)
def test_a_host_that_was_not_granted_is_an_error_that_says_so(client: str) -> None:
    code = f"""
import warnings
warnings.simplefilter("ignore")
{PLAIN}
host = "evil.example.net"
try:
    exec(arguments[0])
except Exception as error:
    answer = str(error)
    while (error := error.__cause__ or error.__context__) is not None:
        answer += str(error)
"""
    with http_server() as port:
        assert "evil.example.net" in in_worker_with_host(code, port, CLIENTS[client])


WEBSOCKETS = """
import websockets
async def ask():
    async with websockets.connect(f"{scheme}://{host}:{port}/", ssl=context) as link:
        await link.send("tick")
        return await link.recv()
answer = [run(ask())]
from websockets.sync.client import connect
with connect(f"{scheme}://{host}:{port}/", ssl=context) as link:
    link.send("tack")
    answer.append(link.recv())
"""
AIOHTTP_WEBSOCKETS = """
import aiohttp
async def ask():
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{scheme}://{host}:{port}/", ssl=context or True) as link:
            await link.send_str("tick")
            first = await link.receive_str()
            await link.send_str("tack")
            return [first, await link.receive_str()]
answer = run(ask())
"""


@pytest.mark.parametrize("code", [WEBSOCKETS, AIOHTTP_WEBSOCKETS], ids=["websockets", "aiohttp"])
def test_websockets_work_over_tls(code: str, certificate: tuple[Path, ssl.SSLContext]) -> None:
    def repeat(link: Any) -> None:
        for message in link:
            link.send(message)

    trusted, context = certificate
    with serve_websockets(repeat, "127.0.0.1", 0, ssl=context) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            port = running.socket.getsockname()[1]
            setting = TRUSTING.replace("https", "wss") if "websockets." in code else TRUSTING
            found = in_worker_with_host(setting + code, port, trusted.read_text())
        finally:
            running.shutdown()
            thread.join()
    assert found == ["tick", "tack"]


def test_mail_is_sent_with_starttls(certificate: tuple[Path, ssl.SSLContext]) -> None:
    trusted, context = certificate
    received: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 here\r\n")
        with connection.makefile("rb") as lines:
            while not (line := lines.readline()).startswith(b"STARTTLS"):
                connection.sendall(b"250-here\r\n250 STARTTLS\r\n" if line.startswith(b"ehlo") else b"500 no\r\n")
        connection.sendall(b"220 go\r\n")
        with context.wrap_socket(connection, server_side=True) as secure, secure.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"data"):
                    secure.sendall(b"354 go\r\n")
                    while (line := lines.readline()) != b".\r\n":
                        received.append(line)
                secure.sendall(b"221 bye\r\n" if line.lower().startswith(b"quit") else b"250 ok\r\n")

    code = """
import smtplib
context = ssl.create_default_context(cadata=arguments[0])
with smtplib.SMTP(host, port, timeout=20) as mail:
    mail.starttls(context=context)
    mail.sendmail("a@a", ["b@b"], "Subject: x\\r\\n\\r\\nhello")
answer = True
"""
    with server(serve) as there:
        assert in_worker_with_host(code, there.port, trusted.read_text()) is True
    assert b"hello\r\n" in received


def test_the_broker_sees_ciphertext_only(certificate: tuple[Path, ssl.SSLContext]) -> None:
    """What passes the pipe, as the broker has it, holds nothing of what was said in it but the server's name."""
    trusted, context = certificate
    passed = bytearray()

    async def run() -> None:
        with http_server(context) as port:
            async with egress(WORLD) as handle:
                with (
                    await handle.channel("a", rights((HOST, port))) as channel,
                    opened(channel, f"{HOST}:{port}") as pipe,
                ):
                    client = ssl.create_default_context(cafile=str(trusted))
                    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                    secure = client.wrap_bio(incoming, outgoing, server_hostname=HOST)
                    request = f"GET /secret-path HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

                    def step(action: Callable[[], Any]) -> Any:
                        while True:
                            try:
                                done = action()
                            except ssl.SSLWantReadError:
                                done = None
                            sent = outgoing.read()
                            passed.extend(sent)
                            pipe.sendall(sent)
                            if done is not None:
                                return done
                            received = pipe.recv(65536)
                            passed.extend(received)
                            incoming.write(received)

                    step(lambda: secure.do_handshake() or True)
                    step(lambda: secure.write(request))
                    assert b"200" in step(lambda: secure.read(4096))

    asyncio.run(run())
    assert b"secret-path" not in passed


def test_curl_takes_the_broker_for_an_http_proxy(tmp_path: Path) -> None:
    """A foreign judge of the wire: each of its connections is relayed to a fresh pipe."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl here")

    async def run() -> tuple[str, str, str]:
        with http_server() as port:
            async with egress(WORLD) as handle:
                with await handle.channel("a", rights((HOST, port))) as channel, server(relay(channel)) as proxy:
                    base = [curl, "--silent", "--show-error", "--proxytunnel", "--noproxy", "", "--max-time", "20"]
                    command = [*base, "--proxy", f"http://127.0.0.1:{proxy.port}"]
                    status = ["--write-out", " %{http_connect}"]
                    good = await call(*command, *status, f"http://{HOST}:{port}/from-curl")
                    twice = await call(*command, *[f"http://{HOST}:{port}/{n}" for n in "ab"])
                    bad = await call(*command, *status, "https://evil.example.net/")
                    await counts(handle, "a", lambda now: now.refused == 1)
                    return good, twice, bad

    async def call(*command: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
        )
        return done.stdout + done.stderr

    def relay(channel: socket.socket) -> Callable[[socket.socket], None]:
        asking = threading.Lock()

        def serve(connection: socket.socket) -> None:
            with asking:
                pipe = ask(channel)
            assert pipe is not None
            with pipe:
                back = threading.Thread(target=pour, args=(pipe, connection))
                back.start()
                pour(connection, pipe)
                back.join()

        return serve

    def pour(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    good, twice, bad = asyncio.run(run())
    assert good == f"/from-curl for {HOST} 200"
    assert twice == f"/a for {HOST}/b for {HOST}"
    assert bad.startswith(" 403")
    assert "403" in bad
