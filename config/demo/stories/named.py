"""What happened to each of the ten named VMs. What the seeds tell keeps its own time, all else is told from now."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from config.demo.chance import chance
from config.demo.factories import ReplicationSlotFactory, TargetVolumeFactory
from config.demo.stories.backups import back_up, by_the_clock, restore
from config.demo.stories.failovers import fail_over, up_to
from config.demo.stories.part import Part
from config.demo.stories.replication import invalidate as invalidate_bases
from config.demo.stories.replication import keep_current, replicate
from config.jobs.slots import Outcome
from failover.models import Purpose
from replication.models import InvalidReason, VolumeStatus

GIB = 2**30


def pgtest1(part: Part) -> None:
    """Seed 000: discovered, never replicated, and backed up all the same."""
    full = back_up(part, chance.ago(hours=26))
    newest = back_up(part, chance.ago(hours=2), parent=full)
    restore(part, newest, chance.ago(minutes=40), "pending running mounted", mount=True, destination="/mnt/pgtest1")
    restore(part, full, chance.ago(minutes=3), "pending", destination="/srv/restored/pgtest1")


def pgwintestbios(part: Part) -> None:
    """Seed 001: replicated, tested once, long ago. The times inside its identifiers are local ones of that summer."""
    part.volume_of(
        part.disks[0],
        volume_id="e915ef05-ddf5-48d5-8352-a01300609717",
        device_path="/dev/vdb",
        created_at=datetime(2025, 8, 18, 14, 35, 21, tzinfo=UTC),
    )
    replicate(
        part, datetime(2025, 8, 18, 14, 35, 21, tzinfo=UTC), id=chance.identifier("job", "20250818-153521"), minutes=9
    )
    fail_over(
        part,
        Purpose.TEST,
        datetime.fromtimestamp(1755530108, UTC),
        aftermath="due cleanup cleaned",
        job_id=chance.identifier("test-failover-4205a841-0265-f4bd-39a6-39fd92196f53-1755530108"),
    )
    keep_current(part, 50, 26, 2)
    full = back_up(part, chance.ago(days=7))
    back_up(part, chance.ago(days=6), "pending running failed", parent=full, reason="The repository was full.")
    back_up(part, chance.ago(days=5), "pending cancelled", parent=full, reason="The repository is being repaired.")
    newest = back_up(
        part, chance.ago(days=4), parent=full, is_protected=True, verified_at=chance.ago(days=3), verified_good=True
    )
    restore(part, newest, chance.ago(days=2), "pending running failed", reason="No space left at the destination.")
    restore(part, newest, chance.ago(days=2, hours=-1), "pending cancelled", reason="Asked for twice.")


def production_vm(part: Part) -> None:
    """Seed 001's live example: it runs at the target since, and is protected no more."""
    replicate(part, datetime(2025, 8, 18, 15, 0, tzinfo=UTC), id=chance.identifier("job", "20250818-160000"), minutes=5)
    fail_over(
        part,
        Purpose.LIVE,
        datetime.fromtimestamp(1755530200, UTC),
        aftermath="due committed",
        reason="The application team accepted it.",
        job_id=chance.identifier("live-failover-1234-5678-abcd-1755530200"),
        destination_vm_id="ossea-vm-prod-12345",
        snapshot_ids=("snapshot-backup-67890",),
    )


def web_01(part: Part) -> None:
    """Replicated, tested twice, with a run at work now."""
    keep_current(part, 24 * 20)
    fail_over(
        part,
        Purpose.TEST,
        chance.ago(days=15),
        up_to("powering_on", "failed"),
        aftermath="due cleanup cleaned",
        reason="The new VM got no address in 60 s.",
    )
    keep_current(part, 24 * 14)
    fail_over(part, Purpose.TEST, chance.ago(days=10), aftermath="due cleanup cleaned")
    replicate(part, chance.ago(days=9.9), "pending running cancelled", reason="Started by mistake.")
    keep_current(part, 24 * 9.8, 26, 4, 2)
    full = back_up(part, chance.ago(days=3))
    second = back_up(part, chance.ago(days=2), parent=full)
    third = back_up(part, chance.ago(days=1), parent=second, locked_until=chance.ago(days=-13))
    by_the_clock(part, third)
    part.add(
        ReplicationSlotFactory.build(
            vm_context=part.vm, slot_at=chance.ago(days=3), outcome=Outcome.SKIPPED, reason="A back-up was at work."
        )
    )
    restore(part, third, chance.ago(hours=20), "pending running mounted unmounted", mount=True, minutes=25)
    restore(part, second, chance.ago(hours=18), "pending running completed", destination="/srv/restored/web-01")
    replicate(part, chance.ago(minutes=14), "pending running replicating")


def legacy_billing(part: Part) -> None:
    """Whatever can go wrong: failed runs, a disk that has grown, a volume in error, a failover rolled back."""
    first, second, removed = part.all_disks
    grown, first.capacity_bytes = first.capacity_bytes, 16 * GIB
    keep_current(part, 24 * 40)
    fail_over(part, Purpose.TEST, chance.ago(days=36), up_to("pending", "cancelled"), reason="Planned for May.")
    fail_over(part, Purpose.LIVE, chance.ago(days=35), up_to("validating", "cancelled"), reason="Power came back.")
    keep_current(part, 24 * 34)
    no_room = "The primary storage has no room for a snapshot."
    fail_over(part, Purpose.TEST, chance.ago(days=33), up_to("snapshotting", "failed"), reason=no_room)
    fail_over(
        part,
        Purpose.LIVE,
        chance.ago(days=30),
        up_to("creating_vm", "failed"),
        aftermath="due reverting rolled_back",
        reason="The cloud has no offering of this size.",
    )
    first.capacity_bytes = grown
    replicate(part, chance.ago(days=9), "pending failed", reason="The source is powered off and has no snapshot.")
    replicate(part, chance.ago(days=8.5), "pending running replicating failed", reason="The volume reports an error.")
    fail_over(part, Purpose.TEST, chance.ago(days=8), up_to("validating", "failed"), reason="DISK.RESIZED: disk-2000")
    fail_over(
        part,
        Purpose.TEST,
        chance.ago(minutes=2),
        "pending",
        override_by="operator",
        override_reason="Only to see how far it gets.",
    )
    part.volume_of(second).status = VolumeStatus.ERROR
    part.volume_of(removed).status = VolumeStatus.DETACHED
    part.add(
        TargetVolumeFactory.build(
            volume_name="spare-8g",
            status=VolumeStatus.AVAILABLE,
            vm_disk=None,
            target=part.target,
            size_bytes=removed.capacity_bytes,
        )
    )


def db_primary(part: Part) -> None:
    """Tested with its recovery plan, and in another test of it, which waits for a person."""
    keep_current(part, 24 * 11)
    fail_over(part, Purpose.TEST, chance.ago(days=10, minutes=30), aftermath="due cleanup cleaned")
    keep_current(part, 200, 100, 50, 25, 6)
    parent = back_up(part, chance.ago(days=5), minutes=40)
    for days in (4, 3, 2, 1):
        parent = back_up(part, chance.ago(days=days), parent=parent)
    fail_over(part, Purpose.TEST, chance.ago(minutes=95), minutes=4, aftermath="due")


def erp_app(part: Part) -> None:
    """A snapshot was reverted, so a full run came after; a back-up is at work."""
    keep_current(part, 49, 31)
    invalidate_bases(part, InvalidReason.REVERTED, chance.ago(hours=30))
    keep_current(part, 25, 5)
    full = back_up(part, chance.ago(days=3))
    second = back_up(part, chance.ago(days=1), parent=full)
    restore(part, second, chance.ago(minutes=12), "pending running", destination="/srv/restored/erp-app")
    back_up(part, chance.ago(minutes=20), "pending running", parent=second)


def mail_gateway(part: Part) -> None:
    """Failed over for real, and nobody has accepted it yet."""
    keep_current(part, 60, 12)
    fail_over(part, Purpose.LIVE, chance.ago(minutes=40), aftermath="due")


def edge_collector(part: Part) -> None:
    """Hardly known, and waiting for an engine."""
    replicate(part, chance.ago(minutes=12), "pending")


def build_runner(part: Part) -> None:
    """Its engine has gone silent in the first run: the job is lost, and holds the claim."""
    replicate(part, chance.ago(hours=3), "pending running", heartbeat_at=chance.now() - timedelta(hours=2, minutes=50))


STORIES: dict[str, Callable[[Part], None]] = {
    "pgtest1": pgtest1,
    "PGWINTESTBIOS": pgwintestbios,
    "ProductionVM": production_vm,
    "web-01": web_01,
    "legacy-billing": legacy_billing,
    "db-primary": db_primary,
    "erp-app": erp_app,
    "mail-gateway": mail_gateway,
    "edge-collector": edge_collector,
    "build-runner": build_runner,
}
