"""How the fleet stood when it was last looked at, and the views of lists that people have saved."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from backups.models import BackupRepository
from config.schema.constraints import at_least, filled, known, set_while
from config.schema.fields import CodeField
from failover.readiness import Verdict
from inventory.models import Organization, VMContext
from inventory.models.base import Stamped
from replication.rpo import RpoState


class Survey(models.Model):
    """The one row that says when the whole fleet was last looked at, and who is at it now."""

    as_of = models.DateTimeField(null=True, blank=True, help_text="The instant that the standings speak of.")
    vms = models.IntegerField("VMs", null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True, help_text="How long it took.")
    holder = CodeField(max_length=64, null=True, blank=True, help_text="Who looks now; empty: nobody.")
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "fleet_surveys"
        verbose_name = "survey"
        constraints = [
            filled("fleet_surveys", "holder"),
            at_least("fleet_surveys", 0, "vms", "seconds"),
            set_while(
                "fleet_surveys",
                "taken_by_whom",
                "holder",
                Q(taken_at__isnull=False),
                "A survey that is at work has a holder and the time since when; any other has neither.",
            ),
        ]

    def __str__(self) -> str:
        return f"survey as of {self.as_of:%Y-%m-%d %H:%M}" if self.as_of else "survey"


class VMStanding(models.Model):
    """How one managed VM stood at the last survey. A VM without one was not looked at yet: unknown."""

    vm_context = models.OneToOneField(
        VMContext, on_delete=models.CASCADE, primary_key=True, related_name="standing", verbose_name="VM context"
    )
    rpo = CodeField(max_length=64, choices=[(each.value, each.value) for each in RpoState])
    test = CodeField(max_length=64, choices=Verdict, help_text="Whether a test failover could begin.")
    live = CodeField(max_length=64, choices=Verdict, help_text="Whether a live failover could begin.")

    class Meta:
        db_table = "vm_standings"
        verbose_name = "standing"
        constraints = [
            models.CheckConstraint(
                condition=Q(rpo__in=[each.value for each in RpoState]),
                name="vm_standings_rpo_known",
                violation_error_message="rpo is one of: met, breached, unknown.",
            ),
            known("vm_standings", "test", Verdict),
            known("vm_standings", "live", Verdict),
        ]
        indexes = [
            models.Index(fields=["rpo"], name="vm_standings_rpo"),
            models.Index(fields=["live"], name="vm_standings_live"),
            models.Index(fields=["test"], name="vm_standings_test"),
        ]

    def __str__(self) -> str:
        return f"{self.vm_context_id}: {self.live}"


class StandingFinding(models.Model):
    """That readiness found this code on this VM, on however many of its disks and interfaces."""

    vm_context = models.ForeignKey(
        VMContext, on_delete=models.CASCADE, related_name="standing_findings", verbose_name="VM context"
    )
    code = CodeField(max_length=64)
    blocks_test = models.BooleanField(default=False, db_default=False)
    blocks_live = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "vm_standing_findings"
        verbose_name = "finding of a standing"
        constraints = [
            models.UniqueConstraint(fields=["vm_context", "code"], name="vm_standing_findings_code_per_vm"),
            filled("vm_standing_findings", "code"),
        ]
        indexes = [models.Index(fields=["code"], name="vm_standing_findings_code")]

    def __str__(self) -> str:
        return f"{self.vm_context_id}: {self.code}"


class RepositoryStanding(models.Model):
    """What a repository held at the last survey, and thirty days before it."""

    repository = models.OneToOneField(
        BackupRepository, on_delete=models.CASCADE, primary_key=True, related_name="standing"
    )
    stored_bytes = models.BigIntegerField()
    stored_bytes_before = models.BigIntegerField(null=True, blank=True, help_text="Empty: it held nothing yet.")
    growth_bytes_per_day = models.FloatField(null=True, blank=True, help_text="Empty: nobody knows yet.")
    days_to_full = models.FloatField(
        null=True, blank=True, help_text="With what is planned; empty: unknown, or it does not grow."
    )

    class Meta:
        db_table = "repository_standings"
        verbose_name = "standing of a repository"
        constraints = [at_least("repository_standings", 0, "stored_bytes", "stored_bytes_before")]

    def __str__(self) -> str:
        return f"{self.repository_id}: {self.stored_bytes}"


class SavedView(Stamped):
    """A list as somebody wants to see it again: filters, search and order, under a name."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="saved_views",
        help_text="Whose members see it too; empty: its owner alone.",
    )
    list = CodeField(max_length=128, help_text="App and model of the list.")
    name = CodeField(max_length=64)
    query = models.TextField(help_text="What follows the ? in its address.")

    class Meta:
        db_table = "saved_views"
        verbose_name = "saved view"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "list", "name"], name="saved_views_name_per_list"),
            filled("saved_views", "list", "name", "query"),
        ]

    def __str__(self) -> str:
        return self.name
