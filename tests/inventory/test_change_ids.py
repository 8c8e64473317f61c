"""What a change id is, for replication and for back-ups alike."""

import pytest

from backups.services.reporting import record_disk as record_copy
from backups.services.starting import create_backup
from config.demo.factories import ProtectionFactory
from config.jobs.engines import advance, complete, take_next
from config.refusals import Invalid
from inventory.change_ids import is_change_id, same_tracking, tracking_of
from replication.services.jobs import create_replication, record_disk
from tests.backups.vms import ENGINE, PERSON, repository_of, taken, vm_with_disks

VSPHERE = "52 a1 b2 c3 d4 e5 f6 07-18 29 3a 4b 5c 6d 7e 8f"
DASHED = "52a1b2c3-d4e5-f607-1829-3a4b5c6d7e8f"
PLAIN = "52a1b2c3d4e5f60718293a4b5c6d7e8f"
NONE = {
    "empty": "",
    "all areas, as vSphere writes that": "*",
    "no number": f"{DASHED}/",
    "no uuid": "/12",
    "no slash": DASHED,
    "two slashes": f"{DASHED}/1/2",
    "no uuid but a word": "another-uuid/5",
    "a uuid cut short": f"{DASHED[:-1]}/5",
    "a uuid of too much": f"{DASHED}ab/5",
    "a number below 0": f"{DASHED}/-1",
    "a number that is hexadecimal": f"{DASHED}/1f",
    "a number of other digits": f"{DASHED}/١٢",
    "spaces around": f" {DASHED}/12 ",
    "a line more": f"{DASHED}/12\n",
}


@pytest.mark.parametrize("tracking", [VSPHERE, DASHED, PLAIN, DASHED.upper()])
def test_a_change_id_is_a_uuid_and_a_number_and_its_tracking_is_one_however_it_is_written(tracking):
    assert tracking_of(f"{tracking}/12") == PLAIN
    assert same_tracking(f"{tracking}/12", f"{VSPHERE}/9")
    assert not same_tracking(f"{tracking}/12", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/9")


@pytest.mark.parametrize("text", [*NONE.values(), None], ids=[*NONE, "none at all"])
def test_what_is_no_change_id_is_of_no_tracking_not_even_of_that_of_another_such(text):
    assert not is_change_id(text)
    assert not same_tracking(text, text)


@pytest.mark.django_db
@pytest.mark.parametrize("text", list(filter(None, NONE.values())), ids=[name for name, text in NONE.items() if text])
def test_neither_a_replication_nor_a_back_up_goes_on_from_what_is_none(text):
    vm = vm_with_disks(count=1)
    ProtectionFactory.create(vm_context=vm)
    job = create_replication(vm, by=PERSON)
    fence = take_next(["replication"], engine="engine-1", by=ENGINE).fence
    advance(job.id, fence, "replicating", by=ENGINE)
    record_disk(job.id, fence, "disk-2000", status="completed", bytes_synced=1, change_id=text)
    complete(job.id, fence, by=ENGINE)
    disk = vm.disks.get()
    assert (disk.disk_change_id, disk.change_ids.get().invalid_reason) == (None, "malformed")

    backup = create_backup(vm, repository_of(vm), by=PERSON)
    fence = taken(backup)
    with pytest.raises(Invalid, match="A change_id is <uuid>/<number>; leave it out"):
        record_copy(backup.id, fence, "disk-2000", status="completed", bytes_stored=1, path="a/b", change_id=text)
    assert backup.disks.get().change_id is None
