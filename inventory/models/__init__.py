"""What exists, and how we know."""

from inventory.models.contexts import (
    Firmware,
    HolderKind,
    OperationClaim,
    PowerState,
    ProvisioningType,
    Site,
    SyncStatus,
    VMContext,
    VMDisk,
    VMNetworkInterface,
    new_context_id,
)
from inventory.models.discovery import SILENT_FOR, DiscoveryOutcome, DiscoveryRun, Outcome, RunStatus, SourceKind
from inventory.models.monitoring import Alert, HostMetric, Severity, VMMetric
from inventory.models.sources import Host, TlsPolicy, Vcenter
from inventory.models.tenancy import ApiKey, Membership, Organization, Role, User

__all__ = [
    "SILENT_FOR",
    "Alert",
    "ApiKey",
    "DiscoveryOutcome",
    "DiscoveryRun",
    "Firmware",
    "HolderKind",
    "Host",
    "HostMetric",
    "Membership",
    "OperationClaim",
    "Organization",
    "Outcome",
    "PowerState",
    "ProvisioningType",
    "Role",
    "RunStatus",
    "Severity",
    "Site",
    "SourceKind",
    "SyncStatus",
    "TlsPolicy",
    "User",
    "VMContext",
    "VMDisk",
    "VMMetric",
    "VMNetworkInterface",
    "Vcenter",
    "new_context_id",
]
