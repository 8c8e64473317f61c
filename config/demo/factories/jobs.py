"""What the factories of all kinds of job share, the events of jobs, and the answers kept for repeated calls."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from factory import LazyAttribute, LazyFunction, Sequence
from factory.django import DjangoModelFactory

from config.demo.chance import chance
from config.demo.factories.inventory import VMContextFactory
from config.jobs.models import IdempotencyKey, JobEvent
from inventory.identifiers import stamp
from inventory.models import HolderKind


def begins(made: Any) -> bool:
    """Whether a job in this status has begun: an engine works on it, or it ended otherwise than by being cancelled."""
    return made.status in made.lifecycle.begun or (made.status in made.lifecycle.terminal and not is_cancelled(made))


def is_cancelled(made: Any) -> bool:
    return made.status == "cancelled"


def progress_of(made: Any) -> float | None:
    if made.status in made.lifecycle.begun:
        return 40.0
    return 100.0 if made.completed_at and not made.error_code and not is_cancelled(made) else None


class JobFactory(DjangoModelFactory):
    """The columns that all kinds of job share, as they are in the status that is given."""

    class Meta:
        abstract = True

    created_at = LazyFunction(lambda: chance.ago(hours=1))
    started_at = LazyAttribute(lambda made: made.created_at + timedelta(minutes=1) if begins(made) else None)
    completed_at = LazyAttribute(
        lambda made: made.created_at + timedelta(minutes=20) if made.status in made.lifecycle.terminal else None
    )
    error_code = LazyAttribute(lambda made: "engine_error" if made.status == "failed" else None)
    error_message = LazyAttribute(lambda made: "The source closed the connection." if made.error_code else None)
    progress_percent = LazyAttribute(progress_of)
    progress_at = LazyAttribute(lambda made: made.completed_at or made.started_at)
    engine = LazyAttribute(lambda made: "engine-1" if made.started_at else None)
    created_by = "factory"


class JobEventFactory(DjangoModelFactory):
    """The creation of a job that exists in name only; give `job_id` and `vm_context_id` of a real one."""

    class Meta:
        model = JobEvent

    at = LazyFunction(lambda: chance.ago(hours=1))
    job_kind = HolderKind.REPLICATION
    job_id = LazyFunction(lambda: chance.identifier("job", stamp(chance.now())))
    vm_context_id = LazyFunction(lambda: VMContextFactory.create().context_id)
    to_status = "pending"
    actor = "factory"


class IdempotencyKeyFactory(DjangoModelFactory):
    class Meta:
        model = IdempotencyKey

    caller = "key:factory"
    key = Sequence(lambda n: f"request-{n}")
    request_digest = LazyAttribute(lambda made: sha256(made.key.encode()).hexdigest())
    answer_status = 201
    answer = LazyFunction(lambda: {"accepted": True})
    expires_at = LazyFunction(lambda: chance.ago(days=-1))
