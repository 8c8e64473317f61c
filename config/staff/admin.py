"""What the lists of all rooms get of the fleet's last survey."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html

from backups.admin import BackupJobAdmin, RestoreJobAdmin
from config.admin import WhetherSet
from config.staff.filters import (
    Blocked,
    NeedsAttention,
    Protected,
    ReadyForLive,
    ReadyForTest,
    RpoOfVM,
)
from failover.admin import FailoverJobAdmin
from inventory.admin.contexts import VMContextAdmin, VMDiskAdmin
from replication.admin import ReplicationJobAdmin


def _standing(field: str, label: str, tones: dict[str, str]) -> Any:
    """A column of how a VM stood at the last survey; one that was not looked at yet is unknown."""

    def value_of(vm: Any) -> str:
        return str(getattr(getattr(vm, "standing", None), field, "unknown"))

    def words(vm: Any) -> str:
        return value_of(vm).replace("_", " ")

    @admin.display(description=label, ordering=f"standing__{field}")
    def shown(vm: Any) -> str:
        return format_html('<span class="state {}">{}</span>', tones.get(value_of(vm), "unknown"), words(vm))

    shown.__name__ = field
    shown.exports, shown.reads = words, "standing"
    return shown


VMContextAdmin.list_display = (
    VMContextAdmin.list_display[0],
    _standing("rpo", "RPO", {"met": "good", "breached": "bad"}),
    _standing("live", "live failover", {"ready": "good", "not_ready": "bad"}),
    _standing("test", "test failover", {"ready": "good", "not_ready": "bad"}),
    *VMContextAdmin.list_display[1:],
)
VMContextAdmin.list_select_related = (*VMContextAdmin.list_select_related, "standing")
VMContextAdmin.add_filters(Protected, RpoOfVM, ReadyForTest, ReadyForLive, Blocked)
VMDiskAdmin.add_filters(Protected, ("vm_context__archived_at", WhetherSet))
for page in (ReplicationJobAdmin, FailoverJobAdmin, BackupJobAdmin, RestoreJobAdmin):
    page.add_filters(NeedsAttention)
