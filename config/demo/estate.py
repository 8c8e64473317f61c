"""The demonstration estate: what is made, in which order, in one transaction."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from backups.models import BackupPolicy, BackupRepository
from config.demo import accounts, fleet
from config.demo.chance import chance
from config.demo.ledger import Ledger
from config.demo.statics import Statics
from config.demo.stories import busy, discovery, monitoring, named, plans
from config.demo.stories.part import Part
from failover.models import NetworkMapping, Purpose, RecoveryPlan
from inventory.models import Host, OperationClaim, User, Vcenter, VMContext, VMDisk
from replication.models import Target, TargetNetwork

NAMED_VMS = len(named.STORIES)
DEFAULT_VMS = NAMED_VMS + len(busy.STORIES)
CHUNK = 1000


@dataclass(frozen=True)
class Seeded:
    """What one seeding added; `password` is that of the users it made, to be shown once, and `username` one of them."""

    added: Counter[type[Model]]
    username: str | None
    password: str | None


def make_estate(vms: int, seed: int, tell: Callable[[str], None]) -> Seeded:
    """Add what is missing of the estate, with this many VMs in all; rows that are there are left as they are.

    What hangs on a row is made with the row only. `tell` gets a word on each stage.
    """
    try:
        with transaction.atomic():
            return _Making(seed, tell).run(vms)
    finally:
        chance.forget()


class _Making:
    def __init__(self, seed: int, tell: Callable[[str], None]) -> None:
        self.now = timezone.now()
        self.seed = seed
        self.tell = tell
        self.ledger = Ledger()
        self._from_here("estate")
        self.statics = Statics()
        self.operator = self.statics.users["operator"]

    def run(self, vms: int) -> Seeded:
        self.statics.add_to(self.ledger)
        self.tell("accounts")
        users = self.statics.new(User)
        password = accounts.give_password(users)
        accounts.let_look(users, self.ledger)
        accounts.add_key(self.statics, self.ledger)
        new_hosts = {name: host for name, host in self.statics.hosts.items() if self.statics.is_made(host)}
        new_vms = self._named_vms()
        self.ledger.flush()
        self._measure(new_hosts, new_vms)
        self._fleet(vms - NAMED_VMS)
        signs_in = next((user.username for user in users if user.is_superuser), users[0].username if users else None)
        return Seeded(self.ledger.written, signs_in, password)

    def _from_here(self, what: str) -> None:
        """Chance depends on the seed and on what is made, so not on what else is made or was there."""
        chance.reseed(f"{self.seed}/{what}", now=self.now)

    def _named_vms(self) -> list[VMContext]:
        """The stories of the named VMs that are new, and what is told of several of them."""
        self.tell("named VMs")
        new_vms = self.statics.new(VMContext)
        jobs: plans.Jobs = {}
        for vm in new_vms:
            self._from_here(vm.name)
            part = self._part(vm)
            named.STORIES[vm.name](part)
            jobs[vm.name] = part.failovers
        self._from_here("plans")
        new_plans = {plan.name: plan for plan in self.statics.new(RecoveryPlan)}
        plans.tell_runs(new_plans, jobs, self.operator, self.ledger)
        for vcenter in self.statics.new(Vcenter):
            self._from_here(f"discovery of {vcenter.name}")
            discovery.tell_discovery(vcenter, self.statics.new(VMContext, vcenter=vcenter), self.ledger)
        monitoring.tell_alerts_of_vms({vm.name: vm for vm in new_vms}, self.operator, self.ledger)
        monitoring.tell_alert_of_the_estate(self.ledger)
        return new_vms

    def _part(self, vm: VMContext) -> Part:
        (claim,) = self.statics.new(OperationClaim, vm_context=vm)
        return Part(
            self.ledger,
            vm,
            claim,
            self.statics.new(VMDisk, vm_context=vm),
            self._owned(Target, vm.vcenter),
            self._owned(BackupRepository, vm.vcenter),
            self._owned(BackupPolicy, vm.vcenter),
            self.statics.new(NetworkMapping, vm_context=vm),
        )

    def _owned(self, model: type[Any], vcenter: Vcenter) -> Any:
        """The record of the organisation of this vCenter."""
        return next(row for row in self.statics.all(model) if row.organization == vcenter.organization)

    def _measure(self, hosts: dict[str, Host], vms: list[VMContext]) -> None:
        self.tell("a day of metrics")
        self._from_here("metrics")
        monitoring.tell_alerts_of_hosts(hosts, self.ledger)
        for host in hosts.values():
            self.ledger.add(*monitoring.host_metrics(host))
        for vm in vms:
            self.ledger.add(*monitoring.vm_metrics(vm))
        self.ledger.flush()

    def _fleet(self, count: int) -> None:
        """VMs beyond the named ones, written chunk by chunk; of metrics they have the newest sample only."""
        site = self._site()
        numbers = fleet.missing_numbers(site.vcenter, count)
        for done in range(0, len(numbers), CHUNK):
            for number in numbers[done : done + CHUNK]:
                self._from_here(fleet.name_of(number))
                vm = fleet.add_vm(number, site, self.ledger)
                self.ledger.add(*monitoring.vm_metrics(vm, monitoring.STEP))
            self.ledger.flush()
            self.tell(f"{min(done + CHUNK, len(numbers))} of {len(numbers)} further VMs")

    def _site(self) -> fleet.Site:
        vcenter = self.statics.vcenters["vcenter-main"]
        networks = {network.external_id: network for network in self.statics.all(TargetNetwork)}
        return fleet.Site(
            vcenter=vcenter,
            hosts=[host for host in self.statics.all(Host) if host.vcenter == vcenter],
            target=self._owned(Target, vcenter),
            networks={
                Purpose.LIVE.value: networks["network-production-123"],
                Purpose.TEST.value: networks["test-network-default"],
            },
            repository=self._owned(BackupRepository, vcenter),
            policy=self._owned(BackupPolicy, vcenter),
        )
