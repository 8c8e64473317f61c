"""What people set up for back-ups: where the copies lie, and how long they are kept."""

import logging
from collections.abc import Mapping
from typing import Any

from backups.models import BackupPolicy, BackupRepository
from config.jobs.moves import By
from inventory.models import Organization
from inventory.services.records import change_record, create_record

SENT_TO = ("kind", "location")
"""What says to whom the credentials of a repository are sent."""

log = logging.getLogger(__name__)


def create_repository(organization: Organization, columns: Mapping[str, Any], *, by: By) -> BackupRepository:
    """Make a repository known. Raises Conflict, Invalid."""
    row = BackupRepository(organization=organization, **columns)
    create_record(row)
    log.info("%s: repository %s made", by.actor, row.pk)
    return row


def change_repository(
    row: BackupRepository, columns: Mapping[str, Any], *, version: int | None, by: By
) -> BackupRepository:
    """Change what is said of a repository. Raises Conflict, Invalid, NotFound."""
    changed: BackupRepository = change_record(row, columns, version=version, sent_to=SENT_TO)
    log.info("%s: repository %s changed in %s", by.actor, row.pk, ", ".join(columns))
    return changed


def create_policy(organization: Organization, columns: Mapping[str, Any], *, by: By) -> BackupPolicy:
    """Make a policy. Raises Conflict, and Invalid for one that would keep nothing."""
    row = BackupPolicy(organization=organization, **columns)
    create_record(row)
    log.info("%s: policy %s made", by.actor, row.pk)
    return row


def change_policy(row: BackupPolicy, columns: Mapping[str, Any], *, version: int | None, by: By) -> BackupPolicy:
    """Change how long copies are kept. Raises Conflict, NotFound, and Invalid for what would keep nothing."""
    changed: BackupPolicy = change_record(row, columns, version=version)
    log.info("%s: policy %s changed in %s", by.actor, row.pk, ", ".join(columns))
    return changed
