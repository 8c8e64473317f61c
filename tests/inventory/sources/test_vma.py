import contextlib
import datetime
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from inventory.sources.records import Batch, Disk, Finding, NetworkInterface, Origin, SourceError, VirtualMachine
from inventory.sources.vma import VmaSource

pytestmark = pytest.mark.no_database

BIOS_UUID = "420f9a4c-0000-4000-8000-00000000000a"


def machine(name: str = "pgtest1", **changes: Any) -> dict[str, Any]:
    return {
        "id": BIOS_UUID,
        "name": name,
        "path": f"/DC1/vm/{name}",
        "datacenter": "",
        "power_state": "poweredOn",
        "guest_os": "",
        "memory_mb": 8192,
        "num_cpu": 0,
        "cpus": 2,
        "os_type": "windows",
        "vmx_version": "vmx-19",
        "display_name": name,
        "annotation": " the database ",
        "folder_path": "/DC1/vm",
        "vmware_tools_status": "toolsOk",
        "vmware_tools_version": "12352",
        "disks": [disk()],
        "networks": [network()],
        **changes,
    }


def disk(key: str = "disk-2000", **changes: Any) -> dict[str, Any]:
    return {
        "id": key,
        "label": "Hard disk 1",
        "path": "[ds1] pgtest1/pgtest1.vmdk",
        "vmdk_path": "[ds1] pgtest1/pgtest1.vmdk",
        "size_gb": 102,
        "capacity_bytes": 109_521_666_048,
        "datastore": "ds1",
        "provisioning_type": "thin",
        "unit_number": 0,
        **changes,
    }


def network(**changes: Any) -> dict[str, Any]:
    return {
        "label": "Network adapter 1",
        "network_name": "VLAN 253",
        "adapter_type": "vmxnet3",
        "mac_address": "00:50:56:AB:00:01",
        "connected": True,
        "type": "",
        **changes,
    }


def answer(*vms: Any, **changes: Any) -> bytes:
    vcenter = {"host": "vc1.example", "datacenter": "DC1"}
    return json.dumps({"vcenter": vcenter, "vms": list(vms), **changes}).encode()


def vms(batches: list[Batch]) -> list[VirtualMachine]:
    return [vm for batch in batches for vm in batch.vms]


def findings(batches: list[Batch]) -> list[Finding]:
    """All but the one that every answer of an appliance earns."""
    return [found for batch in batches for found in batch.findings if found.code != "weak_identity"]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Batch]]:
    def read(body: bytes, *names: str) -> list[Batch]:
        path = tmp_path / "answer.json"
        path.write_bytes(body)
        return list(VmaSource.from_file(path).batches(names))

    return read


class TestWhatIsRead:
    def test_a_vm_has_its_disks_by_device_key_and_its_interfaces(self, read):
        second = disk(
            "disk-2001", label="Hard disk 2", capacity_bytes=5_368_709_120, unit_number=1, provisioning_type="thick"
        )
        (batch,) = read(answer(machine(disks=[second, disk()])))
        assert batch.origin == Origin("vc1.example")
        path = "[ds1] pgtest1/pgtest1.vmdk"
        assert batch.vms == (
            VirtualMachine(
                name="pgtest1",
                bios_uuid=BIOS_UUID,
                path="/DC1/vm/pgtest1",
                datacenter="DC1",
                cpu_count=2,
                memory_mb=8192,
                os_type="windows",
                vm_tools_version="12352",
                display_name="pgtest1",
                annotation="the database",
                power_state="poweredOn",
                disks=(
                    Disk(2000, path, "ds1", "Hard disk 1", "thin", None, 0, 109_521_666_048),
                    Disk(2001, path, "ds1", "Hard disk 2", "thick", None, 1, 5_368_709_120),
                ),
                interfaces=(
                    NetworkInterface(
                        "mac:00:50:56:ab:00:01", "Network adapter 1", "VLAN 253", "00:50:56:ab:00:01", "vmxnet3", True
                    ),
                ),
            ),
        )

    def test_an_id_that_is_the_smbios_uuid_is_weak_and_a_moref_is_not(self, read):
        (batch,) = read(answer(machine(), machine("other", id="vm-12")))
        assert [(vm.bios_uuid, vm.moref, vm.instance_uuid) for vm in batch.vms] == [
            (BIOS_UUID, None, None),
            (None, "vm-12", None),
        ]
        (weak,) = batch.findings
        assert (weak.code, weak.severity, weak.vm_name) == ("weak_identity", "warning", None)
        assert "1 of 2" in weak.message

    def test_what_the_appliance_does_not_know_is_none(self, read):
        blank = machine(
            id="",
            path="",
            power_state="unknown",
            guest_os="",
            os_type="unknown",
            memory_mb=0,
            cpus=0,
            annotation="",
            vmware_tools_version="",
            display_name="",
            disks=[],
            networks=None,
        )
        batches = read(answer(blank))
        assert vms(batches) == [VirtualMachine(name="pgtest1", datacenter="DC1")]
        assert [(found.code, found.column) for found in findings(batches)] == [
            ("disks_unknown", "vms[0].disks"),
            ("interfaces_unknown", "vms[0].networks"),
        ]

    def test_a_vm_whose_configuration_is_known_may_have_no_disks(self, read):
        batches = read(answer(machine(disks=[], networks=[])))
        assert (vms(batches)[0].disks, vms(batches)[0].interfaces) == ((), ())
        assert findings(batches) == []

    @pytest.mark.parametrize(
        "stand_in",
        [
            "ERROR-NULL-BACKING",
            "STD-REF-network-12",
            "DVS-PG-dvportgroup-77",
            "DVS-SWITCH-50 1e 2f",
            f"NSX-{BIOS_UUID}",
        ],
    )
    def test_a_network_that_could_not_be_named_has_no_name(self, read, stand_in):
        batches = read(answer(machine(networks=[network(network_name=stand_in)])))
        assert vms(batches)[0].interfaces[0].network is None
        assert [found.code for found in findings(batches)] == ["network_unnamed"]

    def test_a_size_in_gigabytes_is_never_taken_for_the_capacity(self, read):
        batches = read(answer(machine(disks=[disk(capacity_bytes=0)])))
        assert vms(batches)[0].disks[0].capacity_bytes is None
        assert [found.code for found in findings(batches)] == ["capacity_unknown"]

    def test_names_select_exactly_these_vms(self, read):
        body = answer(machine("web"), machine("Web", path=7), machine("web1", id="vm-3"))
        assert [vm.name for vm in vms(read(body, "web"))] == ["web"]
        assert findings(read(body, "web")) == []

    def test_batches_hold_at_most_500_vms(self, tmp_path):
        path = tmp_path / "answer.json"
        path.write_bytes(answer(*(machine(f"vm{n}", id=f"vm-{n}") for n in range(1001))))
        source = VmaSource.from_file(path)
        assert source.total is None
        assert [len(batch.vms) for batch in source.batches()] == [500, 500, 1]
        assert source.total == 1001

    @pytest.mark.parametrize("none", [answer(), answer(vms=None)])
    def test_an_answer_without_vms_is_an_empty_batch(self, read, none):
        assert read(none) == [Batch(origin=Origin("vc1.example"))]


class TestShapesThatAreWrong:
    @pytest.mark.parametrize(
        ("change", "code", "column"),
        [
            ({"name": "  "}, "missing_name", "vms[0].name"),
            ({"name": None}, "missing_name", "vms[0].name"),
            ({"name": 7}, "bad_value", "vms[0].name"),
            ({"disks": {}}, "wrong_shape", "vms[0].disks"),
            ({"disks": [disk(), None]}, "wrong_shape", "vms[0].disks[1]"),
            ({"disks": [disk("first")]}, "bad_disk_id", "vms[0].disks[0].id"),
            ({"disks": [disk(None)]}, "bad_disk_id", "vms[0].disks[0].id"),
            ({"disks": [disk(), disk()]}, "duplicate_disk", "vms[0].disks"),
            ({"networks": "none"}, "wrong_shape", "vms[0].networks"),
        ],
    )
    def test_a_vm_that_cannot_be_taken_as_a_whole_is_left_out(self, read, change, code, column):
        batches = read(answer(machine(**{"name": "bad", **change}), machine("good")))
        assert [vm.name for vm in vms(batches)] == ["good"]
        (found,) = findings(batches)
        assert (found.code, found.column, found.severity) == (code, column, "error")
        assert found.vm_name == (None if "name" in change else "bad")

    @pytest.mark.parametrize(
        ("change", "code", "name"),
        [
            ({"name": ""}, "missing_name", None),
            ({"name": "bad", "disks": {}}, "wrong_shape", "bad"),
            ({"name": "b\x00ad"}, "bad_value", "b\ufffdad"),
            ({"name": "b\ud800ad"}, "bad_value", "b\ufffdad"),
        ],
    )
    def test_a_vm_that_is_left_out_says_by_what_it_is_known(self, read, change, code, name):
        uuid = "5000fa11-0000-4000-8000-000000000002"
        batches = read(answer(machine("good"), machine(id="vm-2", **{"instance_uuid": uuid.upper(), **change})))
        assert [vm.name for vm in vms(batches)] == ["good"]
        (found,) = findings(batches)
        assert (found.code, found.severity, found.vm_name) == (code, "error", name)
        assert (found.moref, found.instance_uuid) == ("vm-2", uuid)

    def test_a_vm_may_be_called_unknown(self, read):
        assert [vm.name for vm in vms(read(answer(machine("Unknown"))))] == ["Unknown"]

    @pytest.mark.parametrize("text", ["a\x00b", "a\udcffb"])
    def test_what_no_database_can_hold_is_unknown_and_told_without_it(self, read, text):
        batches = read(answer(machine(disks=[disk(label=text, path=text, vmdk_path=text)], annotation=text)))
        (vm,) = vms(batches)
        assert (vm.annotation, vm.disks[0].label, vm.disks[0].vmdk_path) == (None, None, None)
        for found in findings(batches):
            assert found.code == "bad_value"
            assert not {"\x00", "\udcff"} & set(found.message)

    @pytest.mark.parametrize(
        ("change", "column"),
        [
            ({"memory_mb": "much"}, "vms[0].memory_mb"),
            ({"memory_mb": -1}, "vms[0].memory_mb"),
            ({"cpus": True}, "vms[0].cpus"),
            ({"cpus": 1.5}, "vms[0].cpus"),
            ({"annotation": {}}, "vms[0].annotation"),
            ({"annotation": "\ud800"}, "vms[0].annotation"),
            ({"power_state": "on fire"}, "vms[0].power_state"),
            ({"id": "somewhere"}, "vms[0].id"),
            ({"disks": [disk(unit_number="x")]}, "vms[0].disks[0].unit_number"),
            ({"networks": [network(mac_address="00:50")]}, "vms[0].networks[0].mac_address"),
            ({"networks": [network(connected="yes")]}, "vms[0].networks[0].connected"),
        ],
    )
    def test_a_wrong_fact_is_found_by_its_path_and_costs_nothing_else(self, read, change, column):
        batches = read(answer(machine(**change)))
        assert len(vms(batches)) == 1
        (found,) = findings(batches)
        assert (found.code, found.column, found.severity, found.vm_name) == ("bad_value", column, "warning", None)

    @pytest.mark.parametrize("second", [network(), network(mac_address="", label="")])
    def test_interfaces_that_cannot_be_told_apart_are_unknown(self, read, second):
        batches = read(answer(machine(networks=[network(), second])))
        assert vms(batches)[0].interfaces is None
        assert [found.code for found in findings(batches)] == ["duplicate_interface"]

    def test_something_else_than_a_vm_is_a_finding(self, read):
        batches = read(answer("web", machine()))
        assert len(vms(batches)) == 1
        assert [(found.code, found.column) for found in findings(batches)] == [("wrong_shape", "vms[0]")]

    @pytest.mark.parametrize(("identity", "code"), [("vm-1", "duplicate_vm"), (BIOS_UUID, "name_conflict")])
    def test_vms_with_one_identity_are_all_left_out(self, read, identity, code):
        batches = read(answer(machine("web", id=identity), machine("web", id=identity), machine("db")))
        assert [vm.name for vm in vms(batches)] == ["db"]
        assert [(found.code, found.vm_name, found.column) for found in findings(batches)] == [
            (code, "web", "vms[0]"),
            (code, "web", "vms[1]"),
        ]
        moref = "vm-1" if code == "duplicate_vm" else None
        assert [found.moref for found in findings(batches)] == [moref, moref]


class TestAnswersThatCannotBeRead:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", "not_json"),
            (b"<html>not here</html>", "not_json"),
            (answer(machine())[:-5], "not_json"),
            (b'{"vms": [{"memory_mb": NaN}]}', "not_json"),
            (b"[" * 100_000, "not_json"),
            (b"\xff\xfe\xfd", "not_json"),
            (b"[]", "wrong_shape"),
            (b'{"error": "no such vCenter"}', "wrong_shape"),
            (answer(vms={}), "wrong_shape"),
            (answer(vcenter="vc1"), "wrong_shape"),
        ],
    )
    def test_what_is_no_answer_of_an_appliance(self, read, body, code):
        with pytest.raises(SourceError) as caught:
            read(body)
        assert caught.value.code == code

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(SourceError) as caught:
            list(VmaSource.from_file(tmp_path / "nothing.json").batches())
        assert caught.value.code == "not_found"

    def test_a_folder(self, tmp_path):
        with pytest.raises(SourceError) as caught:
            list(VmaSource.from_file(tmp_path).batches())
        assert caught.value.code == "not_readable"

    @pytest.mark.parametrize("path", ["", ".", "x" * 300, "a\x00b", "\ud800.json"])
    def test_a_path_that_is_none(self, path):
        with pytest.raises(SourceError) as caught:
            list(VmaSource.from_file(path).batches())
        assert caught.value.code == "not_readable"

    def test_a_device_without_end(self):
        with pytest.raises(SourceError) as caught:
            list(VmaSource.from_file("/dev/zero").batches())
        assert caught.value.code == "too_large"

    def test_a_file_beyond_64_mebibytes(self, tmp_path):
        with (tmp_path / "huge.json").open("wb") as file:
            file.truncate(64 * 1024**2 + 1)
        with pytest.raises(SourceError) as caught:
            list(VmaSource.from_file(tmp_path / "huge.json").batches())
        assert caught.value.code == "too_large"


Answer = Callable[[BaseHTTPRequestHandler], None]


class Appliance:
    """A real HTTP server on a free port of this machine, which answers as it is told."""

    def __init__(self, respond: Answer, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        appliance = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                appliance.requests.append((self.command, self.path, dict(self.headers), body))
                with contextlib.suppress(OSError):
                    respond(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}/api/v1/discover"


@contextlib.contextmanager
def appliance(respond: Answer, context: ssl.SSLContext | None = None) -> Iterator[Appliance]:
    running = Appliance(respond, context)
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        running.server.shutdown()
        thread.join()
        running.server.socket.close()


def reply(body: bytes, status: int = 200, **headers: str) -> Answer:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def failure(url: str, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(VmaSource.from_url(url, **options).batches())
    return caught.value


class TestHttp:
    def test_an_appliance_is_asked_by_get(self):
        with appliance(reply(answer(machine()))) as running:
            assert len(vms(list(VmaSource.from_url(running.url).batches()))) == 1
        assert running.requests[0][:2] == ("GET", "/api/v1/discover")

    def test_an_appliance_is_asked_by_post_where_a_request_is_given(self):
        request = {"vcenter": "vc1", "username": "u", "password": "p", "datacenter": "DC1"}
        with appliance(reply(answer(machine()))) as running:
            list(VmaSource.from_url(running.url, request=request).batches())
        method, _, headers, body = running.requests[0]
        assert (method, headers["Content-Type"], json.loads(body)) == ("POST", "application/json", request)

    @pytest.mark.parametrize(
        ("request_", "answered", "covered"),
        [
            (None, "DC1", set()),
            ({"datacenter": "DC1"}, "DC1", {"DC1"}),
            ({"datacenter": " DC1 ", "filter": " "}, "", {"DC1"}),
            ({}, "DC1", {"DC1"}),
            ({}, "", set()),
            ({"datacenter": "DC1", "filter": "web*"}, "DC1", set()),
            ({"datacenter": "DC1"}, "DC2", set()),
            ({"datacenter": "folder/DC1"}, "", set()),
        ],
    )
    def test_one_datacenter_is_covered_where_it_was_asked_for_without_a_filter(self, request_, answered, covered):
        body = answer(
            *(machine(f"vm{n}", id=f"vm-{n}") for n in range(501)),
            vcenter={"host": "vc1.example", "datacenter": answered},
        )
        with appliance(reply(body)) as running:
            batches = list(VmaSource.from_url(running.url, request=request_).batches())
        assert [batch.covers for batch in batches] == [frozenset(covered)] * 2
        if covered:
            assert {vm.datacenter for vm in vms(batches)} == covered

    def test_a_vm_that_nothing_is_known_of_might_be_any_that_is_not_found(self):
        with appliance(reply(answer(machine(), "web"))) as running:
            (batch,) = VmaSource.from_url(running.url, request={"datacenter": "DC1"}).batches()
        assert batch.covers == frozenset()

    def test_a_saved_answer_covers_nothing(self, read):
        assert [batch.covers for batch in read(answer(machine()))] == [frozenset()]

    def test_credentials_of_the_url_are_sent_and_never_said(self):
        with appliance(reply(b"no", 401)) as running:
            url = running.url.replace("127.0.0.1", "me:p%40ss@127.0.0.1") + "?token=t0ken"
            error = failure(url)
        assert running.requests[0][2]["Authorization"] == "Basic bWU6cEBzcw=="
        assert running.requests[0][1].endswith("?token=t0ken")
        assert error.code == "http_status"
        assert "401" in str(error)
        for secret in ("me:", "p%40ss", "p@ss", "t0ken"):
            assert secret not in str(error)
            assert secret not in repr(VmaSource.from_url(url))
        assert error.__cause__ is None

    def test_a_proxy_of_the_environment_is_not_used(self, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        with appliance(reply(answer(machine()))) as running:
            assert list(VmaSource.from_url(running.url).batches())

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_a_redirect_is_not_followed(self, status):
        with (
            appliance(reply(answer(machine()))) as elsewhere,
            appliance(reply(b"", status, Location=elsewhere.url)) as running,
        ):
            assert failure(running.url).code == "redirected"
        assert elsewhere.requests == []

    def test_an_appliance_that_is_not_there(self):
        with appliance(reply(b"")) as gone:
            pass
        assert failure(gone.url).code == "unreachable"

    def test_a_name_that_nobody_knows(self):
        assert failure("http://no-such-host.invalid/").code == "unreachable"

    def test_an_appliance_that_says_nothing(self):
        with appliance(lambda handler: time.sleep(4)) as running:
            began = time.monotonic()
            assert failure(running.url, timeout=0.2).code == "timeout"
            assert time.monotonic() - began < 3

    @pytest.mark.parametrize("tls", [False, True])
    def test_an_answer_that_trickles_in_is_cut_off_though_no_single_wait_is_long(self, tls, certificate):
        def trickle(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            for _ in range(120):
                handler.wfile.write(b" ")
                time.sleep(0.05)

        with appliance(trickle, certificate.server() if tls else None) as running:
            began = time.monotonic()
            context = certificate.client() if tls else None
            assert failure(running.url, timeout=0.4, ssl_context=context).code == "timeout"
            assert time.monotonic() - began < 4

    def test_an_answer_that_breaks_off(self):
        with appliance(reply(answer(machine()), Content_Length="100000")) as running:
            assert failure(running.url).code == "broken_answer"

    def test_a_server_that_does_not_speak_http(self):
        with appliance(lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")) as running:
            assert failure(running.url).code == "broken_answer"

    def test_a_page_for_people(self):
        with appliance(reply(b"<html></html>")) as running:
            assert failure(running.url).code == "not_json"

    def test_an_answer_beyond_64_mebibytes_is_not_read_to_its_end(self):
        def endless(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            block = b" " * 1024**2
            for _ in range(200):
                handler.wfile.write(block)

        with appliance(endless) as running:
            assert failure(running.url).code == "too_large"

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://vma/",
            "vma:8080",
            "",
            "http://",
            "http://vma:x/",
            "http://[::1/",
            "http://v/a b",
            "http://vma .example/",
            "http://\ud800/",
        ],
    )
    def test_an_address_that_is_none(self, url):
        assert failure(url).code == "bad_url"


class Certificate:
    """A self-signed certificate for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vma.test")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        self._file = folder / "vma.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._file.write_bytes(secret + self.pem.encode())

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._file)
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.pem)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"))


class TestTls:
    def test_a_certificate_that_is_trusted_is_accepted(self, certificate):
        with appliance(reply(answer(machine())), certificate.server()) as running:
            source = VmaSource.from_url(running.url, ssl_context=certificate.client())
            assert len(vms(list(source.batches()))) == 1

    def test_a_certificate_that_nobody_signed_is_refused(self, certificate):
        with appliance(reply(answer(machine())), certificate.server()) as running:
            assert failure(running.url).code == "bad_certificate"
        assert running.requests == []

    def test_a_certificate_of_another_host_is_refused(self, certificate):
        with appliance(reply(answer(machine())), certificate.server()) as running:
            url = running.url.replace("127.0.0.1", "localhost")
            assert failure(url, ssl_context=certificate.client()).code == "bad_certificate"

    def test_an_appliance_that_speaks_no_tls(self):
        with appliance(reply(answer(machine()))) as running:
            assert failure(running.url.replace("http:", "https:")).code == "unreachable"
