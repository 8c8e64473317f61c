"""Recovery plans and their runs."""

from datetime import timedelta

from factory import LazyAttribute, Maybe, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from config.demo.chance import chance
from config.demo.factories.failover import FailoverJobFactory
from config.demo.factories.inventory import VMContextFactory
from config.demo.factories.tenancy import OrganizationFactory
from failover.models import (
    ACTIVE_PLAN_RUN,
    PlanRunStatus,
    PlanStepKind,
    Purpose,
    RecoveryPlan,
    RecoveryPlanGroup,
    RecoveryPlanMember,
    RecoveryPlanRun,
    RecoveryPlanStep,
    StepStatus,
)


class RecoveryPlanFactory(DjangoModelFactory):
    class Meta:
        model = RecoveryPlan

    organization = SubFactory(OrganizationFactory)
    name = Sequence(lambda n: f"plan {n}")
    rto_seconds = 4 * 3600


class RecoveryPlanGroupFactory(DjangoModelFactory):
    class Meta:
        model = RecoveryPlanGroup

    plan = SubFactory(RecoveryPlanFactory)
    seq = Sequence(lambda n: n + 1)
    name = LazyAttribute(lambda made: f"group {made.seq}")
    depends_on = None


class RecoveryPlanMemberFactory(DjangoModelFactory):
    class Meta:
        model = RecoveryPlanMember

    plan = SubFactory(RecoveryPlanFactory)
    group = SubFactory(RecoveryPlanGroupFactory, plan=SelfAttribute("..plan"))
    vm_context = SubFactory(VMContextFactory, vcenter__organization=SelfAttribute("...plan.organization"))


class RecoveryPlanRunFactory(DjangoModelFactory):
    class Meta:
        model = RecoveryPlanRun

    plan = SubFactory(RecoveryPlanFactory)
    kind = Purpose.TEST
    status = PlanRunStatus.PENDING
    is_active = LazyAttribute(lambda made: True if made.status in ACTIVE_PLAN_RUN else None)
    started_by = "factory"
    started_at = LazyAttribute(
        lambda made: None if made.status in (PlanRunStatus.PENDING, PlanRunStatus.CANCELLED) else chance.ago(minutes=50)
    )
    completed_at = LazyAttribute(lambda made: None if made.is_active else chance.ago(minutes=10))


class RecoveryPlanStepFactory(DjangoModelFactory):
    """A step that a person confirms; `kind="failover"` makes its failover job too."""

    class Meta:
        model = RecoveryPlanStep

    class Params:
        is_failover = LazyAttribute(lambda made: made.kind == PlanStepKind.FAILOVER)

    run = SubFactory(RecoveryPlanRunFactory)
    seq = Sequence(lambda n: n + 1)
    kind = PlanStepKind.MANUAL
    title = "Ask the application team"
    failover_job = Maybe(
        "is_failover",
        SubFactory(
            FailoverJobFactory,
            job_type=SelfAttribute("..run.kind"),
            vm_context__vcenter__organization=SelfAttribute("....run.plan.organization"),
        ),
    )
    status = StepStatus.PENDING
    deadline_seconds = LazyAttribute(lambda made: 3600 if made.kind == PlanStepKind.MANUAL else None)
    deadline = LazyAttribute(
        lambda made: (
            made.started_at + timedelta(seconds=made.deadline_seconds)
            if made.started_at and made.deadline_seconds
            else None
        )
    )
    default_answer = LazyAttribute(lambda made: "stop" if made.kind == PlanStepKind.MANUAL else None)
    started_at = LazyAttribute(
        lambda made: None if made.status in (StepStatus.PENDING, StepStatus.SKIPPED) else chance.ago(minutes=40)
    )
    completed_at = LazyAttribute(
        lambda made: None if made.status in (StepStatus.PENDING, StepStatus.RUNNING) else chance.ago(minutes=20)
    )
