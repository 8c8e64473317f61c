"""Where a vCenter is, who asks, how its certificate is trusted and how long an answer may take."""

import hashlib
import re
import ssl
from dataclasses import dataclass, field
from hmac import compare_digest
from http.client import HTTPSConnection

TLS_POLICIES = ("verify", "insecure", "pinned")
_DIGESTS = {64: hashlib.sha256, 40: hashlib.sha1}


class CertificateRefusedError(Exception):
    """The certificate, or what it is to be compared with, is not in order. The message says what."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One vCenter for one user. Times are in seconds; `str()` names it in messages and `repr()` holds no secret."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    tls: str
    ca_file: str | None
    ca_data: str | None = field(repr=False)
    thumbprint: str | None
    connect_timeout: float
    read_timeout: float
    time_limit: float | None = None
    """For all of a reading."""

    def __str__(self) -> str:
        return self.host if self.port == 443 else f"{self.host}:{self.port}"

    def ssl_context(self) -> ssl.SSLContext:
        """Always one: without it pyVmomi would not verify localhost.

        Raises `CertificateRefusedError` when the CA certificates cannot be read.
        """
        if self.tls != "verify":
            return _unverified()
        try:
            context = ssl.create_default_context(cafile=self.ca_file, cadata=self.ca_data)
        except (OSError, ValueError) as fault:
            raise CertificateRefusedError(f"the CA certificates given for it cannot be read ({fault})") from None
        # Python 3.13 demands extensions that the CAs of vCenters before 8.0 do not have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def check(self, certificate: bytes) -> None:
        """Raise `CertificateRefusedError` unless the DER certificate is the pinned one, where one is pinned."""
        if self.tls != "pinned":
            return
        wanted = re.sub(r"[\s:]", "", self.thumbprint or "").lower()
        digest = _DIGESTS.get(len(wanted))
        if digest is None:
            raise CertificateRefusedError("the thumbprint given is not one of SHA-256 (64 hex digits) or SHA-1 (40)")
        if not compare_digest(digest(certificate).hexdigest().encode(), wanted.encode()):
            raise CertificateRefusedError("its thumbprint is not the pinned one")

    def presented_thumbprint(self) -> str | None:
        """SHA-256 thumbprint of the certificate that the other side shows now; None if it shows none."""
        connection = HTTPSConnection(self.host, self.port, timeout=self.connect_timeout, context=_unverified())
        try:
            connection.connect()
            return hashlib.sha256(_certificate(connection)).hexdigest().upper()
        except OSError:
            return None
        finally:
            connection.close()


class Connection(HTTPSConnection):
    """Checks the certificate and limits each read on every connect.

    pyVmomi compares a thumbprint only after verification failed, turns verification off in the shared context
    then, and does not look again when it connects anew.
    """

    def __init__(self, host: str, port: int, *, context: ssl.SSLContext, endpoint: Endpoint) -> None:
        super().__init__(host, port, context=context, timeout=endpoint.connect_timeout)
        self._endpoint = endpoint

    def connect(self) -> None:
        super().connect()
        try:
            self._endpoint.check(_certificate(self))
        except CertificateRefusedError:
            self.close()
            raise
        self.sock.settimeout(self._endpoint.read_timeout)


def _certificate(connection: HTTPSConnection) -> bytes:
    return connection.sock.getpeercert(binary_form=True) or b""


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
