"""Clients that all want the same VMs at once, and what they saw: for the test of it, and for the benchmark."""

import contextlib
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from config.demo.factories import BackupJobFactory, FailoverJobFactory, ReplicationJobFactory
from config.jobs import claims, engines, people
from config.jobs.moves import By, create_job
from config.jobs.refusals import ClaimHeld, JobEnded, StaleFence
from config.refusals import Conflict
from config.transactions import whole

FACTORIES: dict[str, Any] = {
    "replication": ReplicationJobFactory,
    "failover": FailoverJobFactory,
    "backup": BackupJobFactory,
}


@dataclass
class Seen:
    """What the clients met, together."""

    created: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unnamed: list[str] = field(default_factory=list)
    """Refusals that do not say who holds the VM."""
    errors: list[BaseException] = field(default_factory=list)


def collide(vms: list[Any], related: dict[str, Any], *, clients: int, attempts: int, seed: int) -> Seen:
    """Let the clients attempt to create jobs of any kind on any VM, end some, and lose and take over others."""
    seen, lock = Seen(), threading.Lock()

    def client(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        try:
            for _ in range(attempts // clients):
                _attempt(chance, vms, related, seen, lock)
        except BaseException as error:
            with lock:
                seen.errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    return seen


def _attempt(chance: random.Random, vms: list[Any], related: dict[str, Any], seen: Seen, lock: Any) -> None:
    kind, vm = chance.choice(list(FACTORIES)), chance.choice(vms)
    try:
        job = whole(create_job)(lambda: _new(kind, vm, related), by=By("client"))
    except Conflict as refusal:
        with lock:
            seen.refused[refusal.code] += 1
            if isinstance(refusal, ClaimHeld) and " job " not in str(refusal):
                seen.unnamed.append(str(refusal))
        return
    with lock:
        seen.created[kind] += 1
    _end(chance, job)


def _new(kind: str, vm: Any, related: dict[str, Any]) -> Any:
    columns = {name: related[name] for name in (("repository",) if kind == "backup" else ("target",))}
    return FACTORIES[kind].build(vm_context=vm, created_at=timezone.now(), **columns)


def _end(chance: random.Random, job: Any) -> None:
    """Go on with a job as a person does, or with any as an engine does.

    What a client has created may be taken by the engine of another, and what that works on may be cancelled.
    """
    with contextlib.suppress(JobEnded):
        if chance.random() < 0.3:
            people.cancel(job.public_id, by=By("person"), reason="not now")
        elif made := engines.take_next([job.KIND], engine="engine", by=By("engine")):
            for _ in range(chance.randrange(3)):
                engines.heartbeat(made.job.public_id, made.fence)
                engines.progress(made.job.public_id, made.fence, percent=chance.random() * 100)
            fence = _take_over(made) if chance.random() < 0.2 else made.fence
            engines.fail(made.job.public_id, fence, code="chance", message="It was to be.", by=By("engine"))


def _take_over(made: engines.Taken) -> int:
    """Its engine is killed, and its job lost and taken over; what the engine says after all is refused."""
    job = made.job.public_id
    long_ago = timezone.now() - timedelta(hours=1)
    claims.rows(made.job).filter(fence=made.fence).update(heartbeat_at=long_ago)
    fence = people.take_over(job, by=By("person"), reason="its engine is dead")
    for late in (engines.heartbeat, engines.progress):
        try:
            late(job, made.fence)
        except (StaleFence, JobEnded):
            continue
        raise AssertionError(f"{late.__name__} of a dead engine was taken for that of {job}.")
    return fence
