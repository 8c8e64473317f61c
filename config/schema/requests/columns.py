"""The columns of a request, the statuses that it goes through, and what may never be true of it."""

from django.db import models
from django.db.models import F, Q

from config.schema.constraints import at_least, known, set_while
from config.schema.fields import CodeField

TABLE = "schema_requests"


class Status(models.TextChoices):
    """Where a request stands. That its worker is lost is computed from its heartbeat, and no status."""

    REQUESTED = "requested"
    APPROVED = "approved"
    QUEUED = "queued"
    """Somebody who may run it has let it go, and the next free worker takes it."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Nobody let it go in time, or the plan became another one, which voids what was said of it."""


WAITING = (Status.REQUESTED, Status.APPROVED, Status.QUEUED)
OPEN = (*WAITING, Status.RUNNING)
BEGUN = (Status.RUNNING, Status.DONE, Status.FAILED)


class Action(models.TextChoices):
    """What may be asked for."""

    PLAN = "plan", "Plan"
    REHEARSE = "rehearse", "Rehearse"
    BACKUP = "backup", "Back up"
    APPLY = "apply", "Apply"
    ROLLBACK = "rollback", "Roll back"
    RECOVER = "recover", "Recover"
    PAUSE = "pause", "Pause a backfill"
    RESUME = "resume", "Resume a backfill"


class RequestColumns(models.Model):
    """One piece of work on the schema that somebody asked for. It is ended, and never removed."""

    action = CodeField(max_length=16, choices=Action)
    subject = models.TextField(blank=True)
    """What it is about: what a rollback goes back to, what is mended, the number of a backfill; else empty."""
    digest = models.CharField(max_length=64, null=True)
    """`config.schema.gate.plan_digest` of the plan that it is bound to; NULL where it has none."""
    plan = models.TextField()
    """JSON: the plan as the requester saw it; each migration with the verdict on its steps."""
    loses = models.BooleanField(default=False)
    """Whether the plan removes what is in the live tables now."""
    needs_approval = models.BooleanField()
    reason = models.TextField()
    requested_by = models.CharField(max_length=255)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    approved_by = models.CharField(max_length=255, null=True)
    approved_at = models.DateTimeField(null=True)
    run_by = models.CharField(max_length=255, null=True)
    """Who let it go, to be run now."""
    run_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=255, null=True)
    """Who refused or cancelled it; NULL where it ended by itself."""
    status = CodeField(max_length=16, choices=Status)
    open_key = CodeField(max_length=64, unique=True, null=True)
    """The digest of action and subject while it is open, else NULL: nothing is asked for twice at a time."""
    host = models.CharField(max_length=255, null=True)
    pid = models.IntegerField(null=True)
    """Of the command that does it; NULL until that has begun."""
    heartbeat_at = models.DateTimeField(null=True)
    lease_seconds = models.IntegerField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    """Of the command; NULL where nobody knows it."""
    said = models.TextField(blank=True)
    """Why it ended as it did, in a sentence."""
    output = models.TextField(blank=True)
    """The end of what the command printed, without secrets."""

    class Meta:
        abstract = True
        db_table = TABLE
        constraints = (
            known(TABLE, "status", Status),
            known(TABLE, "action", Action),
            at_least(TABLE, 1, "lease_seconds"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")),
                name=f"{TABLE}_approved_by_another",
                violation_error_message="Nobody approves what they asked for themselves.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name=f"{TABLE}_approval_whole",
                violation_error_message="An approval has a person and a time.",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.APPROVED, Status.QUEUED, *BEGUN])
                | Q(needs_approval=False)
                | Q(approved_by__isnull=False),
                name=f"{TABLE}_approved_before_it_runs",
                violation_error_message="What needs an approval does not go on without one.",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.QUEUED, *BEGUN]) | Q(run_by__isnull=False, run_at__isnull=False),
                name=f"{TABLE}_run_by_somebody",
                violation_error_message="Nothing runs that nobody has let go.",
            ),
            set_while(
                TABLE, "open_key_while_open", "open_key", Q(status__in=OPEN), "It has a key exactly while it is open."
            ),
            set_while(
                TABLE, "ended_once", "ended_at", ~Q(status__in=OPEN), "What has ended has a time, and nothing else has."
            ),
            models.CheckConstraint(
                condition=~Q(status__in=BEGUN) | Q(started_at__isnull=False, heartbeat_at__isnull=False),
                name=f"{TABLE}_begun_has_begun",
                violation_error_message="What runs or ran was begun at a time.",
            ),
        )

    def __str__(self) -> str:
        return f"request {self.pk}"
