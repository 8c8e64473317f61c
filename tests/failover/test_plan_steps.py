"""A step that a person confirms: how long there is, and until when."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from config.demo.factories import RecoveryPlanStepFactory
from failover.models import PlanStepKind, StepStatus

pytestmark = pytest.mark.django_db


def test_a_pending_question_knows_how_long_a_person_has_and_not_yet_until_when() -> None:
    step = RecoveryPlanStepFactory(kind=PlanStepKind.MANUAL, status=StepStatus.PENDING)
    step.full_clean()
    assert (step.deadline_seconds, step.deadline) == (3600, None)


def test_a_question_that_was_asked_has_its_deadline() -> None:
    step = RecoveryPlanStepFactory(kind=PlanStepKind.MANUAL, status=StepStatus.RUNNING)
    assert step.deadline == step.started_at + timedelta(hours=1)
    step.deadline = None
    with pytest.raises(ValidationError, match="told until when"):
        step.full_clean()
