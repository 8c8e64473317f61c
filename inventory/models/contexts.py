"""VM contexts: the virtual machines under management, what they are made of, and who may work on them."""

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from config.schema.constraints import at_least, begins_with, filled, known, percent
from config.schema.fields import CodeField
from inventory.identifiers import new_identifier, slug, stamp
from inventory.models.base import Stamped, Versioned
from inventory.models.sources import Host, Vcenter

GIB = 2**30


class PowerState(models.TextChoices):
    ON = "poweredOn", "powered on"
    OFF = "poweredOff", "powered off"
    SUSPENDED = "suspended"


class Firmware(models.TextChoices):
    BIOS = "bios", "BIOS"
    EFI = "efi", "EFI"


class Site(models.TextChoices):
    """Where a VM runs."""

    SOURCE = "source"
    TARGET = "target"


class VMContextQuerySet(models.QuerySet["VMContext"]):
    def managed(self) -> "VMContextQuerySet":
        """Those that are not archived."""
        return self.filter(archived_at__isnull=True)

    def missing(self) -> "VMContextQuerySet":
        """Those that the newest complete run of their vCenter did not find."""
        return self.filter(missing_since__isnull=False)


def new_context_id(name: str) -> str:
    """A new public identifier for a VM of this name."""
    return new_identifier("ctx", slug(name), stamp(timezone.now()))


class VMContext(Stamped, Versioned):
    """One virtual machine under management. It is archived, never deleted, once anything has happened to it."""

    context_id = CodeField(max_length=191, primary_key=True)
    vcenter = models.ForeignKey(Vcenter, on_delete=models.PROTECT, related_name="vm_contexts", verbose_name="vCenter")
    host = models.ForeignKey(Host, on_delete=models.SET_NULL, null=True, blank=True, related_name="vm_contexts")
    identity = CodeField(max_length=512, help_text="uuid:, moref: or name: and the value; the strongest known.")
    instance_uuid = CodeField("instance UUID", max_length=64, null=True, blank=True)
    moref = CodeField(max_length=64, null=True, blank=True)
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=1024, null=True, blank=True)
    datacenter = models.CharField(max_length=255, null=True, blank=True)
    cluster = models.CharField(max_length=255, null=True, blank=True)
    cpu_count = models.IntegerField("CPUs", null=True, blank=True)
    memory_mb = models.BigIntegerField("memory (MB)", null=True, blank=True)
    os_type = models.CharField("operating system", max_length=255, null=True, blank=True)
    vm_tools_version = models.CharField("VMware Tools version", max_length=255, null=True, blank=True)
    display_name = models.CharField(max_length=255, null=True, blank=True)
    annotation = models.TextField(null=True, blank=True)
    power_state = CodeField(max_length=64, choices=PowerState, null=True, blank=True)
    vmware_uuid = CodeField(
        max_length=64, null=True, blank=True, help_text="The SMBIOS UUID, which need not be unique."
    )
    bios_setup = models.JSONField("BIOS setup", null=True, blank=True)
    firmware = CodeField(max_length=64, choices=Firmware, null=True, blank=True)
    is_template = models.BooleanField(null=True, blank=True)
    change_tracking = models.BooleanField(
        null=True, blank=True, help_text="Changed-block tracking is on at the source."
    )
    runs_at = CodeField(max_length=64, choices=Site, default=Site.SOURCE, db_default=Site.SOURCE)
    added_by = models.CharField(max_length=255, null=True, blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = VMContextQuerySet.as_manager()

    class Meta:
        db_table = "vm_replication_contexts"
        verbose_name = "VM context"
        ordering = ["name", "context_id"]
        constraints = [
            models.UniqueConstraint(fields=["vcenter", "identity"], name="vm_contexts_identity_per_vcenter"),
            begins_with("vm_contexts", "identity_form", "identity", "uuid:", "moref:", "name:"),
            known("vm_contexts", "power_state", PowerState),
            known("vm_contexts", "firmware", Firmware),
            known("vm_contexts", "runs_at", Site),
            filled(
                "vm_contexts",
                *("context_id", "name", "instance_uuid", "moref", "path", "datacenter", "cluster", "os_type"),
                *("vm_tools_version", "display_name", "annotation", "vmware_uuid", "added_by"),
            ),
            at_least("vm_contexts", 1, "cpu_count", "memory_mb", "version"),
        ]
        indexes = [
            models.Index(fields=["vcenter", "moref"], name="vm_contexts_moref"),
            models.Index(fields=["vcenter", "name"], name="vm_contexts_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ProvisioningType(models.TextChoices):
    THIN = "thin"
    THICK = "thick"
    EAGER_ZEROED_THICK = "eager_zeroed_thick", "thick, eagerly zeroed"
    RDM = "rdm", "raw device mapping"


class SyncStatus(models.TextChoices):
    PENDING = "pending"
    SYNCING = "syncing"
    COMPLETED = "completed"
    FAILED = "failed"


class VMDisk(Stamped):
    """One disk of a VM, known from discovery on; the columns of its copy follow the newest history row."""

    vm_context = models.ForeignKey(VMContext, on_delete=models.CASCADE, related_name="disks", verbose_name="VM context")
    disk_id = CodeField("disk ID", max_length=64, help_text="disk- and the device key.")
    device_key = models.IntegerField()
    vmdk_path = models.CharField("VMDK path", max_length=1024, null=True, blank=True)
    datastore = models.CharField(max_length=255, null=True, blank=True)
    label = models.CharField(max_length=255, null=True, blank=True)
    provisioning_type = CodeField(max_length=64, choices=ProvisioningType, null=True, blank=True)
    controller_key = models.IntegerField(null=True, blank=True)
    unit_number = models.IntegerField(null=True, blank=True)
    capacity_bytes = models.BigIntegerField(null=True, blank=True)
    size_gb = models.GeneratedField(
        expression=(F("capacity_bytes") + (GIB - 1)).bitrightshift(30),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
        verbose_name="size (GiB, rounded up)",
    )
    disk_change_id = CodeField("change ID", max_length=255, null=True, blank=True)
    sync_status = CodeField(
        max_length=64, choices=SyncStatus, default=SyncStatus.PENDING, db_default=SyncStatus.PENDING
    )
    sync_progress_percent = models.FloatField(default=0, db_default=0)
    bytes_synced = models.BigIntegerField(default=0, db_default=0)
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Gone from the source since.")
    job = models.ForeignKey(
        "replication.ReplicationJob",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="vm_disks",
        help_text="The newest replication job; empty until the first.",
    )

    class Meta:
        db_table = "vm_disks"
        verbose_name = "disk"
        ordering = ["vm_context", "device_key"]
        constraints = [
            models.UniqueConstraint(fields=["vm_context", "device_key"], name="vm_disks_device_key_per_vm"),
            models.CheckConstraint(
                condition=Q(disk_id=Concat(Value("disk-"), Cast("device_key", models.CharField(max_length=32)))),
                name="vm_disks_disk_id_of_device_key",
                violation_error_message="A disk_id is disk- and the device key.",
            ),
            known("vm_disks", "provisioning_type", ProvisioningType),
            known("vm_disks", "sync_status", SyncStatus),
            filled("vm_disks", "vmdk_path", "datastore", "label", "disk_change_id"),
            at_least("vm_disks", 0, "capacity_bytes", "bytes_synced", "unit_number"),
            percent("vm_disks", "sync_progress_percent"),
        ]
        indexes = [models.Index(fields=["sync_status"], name="vm_disks_sync_status")]

    def __str__(self) -> str:
        return self.label or self.disk_id


class VMNetworkInterface(Stamped):
    """One network interface of a VM. A source network that discovery could not name stays unnamed."""

    vm_context = models.ForeignKey(
        VMContext, on_delete=models.CASCADE, related_name="network_interfaces", verbose_name="VM context"
    )
    nic_key = CodeField("NIC key", max_length=255, help_text="key:, mac: or label: and the value; the strongest known.")
    label = models.CharField(max_length=255, null=True, blank=True)
    source_network_name = CodeField(max_length=255, null=True, blank=True)
    mac_address = CodeField("MAC address", max_length=64, null=True, blank=True)
    adapter_type = CodeField(max_length=64, null=True, blank=True)
    connected = models.BooleanField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Gone from the source since.")

    class Meta:
        db_table = "vm_network_interfaces"
        verbose_name = "network interface"
        ordering = ["vm_context", "nic_key"]
        constraints = [
            models.UniqueConstraint(fields=["vm_context", "nic_key"], name="vm_network_interfaces_nic_key_per_vm"),
            begins_with("vm_network_interfaces", "nic_key_form", "nic_key", "key:", "mac:", "label:"),
            filled("vm_network_interfaces", "label", "source_network_name", "mac_address", "adapter_type"),
        ]
        indexes = [models.Index(fields=["source_network_name"], name="vm_network_interfaces_network")]

    def __str__(self) -> str:
        return self.label or self.nic_key

    @property
    def network_known(self) -> bool:
        """Whether discovery could name the source network."""
        return self.source_network_name is not None


class HolderKind(models.TextChoices):
    REPLICATION = "replication"
    FAILOVER = "failover"
    BACKUP = "backup"


class OperationClaim(models.Model):
    """Which job may work on a VM: one permanent row per VM, made with it, empty while nobody does.

    `fence` rises with each taking; a writer that names an older one is refused.
    """

    vm_context = models.OneToOneField(
        VMContext, on_delete=models.CASCADE, primary_key=True, related_name="operation_claim", verbose_name="VM context"
    )
    fence = models.BigIntegerField(default=0, db_default=0)
    holder_kind = CodeField(max_length=64, choices=HolderKind, null=True, blank=True)
    holder_id = CodeField(max_length=191, null=True, blank=True, unique=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    lease_seconds = models.IntegerField(null=True, blank=True)

    HELD = ("holder_kind", "holder_id", "taken_at", "heartbeat_at", "lease_seconds")

    class Meta:
        db_table = "operation_claims"
        verbose_name = "claim"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    holder_kind__isnull=True,
                    holder_id__isnull=True,
                    taken_at__isnull=True,
                    heartbeat_at__isnull=True,
                    lease_seconds__isnull=True,
                )
                | Q(
                    holder_kind__isnull=False,
                    holder_id__isnull=False,
                    taken_at__isnull=False,
                    heartbeat_at__isnull=False,
                    lease_seconds__isnull=False,
                ),
                name="operation_claims_all_or_none",
                violation_error_message="A claim is held, with all that belongs to it, or free.",
            ),
            known("operation_claims", "holder_kind", HolderKind),
            filled("operation_claims", "holder_id"),
            at_least("operation_claims", 0, "fence"),
            at_least("operation_claims", 1, "lease_seconds"),
        ]

    def __str__(self) -> str:
        return f"{self.vm_context_id}: {self.holder_id or 'free'}"
