"""Every reason why a vCenter cannot be read: provoked for real, told with its next step, without the password."""

import datetime
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from inventory.sources.records import SourceError
from inventory.sources.vcenter import VcenterSource, session
from tests.vcsim.server import Vcsim, running_vcsim

pytestmark = pytest.mark.no_database

USER = "hub@vsphere.local"
PASSWORD = "correct-horse-battery"


def source(server: Vcsim, **options) -> VcenterSource:
    trust = {"tls": "pinned", "thumbprint": server.thumbprint, "password": server.password}
    return VcenterSource(server.host, server.username, port=server.port, **{**trust, **options})


def stranger(port: int, **options) -> VcenterSource:
    limits = {"connect_timeout": 5, "read_timeout": 5, "tls": "insecure"}
    return VcenterSource("127.0.0.1", USER, PASSWORD, port=port, **{**limits, **options})


def refusal(reading: VcenterSource) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(reading.batches())
    return caught.value


def everything_said(error: BaseException) -> str:
    """As much as a debugging error page would show, with the local variables of every frame."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join([str(error), repr(error), repr(vars(error)), repr(error.__context__), *told.format()])


SINGLE_HOST = b"""<?xml version="1.0"?>
<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>
<RetrieveServiceContentResponse xmlns="urn:vim25">
<returnval><rootFolder type="Folder">ha-folder-root</rootFolder><propertyCollector type="PropertyCollector">ha-pc
</propertyCollector><about><name>VMware ESXi</name><fullName>VMware ESXi 8.0.2</fullName><apiType>HostAgent</apiType>
<apiVersion>8.0.2.0</apiVersion></about></returnval></RetrieveServiceContentResponse></e:Body></e:Envelope>"""


@contextmanager
def listening(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """The port of a TCP server that gives each connection to `answer`, and else says nothing."""
    kept = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                kept.append(server.accept()[0])
                answer(kept[-1])

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()


@pytest.fixture(scope="module")
def server_context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none) + certificate.public_bytes(encoding)
    file.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@contextmanager
def web_server(context: ssl.SSLContext, status: int, body: bytes = b"<html>Hello</html>") -> Iterator[int]:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_a_closed_port_is_unreachable():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    error = refusal(stranger(port))
    assert error.code == "unreachable"
    assert f"127.0.0.1:{port}" in str(error)
    assert "Check the host name, the port" in str(error)


@pytest.mark.parametrize("host", ["vcenter.invalid", "vcenter..invalid", "vcenter with blanks"])
def test_a_host_name_that_leads_nowhere_is_unreachable(host):
    error = refusal(VcenterSource(host, USER, PASSWORD, connect_timeout=5))
    assert error.code == "unreachable"
    assert host in str(error)


def test_a_server_that_accepts_and_says_nothing_is_a_timeout():
    with listening(lambda connection: None) as port:
        began = time.monotonic()
        error = refusal(stranger(port, connect_timeout=0.5, read_timeout=0.5))
    assert time.monotonic() - began < 10
    assert error.code == "timeout"
    assert "0.5 s to connect" in str(error)


@pytest.mark.parametrize("method", ["RetrieveServiceContent", "Login", "RetrievePropertiesEx"])
def test_a_vcenter_that_stops_answering_is_a_timeout(method):
    with running_vcsim(vms=1, delay={method: 30_000}) as vcsim:
        began = time.monotonic()
        error = refusal(source(vcsim, read_timeout=0.5))
        assert time.monotonic() - began < 20
        vcsim.kill()
    assert error.code == "timeout"
    assert "0.5 s for each read" in str(error)


def test_a_slow_vcenter_within_the_limit_is_read():
    with running_vcsim(vms=1, delay={"RetrievePropertiesEx": 200}) as vcsim:
        assert len(list(source(vcsim, connect_timeout=0.15, read_timeout=5).batches())) == 2


def test_a_self_signed_certificate_is_refused_even_on_loopback_and_the_message_says_how_to_trust_it():
    with running_vcsim(vms=1) as vcsim:
        error = refusal(source(vcsim, tls="verify"))
        assert vcsim.sessions() == 0
    assert error.code == "bad_certificate"
    assert vcsim.thumbprint.upper() in str(error)
    assert "certificate of its CA" in str(error)


def test_a_certificate_is_trusted_through_a_file_of_its_ca(tmp_path):
    ca_file = tmp_path / "ca.pem"
    with running_vcsim(vms=1) as vcsim:
        ca_file.write_text(vcsim.certificate)
        assert list(source(vcsim, tls="verify", ca_file=str(ca_file)).batches())


def test_ca_certificates_that_cannot_be_read_are_a_bad_certificate(tmp_path):
    with running_vcsim(vms=1) as vcsim:
        missing = refusal(source(vcsim, tls="verify", ca_file=str(tmp_path / "none.pem")))
        nonsense = refusal(source(vcsim, tls="verify", ca_data="nonsense"))
    assert missing.code == nonsense.code == "bad_certificate"
    assert "CA certificates given" in str(missing)


def test_a_pinned_certificate_is_trusted_in_any_common_notation():
    with running_vcsim(vms=1) as vcsim:
        digest = vcsim.thumbprint.upper()
        colons = ":".join(digest[i : i + 2] for i in range(0, 64, 2))
        assert list(source(vcsim, thumbprint=colons).batches())


@pytest.mark.parametrize("thumbprint", ["00" * 32, "00" * 20, "nonsense", None])
def test_another_thumbprint_than_the_pinned_one_is_refused_before_the_password_is_sent(thumbprint):
    with running_vcsim(vms=1) as vcsim:
        error = refusal(source(vcsim, thumbprint=thumbprint))
        assert vcsim.sessions() == 0
    assert error.code == "bad_certificate"


def test_the_pinned_certificate_is_compared_on_every_new_connection(monkeypatch):
    monkeypatch.setattr(session, "_IDLE_LIMIT", 0)
    with running_vcsim(vms=10) as first:
        batches = source(first).batches()
        next(batches)
        first.kill()
        with running_vcsim(vms=10, port=first.port), pytest.raises(SourceError) as caught:
            next(batches)
    assert caught.value.code == "bad_certificate"


def test_a_wrong_password_is_told_from_a_missing_right():
    with running_vcsim(vms=1) as vcsim:
        error = refusal(source(vcsim, password=PASSWORD))
    assert error.code == "wrong_password"
    assert vcsim.username in str(error)


@pytest.mark.parametrize("method", ["Login", "CreateContainerView", "RetrievePropertiesEx"])
def test_a_refused_method_is_no_permission(method):
    with running_vcsim(vms=1, refuse=(method,)) as vcsim:
        error = refusal(source(vcsim))
    assert error.code == "no_permission"
    assert "Read-only" in str(error)
    assert vcsim.username in str(error)


def test_a_user_who_is_shown_nothing_has_no_permission_rather_than_an_empty_estate():
    with running_vcsim(vms=0, datacenters=0) as vcsim:
        assert refusal(source(vcsim)).code == "no_permission"


def test_a_datacenter_that_does_not_exist_is_refused_with_those_that_do():
    with running_vcsim(vms=1, datacenters=2) as vcsim:
        error = refusal(source(vcsim, datacenter="Berlin"))
        assert vcsim.sessions() == 0
    assert error.code == "no_such_datacenter"
    assert "Berlin" in str(error)
    assert "DC0, DC1" in str(error)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b""),
        (200, b"<html>Hello<br></html>"),
        (200, b"<html>Hello</html>"),
        (200, b""),
        (500, b"<html>Hello</html>"),
        (500, b"Internal Server Error"),
        (302, b""),
    ],
)
def test_a_web_server_is_not_a_vcenter(server_context, status, body):
    with web_server(server_context, status, body) as port:
        error = refusal(stranger(port))
    assert error.code == "not_a_vcenter"
    assert f"127.0.0.1:{port}" in str(error)


def test_a_single_host_is_not_a_vcenter(server_context):
    with web_server(server_context, 200, SINGLE_HOST) as port:
        error = refusal(stranger(port))
    assert error.code == "not_a_vcenter"
    assert "VMware ESXi 8.0.2" in str(error)
    assert "name the vCenter that manages it" in str(error)


def test_a_server_without_tls_is_not_a_vcenter():
    with listening(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")) as port:
        assert refusal(stranger(port)).code == "not_a_vcenter"


def test_a_vcenter_whose_services_are_still_starting_is_unreachable(server_context):
    with web_server(server_context, 503) as port:
        error = refusal(stranger(port))
    assert error.code == "unreachable"
    assert "503" in str(error)


def test_a_vcenter_killed_in_the_middle_is_lost_and_what_came_before_stands():
    with running_vcsim(vms=10) as vcsim:
        batches = source(vcsim, batch_size=4).batches()
        next(batches)
        assert len(next(batches).vms) == 4
        vcsim.kill()
        with pytest.raises(SourceError) as caught:
            next(batches)
    assert caught.value.code == "lost"


def test_an_answer_that_breaks_off_is_lost_and_the_session_is_ended():
    with running_vcsim(vms=1, cut="RetrievePropertiesEx") as vcsim:
        assert refusal(source(vcsim)).code == "lost"
        assert vcsim.sessions() == 0


def test_a_session_ended_by_the_vcenter_is_lost():
    with running_vcsim(vms=10) as vcsim:
        batches = source(vcsim, batch_size=4).batches()
        assert [len(next(batches).vms) for _ in range(2)] == [0, 4]
        vcsim.end_other_sessions()
        with pytest.raises(SourceError) as caught:
            next(batches)
    assert caught.value.code == "lost"
    assert "ended the session" in str(caught.value)


def test_the_password_is_in_no_error_and_no_representation():
    errors = []
    with running_vcsim(vms=1, refuse=("RetrievePropertiesEx",)) as vcsim:
        errors.append(refusal(source(vcsim, password=PASSWORD)))
        errors.append(refusal(source(vcsim, tls="verify", password=PASSWORD)))
        allowed = refusal(source(vcsim))
        assert vcsim.password not in everything_said(allowed)
        assert vcsim.password not in repr(source(vcsim))
    errors.append(refusal(stranger(vcsim.port)))
    with running_vcsim(vms=1, cut="Login") as vcsim:
        errors.append(refusal(source(vcsim, password=PASSWORD)))
    assert {error.code for error in errors} == {"wrong_password", "bad_certificate", "unreachable", "lost"}
    for error in errors:
        assert error.__cause__ is None
        assert error.__context__ is None
        assert PASSWORD not in everything_said(error)


def test_an_unknown_way_of_trusting_is_refused_at_once():
    with pytest.raises(ValueError, match="verify, insecure, pinned"):
        VcenterSource("vcenter", USER, PASSWORD, tls="none")
