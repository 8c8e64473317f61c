"""Recovery plans: which VMs to bring up in which order, and the runs of a plan."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from config.schema.constraints import at_least, filled, known, longer, set_while, true_or_unset
from config.schema.fields import CodeField
from failover.models.jobs import FailoverJob, StepStatus, step_checks
from failover.models.mappings import Purpose
from inventory.models import Organization, VMContext
from inventory.models.base import Stamped, Versioned


class RecoveryPlan(Stamped, Versioned):
    """A named plan of an organisation."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="recovery_plans")
    name = CodeField(max_length=128)
    description = models.TextField(null=True, blank=True)
    rto_seconds = models.IntegerField(
        "RTO (seconds)", null=True, blank=True, help_text="Within what time the plan shall be done."
    )

    class Meta:
        db_table = "recovery_plans"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="recovery_plans_name_per_organization"),
            filled("recovery_plans", "name", "description"),
            at_least("recovery_plans", 1, "rto_seconds"),
        ]

    def __str__(self) -> str:
        return self.name


class DefaultAnswer(models.TextChoices):
    """What holds when nobody answers a question before its deadline."""

    CONTINUE = "continue", "continue"
    STOP = "stop", "stop"


class RecoveryPlanGroup(Stamped):
    """VMs of a plan that are brought up together, after the group they depend on.

    When they are up there may be a pause, and then a question that a person answers before any other group goes on
    from there.
    """

    plan = models.ForeignKey(RecoveryPlan, on_delete=models.CASCADE, related_name="groups")
    seq = models.IntegerField()
    name = CodeField(max_length=128)
    depends_on = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="dependents")
    pause_seconds = models.IntegerField(default=0, db_default=0, help_text="To wait after the group is up.")
    question = models.CharField(
        max_length=255, null=True, blank=True, help_text="What a person has to confirm after that; empty: nothing."
    )
    answer_seconds = models.IntegerField(null=True, blank=True, help_text="How long a person has to answer.")
    default_answer = CodeField(
        max_length=64,
        null=True,
        blank=True,
        choices=DefaultAnswer,
        help_text="What holds when nobody answers in that time.",
    )

    class Meta:
        db_table = "recovery_plan_groups"
        ordering = ["plan", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "seq"], name="recovery_plan_groups_seq_per_plan"),
            models.UniqueConstraint(fields=["plan", "name"], name="recovery_plan_groups_name_per_plan"),
            filled("recovery_plan_groups", "name"),
            at_least("recovery_plan_groups", 0, "pause_seconds"),
            at_least("recovery_plan_groups", 1, "seq"),
            known("recovery_plan_groups", "default_answer", DefaultAnswer),
            models.CheckConstraint(
                condition=longer("question", 0) & Q(answer_seconds__gte=1),
                name="recovery_plan_groups_question_given",
                violation_error_message="A question is a text, with at least one second to answer it.",
            ),
            models.CheckConstraint(
                condition=Q(question__isnull=True, answer_seconds__isnull=True, default_answer__isnull=True)
                | Q(question__isnull=False, answer_seconds__isnull=False, default_answer__isnull=False),
                name="recovery_plan_groups_question_whole",
                violation_error_message="A question says how long there is to answer, and what holds if nobody does.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RecoveryPlanMember(Stamped):
    """A VM in a group; a critical one that fails stops the plan."""

    plan = models.ForeignKey(RecoveryPlan, on_delete=models.CASCADE, related_name="members")
    group = models.ForeignKey(RecoveryPlanGroup, on_delete=models.CASCADE, related_name="members")
    vm_context = models.ForeignKey(
        VMContext, on_delete=models.PROTECT, related_name="plan_memberships", verbose_name="VM context"
    )
    is_critical = models.BooleanField(default=True, db_default=True)

    class Meta:
        db_table = "recovery_plan_members"
        constraints = [
            models.UniqueConstraint(fields=["plan", "vm_context"], name="recovery_plan_members_once_per_plan"),
        ]

    def __str__(self) -> str:
        return str(self.vm_context_id)


class PlanRunStatus(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting", "waiting for a person"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_PLAN_RUN = (PlanRunStatus.PENDING.value, PlanRunStatus.RUNNING.value, PlanRunStatus.WAITING.value)


class Ending(models.TextChoices):
    """As what a run ends that is stopped before all of it is done."""

    FAILED = PlanRunStatus.FAILED.value
    CANCELLED = PlanRunStatus.CANCELLED.value


class RecoveryPlanRun(Stamped, Versioned):
    """One test or live run of a plan; at most one per plan is active.

    A run that is to end before all of it is done is still active while an engine works for it; `ending` says as what it
    will end then.
    """

    plan = models.ForeignKey(RecoveryPlan, on_delete=models.PROTECT, related_name="runs")
    kind = CodeField(max_length=64, choices=Purpose)
    status = CodeField(
        max_length=64, choices=PlanRunStatus, default=PlanRunStatus.PENDING, db_default=PlanRunStatus.PENDING
    )
    is_active = models.BooleanField(null=True, blank=True, default=True, db_default=True, editable=False)
    started_by = models.CharField(max_length=255)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    ending = CodeField(
        max_length=64,
        null=True,
        blank=True,
        choices=Ending,
        help_text="As what it ends once nothing works for it any more; empty: it goes on.",
    )
    reason = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "recovery_plan_runs"
        ordering = ["-created_at"]
        permissions = [
            ("start_live_plan_run", "Can run a recovery plan for real"),
            ("clean_up_plan_run", "Can clean up a test run of a plan"),
            ("roll_back_plan_run", "Can roll back a live run of a plan"),
            ("commit_plan_run", "Can accept a live run of a plan"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["plan", "is_active"], name="recovery_plan_runs_one_active"),
            known("recovery_plan_runs", "kind", Purpose),
            known("recovery_plan_runs", "status", PlanRunStatus),
            known("recovery_plan_runs", "ending", Ending),
            filled("recovery_plan_runs", "started_by", "reason"),
            true_or_unset("recovery_plan_runs", "is_active"),
            set_while(
                "recovery_plan_runs",
                "active_by_status",
                "is_active",
                Q(status__in=list(ACTIVE_PLAN_RUN)),
                "A plan run is active until it has ended.",
            ),
            set_while(
                "recovery_plan_runs",
                "ended_has_time",
                "completed_at",
                ~Q(status__in=list(ACTIVE_PLAN_RUN)),
                "A plan run that has ended has the time of its end; any other has none.",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[PlanRunStatus.RUNNING.value, PlanRunStatus.WAITING.value])
                | Q(started_at__isnull=False),
                name="recovery_plan_runs_begun_has_time",
                violation_error_message="A plan run that has begun has the time of its start.",
            ),
            models.CheckConstraint(
                condition=Q(ending__isnull=True) | Q(reason__isnull=False),
                name="recovery_plan_runs_ending_has_reason",
                violation_error_message="A plan run that is stopped says why.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def public_id(self) -> str:
        """By which `job_events` tell of the run."""
        return f"plan-run-{self.pk}"


class PlanStepKind(models.TextChoices):
    FAILOVER = "failover"
    PAUSE = "pause"
    MANUAL = "manual", "a person confirms"


class RecoveryPlanStep(Stamped):
    """One step of a plan run: a failover job, a pause, or something a person confirms before a deadline.

    How long a pause lasts and a person has is known from the start, until when only once the step has started. The
    place of a step is its own: a plan that is changed later does not change what was run.
    """

    run = models.ForeignKey(RecoveryPlanRun, on_delete=models.CASCADE, related_name="steps")
    seq = models.IntegerField()
    group_seq = models.IntegerField("group", default=1, db_default=1)
    waits_for = models.IntegerField(
        null=True, blank=True, help_text="The group whose steps have to end first; empty: none."
    )
    is_critical = models.BooleanField(
        default=True, db_default=True, help_text="Whether the run stops when this step fails."
    )
    kind = CodeField(max_length=64, choices=PlanStepKind)
    title = models.CharField(max_length=255)
    failover_job = models.OneToOneField(
        FailoverJob, on_delete=models.PROTECT, null=True, blank=True, related_name="plan_step"
    )
    status = CodeField(max_length=64, choices=StepStatus, default=StepStatus.PENDING, db_default=StepStatus.PENDING)
    deadline_seconds = models.IntegerField(
        null=True, blank=True, help_text="How long a person has to answer, or a pause lasts."
    )
    deadline = models.DateTimeField(null=True, blank=True, help_text="Empty: the step has not started.")
    default_answer = CodeField(
        max_length=64,
        null=True,
        blank=True,
        choices=DefaultAnswer,
        help_text="What holds when nobody answers before the deadline.",
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="confirmed_plan_steps"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "recovery_plan_steps"
        ordering = ["run", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["run", "seq"], name="recovery_plan_steps_seq_per_run"),
            known("recovery_plan_steps", "kind", PlanStepKind),
            *step_checks("recovery_plan_steps"),
            filled("recovery_plan_steps", "title", "message"),
            at_least("recovery_plan_steps", 1, "seq", "deadline_seconds"),
            models.CheckConstraint(
                condition=Q(default_answer__in=["continue", "stop"]),
                name="recovery_plan_steps_default_answer_known",
                violation_error_message="The default answer is continue or stop.",
            ),
            models.CheckConstraint(
                condition=~Q(kind=PlanStepKind.MANUAL)
                | Q(deadline_seconds__isnull=False, default_answer__isnull=False),
                name="recovery_plan_steps_manual_has_default",
                violation_error_message="A step that waits for a person says for how long, and has a default answer.",
            ),
            models.CheckConstraint(
                condition=~Q(kind=PlanStepKind.MANUAL) | Q(started_at__isnull=True) | Q(deadline__isnull=False),
                name="recovery_plan_steps_asked_has_deadline",
                violation_error_message="A person who has been asked is told until when.",
            ),
            models.CheckConstraint(
                condition=Q(group_seq__gte=1)
                & (Q(waits_for__isnull=True) | (Q(waits_for__gte=1) & ~Q(waits_for=models.F("group_seq")))),
                name="recovery_plan_steps_waits_for_another",
                violation_error_message="The groups of a run are numbered from 1, and none waits for itself.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seq}. {self.title}"
