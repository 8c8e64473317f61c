"""The discoveries that were asked for: the queue is their runs, each taken by one UPDATE and held by a lease."""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from config.schema.fields import UtcNow
from inventory.models import DiscoveryRun, RunStatus, SourceKind, Vcenter
from inventory.secret_fields import SecretUnreadable
from inventory.services.discovery import discover
from inventory.services.vcenters import Unresolved, open_vcenter, same_vcenter
from inventory.sources.facts import storable
from inventory.sources.records import SourceError

LEASE_SECONDS = 60
ATTEMPTS = 3
"""How often a run is begun whose worker is lost each time: perhaps it is the run that kills it."""
LOOKED_AT = 20

log = logging.getLogger(__name__)


def request_run(vcenter: Vcenter, names: Collection[str] = (), *, by: str) -> DiscoveryRun:
    """Have a worker discover this vCenter, or its VMs of these names. Raises Unresolved, SecretUnreadable."""
    open_vcenter(vcenter)
    return _waiting(vcenter, list(dict.fromkeys(names)), by, attempt=1)


def do_next_run() -> bool:
    """Read the source of the run that waits longest; False where none waits. What it meets stands in the run."""
    end_lost_runs()
    run = _take()
    if run is None:
        return False
    assert run.vcenter is not None
    try:
        source = open_vcenter(run.vcenter, time_limit=settings.DISCOVERY_RUN_SECONDS or None)
    except (Unresolved, SecretUnreadable) as error:
        code = "no_credentials" if isinstance(error, Unresolved) else "secret_unreadable"
        mine = DiscoveryRun.objects.filter(pk=run.pk, status=RunStatus.RUNNING)
        mine.update(**_ended(code, str(error)))
        return True
    with _reporting(run):
        try:
            discover(
                source,
                source_name=run.source_name,
                find_vcenter=same_vcenter(run.vcenter, dry_run=False),
                by=run.added_by or "worker",
                names=run.names_asked_for or (),
                run=run,
            )
        except SourceError as error:
            log.warning("discovery run %s failed: %s", run.pk, error.code)
    return True


def end_lost_runs() -> None:
    """End the runs whose reader is silent for longer than it may be, and have those that waited begun again."""
    for run in DiscoveryRun.objects.lost().select_related("vcenter")[:LOOKED_AT]:
        again = run.lease_seconds is not None and run.attempt < ATTEMPTS
        then = "it is begun again." if again else "begin it again once you know why."
        seen = {"status": RunStatus.RUNNING, "heartbeat_at": run.heartbeat_at, "updated_at": run.updated_at}
        with transaction.atomic():
            if not DiscoveryRun.objects.filter(pk=run.pk, **seen).update(
                **_ended("lost", f"Who read the source stopped without a word: {then}")
            ):
                continue
            if again and run.vcenter is not None:
                _waiting(run.vcenter, run.names_asked_for or [], run.added_by or "worker", attempt=run.attempt + 1)
        log.warning("discovery run %s was lost: %s", run.pk, then)


def _waiting(vcenter: Vcenter, names: list[str], by: str, *, attempt: int) -> DiscoveryRun:
    return DiscoveryRun.objects.create(
        vcenter=vcenter,
        source_kind=SourceKind.VCENTER,
        source_name=storable(vcenter.host or vcenter.name)[:255],
        added_by=storable(by)[:255],
        names_asked_for=[storable(name) for name in names] or None,
        status=RunStatus.WAITING,
        started_at=timezone.now(),
        attempt=attempt,
    )


def _take() -> DiscoveryRun | None:
    waiting = DiscoveryRun.objects.filter(status=RunStatus.WAITING)
    for key in waiting.order_by("started_at", "pk").values_list("pk", flat=True)[:LOOKED_AT]:
        if waiting.filter(pk=key).update(
            status=RunStatus.RUNNING,
            started_at=UtcNow(),
            updated_at=UtcNow(),
            heartbeat_at=UtcNow(),
            lease_seconds=LEASE_SECONDS,
        ):
            return DiscoveryRun.objects.select_related("vcenter__organization").get(pk=key)
    return None


@contextmanager
def _reporting(run: DiscoveryRun) -> Iterator[None]:
    """Report for the run, three times in each lease, while the source is read: an answer of it may take as long."""
    done = Event()

    def report() -> None:
        while not done.wait(LEASE_SECONDS / 3):
            mine = DiscoveryRun.objects.filter(pk=run.pk, status=RunStatus.RUNNING)
            try:
                mine.update(heartbeat_at=UtcNow(), updated_at=UtcNow())
            except DatabaseError:
                log.warning("discovery run %s: the report of its worker could not be written", run.pk)
            finally:
                connection.close()

    thread = Thread(target=report, name=f"discovery-run-{run.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _ended(code: str, message: str) -> dict[str, object]:
    return {
        "status": RunStatus.FAILED,
        "completed_at": UtcNow(),
        "updated_at": UtcNow(),
        "error_code": code,
        "error_message": storable(message),
    }
