"""One request to an appliance: no proxy, no redirect, and bounds on time and size."""

import base64
import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from ..records import SourceError

BODY_LIMIT = 64 * 1024**2
_CHUNK = 64 * 1024
_NOT_IN_A_TARGET = re.compile(r"[^\x21-\x7e]")


@dataclass(frozen=True, slots=True)
class Request:
    """A call to make. `timeout` is in seconds and covers all of it; `body` is sent as JSON, by POST, where given."""

    url: str = field(repr=False)
    timeout: float
    ssl_context: ssl.SSLContext | None = None
    body: Mapping[str, str] | None = field(default=None, repr=False)

    def send(self) -> bytes:
        """The body of the answer.

        Raises `SourceError`: bad_url, unreachable, timeout, bad_certificate, redirected, http_status, too_large,
        broken_answer. No message holds a user, a password or a query of the URL.
        """
        parts = _parts(self.url)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        connection = None
        late = threading.Event()
        began = time.monotonic()
        try:
            connection = self._connection(parts)
            connection.connect()
            with _cut_off(connection.sock, self.timeout - (time.monotonic() - began), late):
                return self._exchange(connection, parts, shown)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set() or isinstance(error, TimeoutError):
                raise SourceError(
                    "timeout", f"{shown} did not answer completely within {self.timeout:g} s; is it busy? Try again."
                ) from None
            raise _failure(shown, error) from None
        finally:
            if connection is not None:
                connection.close()

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, parts.port, timeout=self.timeout)
        context = self.ssl_context or ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=self.timeout, context=context)

    def _exchange(self, connection: http.client.HTTPConnection, parts: SplitResult, shown: str) -> bytes:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "application/json", "Connection": "close", **_authorization(parts)}
        if self.body is None:
            connection.request("GET", target, headers=headers)
        else:
            headers["Content-Type"] = "application/json"
            connection.request("POST", target, json.dumps(dict(self.body)).encode(), headers)
        response = connection.getresponse()
        if 300 <= response.status < 400:
            raise SourceError("redirected", f"{shown} redirects to another address; give the final address instead.")
        if response.status != 200:
            raise SourceError(
                "http_status", f"{shown} answered with status {response.status}; see the appliance's log."
            )
        return _read(response, shown)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        usable = usable and not _NOT_IN_A_TARGET.search(parts.path + parts.query)
    except ValueError:
        usable = False
    if not usable:
        raise _bad_url()
    return parts


def _bad_url() -> SourceError:
    return SourceError("bad_url", "The address of the appliance must be http(s)://host[:port]/path; correct it.")


def _authorization(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


@contextmanager
def _cut_off(connected: socket.socket, seconds: float, late: threading.Event) -> Iterator[None]:
    """A socket's timeout starts anew with each byte, so an answer that trickles in is cut off from outside."""

    def cut() -> None:
        late.set()
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(seconds, 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
        if late.is_set():
            raise TimeoutError
    finally:
        timer.cancel()


def _read(response: http.client.HTTPResponse, shown: str) -> bytes:
    promised = response.length
    body = bytearray()
    while len(body) <= BODY_LIMIT and (chunk := response.read(_CHUNK)):
        body += chunk
    if len(body) > BODY_LIMIT:
        raise SourceError(
            "too_large", f"{shown} answered with more than 64 MiB, so it was not read; ask for fewer VMs."
        )
    if promised is not None and len(body) < promised:
        raise http.client.IncompleteRead(b"")
    return bytes(body)


def _failure(shown: str, error: Exception) -> SourceError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return SourceError(
            "bad_certificate",
            f"The certificate of {shown} is not trusted ({error.verify_message}); trust its authority and try again.",
        )
    if isinstance(error, ValueError | http.client.InvalidURL):
        return _bad_url()
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return SourceError("unreachable", f"{shown} cannot be reached ({reason}); check the address and the network.")
    return SourceError("broken_answer", f"{shown} broke off its answer or does not speak HTTP; check the address.")
