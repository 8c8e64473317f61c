"""Where networks lead: the only writer of network mappings.

It changes the row of the target network first, as does who marks a network as isolated or not: so of two at once the
second sees what the first has done.
"""

import logging

from django.db import IntegrityError, transaction
from django.db.models import F

from config.changes import update_noted
from config.jobs.moves import By
from config.refusals import Conflict, Invalid, NotFound
from config.schema.fields import UtcNow
from config.transactions import whole
from failover.models import NetworkMapping, Purpose
from inventory.models import VMContext
from inventory.services.records import change_record
from replication.models import Isolation, TargetNetwork

LONGEST_NAME = 255

log = logging.getLogger(__name__)


@whole
def set_mapping(
    vm: VMContext,
    source_network_name: str,
    purpose: str,
    network: TargetNetwork,
    *,
    by: By,
    version: int | None = None,
) -> NetworkMapping:
    """Lead a source network of a VM to this target network, for a test or for a live failover.

    With `version`, only where the mapping is still that one. Raises NotFound for another organisation's network,
    Invalid, and Conflict where the isolation of the network does not allow it.
    """
    if purpose not in Purpose.values:
        raise Invalid(f"{purpose} is no purpose of a network mapping; there are {', '.join(Purpose.values)}.")
    if not source_network_name.strip() or len(source_network_name) > LONGEST_NAME:
        raise Invalid(
            f"A source network has a name of 1 to {LONGEST_NAME} characters: give the one it has at the source."
        )
    _hold(vm, network, purpose)
    key = {"vm_context": vm, "source_network_name": source_network_name, "purpose": purpose}
    mapping = NetworkMapping.objects.filter(**key).first()
    if mapping is None and version is None:
        try:
            with transaction.atomic():
                mapping = NetworkMapping.objects.create(**key, target_network=network)
        except IntegrityError:
            raise Conflict("Somebody else has just set this network mapping: look at it.", code="changed") from None
    else:
        mine = (
            NetworkMapping.objects.filter(**key)
            if version is None
            else NetworkMapping.objects.filter(**key, version=version)
        )
        if not update_noted(mine, target_network=network, version=F("version") + 1, updated_at=UtcNow()):
            raise Conflict("The network mapping has changed meanwhile: look at it, and say this again.", code="changed")
        mapping = mine.model.objects.get(**key)
    log.info(
        "%s: %s mapping of %s of %s leads to %s", by.actor, purpose, source_network_name, vm.pk, network.external_id
    )
    return mapping


def _hold(vm: VMContext, network: TargetNetwork, purpose: str) -> None:
    """Keep the target network as it is until the transaction ends, if it may carry such a mapping."""
    row = TargetNetwork.objects.filter(pk=network.pk, target__organization=vm.vcenter.organization_id)
    if not row.exists():
        raise NotFound(f"There is no target network {network.external_id} in the organisation of this VM.")
    # An update with a join would be another statement on each engine.
    row = TargetNetwork.objects.filter(pk=network.pk)
    is_test = purpose == Purpose.TEST
    allowed = row.filter(isolation=Isolation.ISOLATED) if is_test else row.exclude(isolation=Isolation.ISOLATED)
    if allowed.update(version=F("version") + 1):
        return
    if is_test:
        raise Conflict(
            f"A test must not reach production, and {network.name} is not known to be isolated:"
            " choose an isolated network, or mark this one as isolated if it is.",
            code="not_isolated",
        )
    raise Conflict(
        f"{network.name} is isolated, so a live failover to it would reach nobody: choose a production network.",
        code="isolated",
    )


@whole
def change_mapping(
    mapping: NetworkMapping, network: TargetNetwork, *, by: By, version: int | None = None
) -> NetworkMapping:
    """Lead this mapping to another target network; with `version`, only where it is still that one.

    Raises NotFound for another organisation's network, and Conflict "changed" or what its isolation does not allow.
    """
    _hold(mapping.vm_context, network, mapping.purpose)
    changed: NetworkMapping = change_record(mapping, {"target_network": network}, version=version)
    log.info("%s: network mapping %s leads to %s", by.actor, mapping.pk, network.external_id)
    return changed


@whole
def delete_mapping(mapping: NetworkMapping, *, by: By) -> None:
    """Delete this one mapping. Raises NotFound where it is gone."""
    if not NetworkMapping.objects.filter(pk=mapping.pk).delete()[0]:
        raise NotFound(f"There is no network mapping {mapping.pk}.")
    log.info(
        "%s: %s mapping of %s of %s deleted",
        *(by.actor, mapping.purpose, mapping.source_network_name, mapping.vm_context_id),
    )


def refuse_unfit_mappings(network: TargetNetwork) -> None:
    """Raises Conflict "mapped" where mappings lead to the network that its isolation, already written, forbids.

    Asked before the write, a mapping could come in between.
    """
    is_isolated = network.isolation == Isolation.ISOLATED
    forbidden = NetworkMapping.objects.filter(
        target_network=network, purpose=Purpose.LIVE if is_isolated else Purpose.TEST
    )
    if count := forbidden.count():
        kind = "live" if is_isolated else "test"
        raise Conflict(
            f"{count} {kind} mappings lead to {network.name}, so it cannot be marked {network.isolation}:"
            f" lead them to another network first.",
            code="mapped",
            details=[{"vm_context_id": vm} for vm in forbidden.values_list("vm_context_id", flat=True)[:20]],
        )
