"""Where back-up copies lie, and how long they are kept."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from config.jobs.schedules import zone_of
from config.refusals import Invalid
from config.schema.constraints import at_least, filled, known
from config.schema.fields import CodeField
from inventory.addresses import refuse_credentials
from inventory.models import Organization
from inventory.models.base import Stamped, Versioned
from inventory.secret_fields import SecretField


class RepositoryKind(models.TextChoices):
    DIRECTORY = "directory"
    NFS = "nfs", "NFS"
    S3 = "s3", "S3"
    PBS = "pbs", "Proxmox Backup Server"


class BackupRepository(Stamped, Versioned):
    """A place that holds back-up copies."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="backup_repositories")
    name = CodeField(max_length=128)
    kind = CodeField(max_length=64, choices=RepositoryKind)
    location = models.CharField(max_length=1024, help_text="Path, export, bucket or datastore; no credentials.")
    credentials = SecretField(null=True, blank=True)
    capacity_bytes = models.BigIntegerField(null=True, blank=True)
    immutable_days = models.IntegerField(null=True, blank=True, help_text="For how long a copy cannot be changed.")

    class Meta:
        db_table = "backup_repositories"
        verbose_name_plural = "backup repositories"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="backup_repositories_name_per_organization"),
            known("backup_repositories", "kind", RepositoryKind),
            filled("backup_repositories", "name", "location"),
            at_least("backup_repositories", 0, "capacity_bytes", "immutable_days"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a location with credentials in it."""
        super().clean()
        refuse_credentials("location", self.location)


KEEP = ("keep_last", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly")


def _keeps_something() -> Q:
    condition = Q()
    for field in KEEP:
        condition |= Q(**{f"{field}__gte": 1})
    return condition


class BackupPolicy(Stamped, Versioned):
    """Which restore points are kept. A policy that keeps nothing is refused: it never means "delete all"."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="backup_policies")
    name = CodeField(max_length=128)
    keep_last = models.IntegerField(default=0, db_default=0)
    keep_hourly = models.IntegerField(default=0, db_default=0)
    keep_daily = models.IntegerField(default=0, db_default=0)
    keep_weekly = models.IntegerField(default=0, db_default=0)
    keep_monthly = models.IntegerField(default=0, db_default=0)
    keep_yearly = models.IntegerField(default=0, db_default=0)
    time_zone = CodeField(max_length=64, default="UTC", db_default="UTC", help_text="An IANA name; days begin there.")
    verify_after_days = models.IntegerField(
        null=True, blank=True, help_text="A copy older than this is verified again."
    )

    class Meta:
        db_table = "backup_policies"
        verbose_name_plural = "backup policies"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="backup_policies_name_per_organization"),
            filled("backup_policies", "name", "time_zone"),
            at_least("backup_policies", 0, *KEEP),
            at_least("backup_policies", 1, "verify_after_days"),
            models.CheckConstraint(
                condition=_keeps_something(),
                name="backup_policies_keep_something",
                violation_error_message="A policy keeps at least one restore point.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a time zone that is none."""
        super().clean()
        try:
            zone_of(self.time_zone)
        except Invalid as error:
            raise ValidationError({"time_zone": str(error)}) from None
