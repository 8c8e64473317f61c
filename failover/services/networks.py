"""The networks of targets, whose isolation decides which mappings may lead to them."""

import logging
from collections.abc import Mapping
from typing import Any

from config.jobs.moves import By
from config.transactions import whole
from failover.services.mappings import refuse_unfit_mappings
from inventory.services.records import change_record, create_record
from replication.models import Target, TargetNetwork

log = logging.getLogger(__name__)


def create_network(target: Target, columns: Mapping[str, Any], *, by: By) -> TargetNetwork:
    """Make a network of a target known. Raises Conflict where it is, Invalid."""
    row = TargetNetwork(target=target, **columns)
    create_record(row)
    log.info("%s: target network %s made", by.actor, row.external_id)
    return row


@whole
def change_network(row: TargetNetwork, columns: Mapping[str, Any], *, version: int | None, by: By) -> TargetNetwork:
    """Change what is said of a network. Raises NotFound, and Conflict where mappings rely on its isolation."""
    changed: TargetNetwork = change_record(row, columns, version=version)
    if "isolation" in columns:
        refuse_unfit_mappings(changed)
    log.info("%s: %s of target network %s changed", by.actor, ", ".join(columns) or "nothing", changed.external_id)
    return changed
