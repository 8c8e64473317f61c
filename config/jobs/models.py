"""What every kind of job has, the events of all jobs, and the answers given to repeated calls."""

from collections.abc import Mapping
from typing import ClassVar

from django.db import models

from config.jobs.lifecycle import Lifecycle
from config.schema.constraints import dated, filled
from config.schema.fields import CodeField, UtcNow
from inventory.models.base import Stamped, Versioned


class Job(Stamped, Versioned):
    """The columns that all kinds of job share. Unknown progress is NULL, not 0.

    A kind says in `LIFECYCLE` which moves its status may make, and in `OTHER_MOVES` those of other columns.
    """

    progress_percent = models.FloatField(null=True, blank=True)
    bytes_done = models.BigIntegerField(null=True, blank=True)
    bytes_total = models.BigIntegerField(null=True, blank=True)
    progress_at = models.DateTimeField(null=True, blank=True, help_text="When progress was last reported.")
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    engine = models.CharField(max_length=128, null=True, blank=True, help_text="The engine that took the job.")
    created_by = models.CharField(max_length=255, null=True, blank=True)
    error_code = CodeField(max_length=64, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)

    LIFECYCLE: ClassVar[Lifecycle]
    OTHER_MOVES: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {}
    FILLED = ("engine", "created_by", "error_code", "error_message")

    class Meta:
        abstract = True


class JobEvent(models.Model):
    """One move of one job. Partitioned by month; its key in the database is (id, at); it references nothing."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=UtcNow())
    job_kind = CodeField(max_length=64)
    job_id = CodeField(max_length=191)
    vm_context_id = CodeField(max_length=191)
    from_status = CodeField(max_length=64, null=True, blank=True, help_text="Empty: the job was created.")
    to_status = CodeField(max_length=64)
    actor = models.CharField(max_length=255)
    reason = models.TextField(null=True, blank=True)
    request_id = CodeField(max_length=64, null=True, blank=True)

    class Meta:
        db_table = "job_events"
        ordering = ["-at", "-id"]
        constraints = [
            filled(
                "job_events",
                *("job_kind", "job_id", "vm_context_id", "from_status", "to_status", "actor", "reason", "request_id"),
            )
        ]
        indexes = [
            models.Index(fields=["job_id", "at"], name="job_events_of_job"),
            models.Index(fields=["vm_context_id", "at"], name="job_events_of_vm"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.from_status or 'new'} -> {self.to_status}"


class IdempotencyKey(models.Model):
    """The first answer to a call that may be repeated; it holds a digest of the request, never its body."""

    caller = CodeField(max_length=191)
    key = CodeField(max_length=191)
    request_digest = CodeField(max_length=64)
    answer_status = models.IntegerField(null=True, blank=True, help_text="Empty: the first call is still at work.")
    answer = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=UtcNow())
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "idempotency_keys"
        verbose_name = "idempotency key"
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="idempotency_keys_once_per_caller"),
            filled("idempotency_keys", "caller", "key", "request_digest"),
            dated("idempotency_keys", "expires_at"),
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotency_keys_expiry")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
