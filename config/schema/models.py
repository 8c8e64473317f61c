"""The tables of this app for the admin. It makes them itself (`config.schema.tables`), not by migrations."""

from django.db import models

from config.schema import columns
from config.schema.requests.columns import RequestColumns


class AppliedMigration(models.Model):
    """A row of Django's own record of what is applied."""

    app = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    applied = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "django_migrations"
        verbose_name_plural = "state and applied migrations"

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


class Run(columns.RunColumns):
    class Meta(columns.RunColumns.Meta):
        managed = False


class Step(columns.StepColumns):
    class Meta(columns.StepColumns.Meta):
        managed = False


class OperationEntry(columns.OperationEntryColumns):
    class Meta(columns.OperationEntryColumns.Meta):
        managed = False
        verbose_name_plural = "operation entries"


class StatementEntry(columns.StatementEntryColumns):
    class Meta(columns.StatementEntryColumns.Meta):
        managed = False
        verbose_name_plural = "statement entries"


class AnswerEntry(columns.AnswerEntryColumns):
    class Meta(columns.AnswerEntryColumns.Meta):
        managed = False
        verbose_name_plural = "answer entries"


class Probe(columns.ProbeColumns):
    class Meta(columns.ProbeColumns.Meta):
        managed = False


class RecoveryTask(columns.RecoveryTaskColumns):
    class Meta(columns.RecoveryTaskColumns.Meta):
        managed = False


class Approval(columns.ApprovalColumns):
    class Meta(columns.ApprovalColumns.Meta):
        managed = False


class ChecklistTick(columns.ChecklistTickColumns):
    class Meta(columns.ChecklistTickColumns.Meta):
        managed = False
        verbose_name_plural = "checklist"


class Backfill(columns.BackfillColumns):
    class Meta(columns.BackfillColumns.Meta):
        managed = False


class Request(RequestColumns):
    class Meta(RequestColumns.Meta):
        managed = False
        default_permissions = ("view", "add")
        permissions = (
            ("approve_request", "Can approve or refuse a request of another person"),
            ("run_request", "Can let a request run"),
        )
