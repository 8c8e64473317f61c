"""Where copies go: target clouds, their networks, and the volumes made there."""

from django.db import models
from django.db.models import Q

from config.schema.constraints import at_least, filled, known, true_or_unset
from config.schema.fields import CodeField
from inventory.addresses import refuse_credentials
from inventory.models import Organization, VMDisk
from inventory.models.base import Stamped, Versioned
from inventory.secret_fields import SecretField


class Target(Stamped, Versioned):
    """A CloudStack cloud that VMs are replicated and failed over to."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="targets")
    name = CodeField(max_length=128)
    api_url = models.CharField("API URL", max_length=512)
    api_key = SecretField("API key", null=True, blank=True)
    secret_key = SecretField(null=True, blank=True)
    domain = models.CharField(max_length=255, null=True, blank=True)
    zone = CodeField(max_length=255, null=True, blank=True)
    template_id = CodeField(max_length=64, null=True, blank=True)
    service_offering_id = CodeField(max_length=64, null=True, blank=True)
    disk_offering_id = CodeField(max_length=64, null=True, blank=True)
    is_default = models.BooleanField(null=True, blank=True)

    class Meta:
        db_table = "ossea_configs"
        verbose_name = "target"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="ossea_configs_name_per_organization"),
            models.UniqueConstraint(fields=["organization", "is_default"], name="ossea_configs_one_default"),
            filled(
                "ossea_configs",
                *("name", "api_url", "domain", "zone", "template_id", "service_offering_id", "disk_offering_id"),
            ),
            true_or_unset("ossea_configs", "is_default"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse an address with credentials in it."""
        super().clean()
        refuse_credentials("api_url", self.api_url)


class Isolation(models.TextChoices):
    PRODUCTION = "production"
    ISOLATED = "isolated"
    UNKNOWN = "unknown"


class TargetNetwork(Stamped, Versioned):
    """A network of a target; only one known to be isolated may carry a test failover."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="networks")
    external_id = CodeField(max_length=191)
    name = models.CharField(max_length=255)
    isolation = CodeField(max_length=64, choices=Isolation, default=Isolation.UNKNOWN, db_default=Isolation.UNKNOWN)

    class Meta:
        db_table = "target_networks"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["target", "external_id"], name="target_networks_external_id_per_target"),
            known("target_networks", "isolation", Isolation),
            filled("target_networks", "external_id", "name"),
        ]

    def __str__(self) -> str:
        return self.name


class VolumeStatus(models.TextChoices):
    CREATING = "creating"
    AVAILABLE = "available"
    ATTACHED = "attached"
    DETACHED = "detached"
    ERROR = "error"


class VolumeType(models.TextChoices):
    ROOT = "ROOT", "root"
    DATADISK = "DATADISK", "data disk"


class TargetVolume(Stamped):
    """A volume in a target cloud; at most one at a time holds the copy of a disk."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="volumes", db_column="ossea_config_id")
    vm_disk = models.OneToOneField(
        VMDisk, on_delete=models.PROTECT, null=True, blank=True, related_name="target_volume"
    )
    volume_id = CodeField(max_length=191, unique=True, help_text="The cloud's own UUID.")
    volume_name = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField(null=True, blank=True)
    volume_type = CodeField(max_length=64, choices=VolumeType, null=True, blank=True)
    device_path = CodeField(max_length=255, null=True, blank=True)
    mount_point = models.CharField(max_length=255, null=True, blank=True)
    status = CodeField(
        max_length=64, choices=VolumeStatus, default=VolumeStatus.CREATING, db_default=VolumeStatus.CREATING
    )

    class Meta:
        db_table = "ossea_volumes"
        verbose_name = "target volume"
        ordering = ["volume_name"]
        constraints = [
            models.UniqueConstraint(fields=["target", "device_path"], name="ossea_volumes_device_path_per_target"),
            known("ossea_volumes", "status", VolumeStatus),
            known("ossea_volumes", "volume_type", VolumeType),
            filled("ossea_volumes", "volume_id", "volume_name", "device_path", "mount_point"),
            at_least("ossea_volumes", 0, "size_bytes"),
            models.CheckConstraint(
                condition=~Q(status=VolumeStatus.ATTACHED) | Q(vm_disk__isnull=False),
                name="ossea_volumes_attached_has_disk",
                violation_error_message="An attached volume names the disk whose copy it holds.",
            ),
            models.CheckConstraint(
                condition=~Q(status=VolumeStatus.DETACHED) | Q(device_path__isnull=True),
                name="ossea_volumes_detached_has_no_path",
                violation_error_message="A detached volume is at no device path.",
            ),
        ]
        indexes = [models.Index(fields=["status"], name="ossea_volumes_status")]

    def __str__(self) -> str:
        return self.volume_name
