"""What every kind of job has, the events of all jobs, and the answers given to repeated calls."""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Case, F, Q, When

from config.jobs.lifecycle import Lifecycle
from config.schema.constraints import dated, filled, set_while
from config.schema.fields import CodeField, SecondsSince, UtcNow
from inventory.models.base import Stamped, Versioned


class JobQuerySet(models.QuerySet[Any]):
    """The jobs of one kind, by who has to do something with them."""

    def of(self, organization: Any) -> Self:
        """Those of the VMs of an organisation; None: all."""
        path = f"{self.model.VM}__vcenter__organization"
        return self if organization is None else self.filter(**{path: organization})

    def active(self) -> Self:
        """Those that may still change, and hold the claim of their VM."""
        return self.filter(_in_any(self.model.active_in()))

    def waiting(self) -> Self:
        """Those that no engine has taken yet; such a one is never lost."""
        return self.filter(_in_any(self.model.worked_in()), engine=None)

    def worked_on(self) -> Self:
        """Those that an engine has; each with `silent_for`, the seconds since it reported."""
        at_work = self.filter(_in_any(self.model.worked_in()), engine__isnull=False)
        if self.model.HOLDS_CLAIM:
            at_work = at_work.filter(**{f"{self.model.LEASE}holder_id": F(self.model.PUBLIC_ID)})
        return at_work.annotate(silent_for=SecondsSince(f"{self.model.LEASE}heartbeat_at"))

    def with_lease(self) -> Self:
        """All of them, each with its VM and with `lease_age` and `lease_length` in seconds, for lists."""
        holds = Q(**{f"{self.model.LEASE}holder_id": F(self.model.PUBLIC_ID)}) if self.model.HOLDS_CLAIM else Q()
        age = SecondsSince(f"{self.model.LEASE}heartbeat_at")
        length = F(f"{self.model.LEASE}lease_seconds")
        return self.select_related(self.model.VM).annotate(
            lease_age=Case(When(holds, then=age)) if holds else age,
            lease_length=Case(When(holds, then=length)) if holds else length,
        )

    def lost(self) -> Self:
        """Those whose engine has not reported within its lease. They have not failed, and hold what they held."""
        return self.worked_on().filter(silent_for__gt=F(f"{self.model.LEASE}lease_seconds"))


def _in_any(statuses: Mapping[str, tuple[str, ...]]) -> Q:
    return reduce(or_, (Q(**{f"{field}__in": values}) for field, values in statuses.items()))


class Job(Stamped, Versioned):
    """The columns that all kinds of job share. Unknown progress is NULL, not 0.

    A kind says in `LIFECYCLE` which moves its status may make, and in `OTHER_MOVES` those of other columns.
    """

    progress_percent = models.FloatField(null=True, blank=True)
    bytes_done = models.BigIntegerField(null=True, blank=True)
    bytes_total = models.BigIntegerField(null=True, blank=True)
    progress_at = models.DateTimeField(null=True, blank=True, help_text="When progress was last reported.")
    progress_sequence = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="The number of the last report of the engine that has the job."
    )
    operation = models.CharField(max_length=255, null=True, blank=True, help_text="What the engine is doing.")
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    engine = models.CharField(max_length=128, null=True, blank=True, help_text="The engine that took the job.")
    created_by = models.CharField(max_length=255, null=True, blank=True)
    error_code = CodeField(max_length=64, null=True, blank=True)
    error_message = models.TextField(null=True, blank=True)

    objects: ClassVar[Any] = JobQuerySet.as_manager()

    KIND: ClassVar[str]
    PUBLIC_ID: ClassVar[str] = "id"
    VM: ClassVar[str] = "vm_context"
    """The path to the VM that the job is of."""
    HOLDS_CLAIM: ClassVar[bool] = True
    """Whether the job works on its VM, and so holds its claim; else the job's own row holds its fence and lease."""
    LEASE: ClassVar[str] = "vm_context__operation_claim__"
    """The path to the row that holds the fence and the lease."""
    LIFECYCLE: ClassVar[Lifecycle]
    OTHER_MOVES: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {}
    SHOWN_INSTEAD: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The values of other columns that pages and the API show in the place of the status while they last."""
    FILLED = ("engine", "created_by", "error_code", "error_message")

    class Meta:
        abstract = True

    @classmethod
    def active_in(cls) -> Mapping[str, tuple[str, ...]]:
        """A job is active while any of these columns has one of these values."""
        return {"status": cls.LIFECYCLE.active}

    @classmethod
    def worked_in(cls) -> Mapping[str, tuple[str, ...]]:
        """The same for: it is an engine that has to go on with it, not a person."""
        return {"status": cls.LIFECYCLE.active}

    def following(self, field: str = "status") -> tuple[str, ...]:
        """What may follow the present value of a column that moves."""
        return self.LIFECYCLE.moves[getattr(self, field)]

    def times(self, field: str, to: str) -> Mapping[str, Any]:
        """The times that a move writes."""
        times = {}
        if to in self.LIFECYCLE.after_begun and self.started_at is None:
            times["started_at"] = UtcNow()
        if to in self.LIFECYCLE.terminal:
            times["completed_at"] = UtcNow()
        return times

    @property
    def public_id(self) -> str:
        return str(getattr(self, self.PUBLIC_ID))

    @property
    def vm(self) -> Any:
        return reduce(getattr, self.VM.split("__"), self)

    @property
    def shown_status(self) -> str:
        """The status that pages and the API show."""
        instead = (
            str(getattr(self, field)) for field, values in self.SHOWN_INSTEAD.items() if getattr(self, field) in values
        )
        return next(instead, str(self.status))  # type: ignore[attr-defined]

    @property
    def is_active(self) -> bool:
        return any(getattr(self, field) in values for field, values in self.active_in().items())

    @property
    def needs_engine(self) -> bool:
        """Whether it is an engine that has to go on with it."""
        return any(getattr(self, field) in values for field, values in self.worked_in().items())

    @property
    def is_worked_on(self) -> bool:
        """Whether an engine has it and has to go on with it."""
        return self.needs_engine and self.engine is not None

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for an engine to take it."""
        return self.needs_engine and self.engine is None


class Leased(models.Model):
    """The fence and the lease of a job that holds no claim."""

    fence = models.BigIntegerField(default=0, db_default=0, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    lease_seconds = models.IntegerField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @staticmethod
    def constraints(table: str) -> list[models.CheckConstraint]:
        return [
            set_while(
                table,
                "lease_whole",
                "lease_seconds",
                Q(heartbeat_at__isnull=False),
                "A lease has a last report and a length, or neither.",
            )
        ]


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
