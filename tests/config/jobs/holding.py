"""A job that factories have made holds nothing yet."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from inventory.models import OperationClaim


def hold(job: Any, *, fence: int = 7, silent_for: float = 0) -> None:
    """Give an active job what it holds, with an engine that has been silent for so many seconds."""
    at = timezone.now() - timedelta(seconds=silent_for)
    lease = {"fence": fence, "heartbeat_at": at, "lease_seconds": 60}
    if not job.HOLDS_CLAIM:
        type(job).objects.filter(pk=job.pk).update(**lease)
        return
    OperationClaim.objects.filter(pk=job.vm.pk).update(
        holder_kind=job.KIND, holder_id=job.public_id, taken_at=at, **lease
    )
