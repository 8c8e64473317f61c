"""What the page of a VM tells of its jobs and of who may work on it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Case, CharField, Exists, F, OuterRef, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from config.admin import Panel
from config.jobs.kinds import kind_named, kinds
from config.schema.fields import SecondsSince
from inventory.models import OperationClaim

NEWEST = 15
EVER = datetime(1970, 1, 2, tzinfo=UTC)
"""Before any job."""
DRAWN = timedelta(days=30)
WIDTH, LEAST = 600, 3
"""Of the drawing, and of a bar in it."""
COLUMNS = ("kind", "key", "job", "shown", "created_at", "started_at", "completed_at", "error_code", "engine")


def newest_jobs(vm: Any) -> list[dict[str, Any]]:
    """The newest jobs of a VM, of all kinds, in one query. The one that holds it is shown lost where its engine is."""
    silent = OperationClaim.objects.filter(pk=vm.pk).annotate(age=SecondsSince("heartbeat_at"))
    lost = silent.filter(age__gt=F("lease_seconds"))
    found = []
    for kind in kinds():
        model = kind.model
        rows = model.objects.filter(**{model.VM: vm})
        # Older ones than so many of its own kind are not shown; not every engine takes a limit in a union.
        since = Subquery(rows.order_by("-created_at").values("created_at")[NEWEST - 1 : NEWEST])
        found.append(
            rows.filter(created_at__gte=Coalesce(since, Value(EVER)))
            .order_by()
            .annotate(
                kind=Value(kind.name, output_field=CharField()),
                key=Cast("pk", CharField(max_length=191)),
                job=Cast(F(model.PUBLIC_ID), CharField(max_length=191)),
                shown=Case(
                    When(Exists(lost.filter(holder_id=OuterRef(model.PUBLIC_ID))), then=Value("lost")),
                    *(
                        When(**{f"{field}__in": values}, then=Cast(field, CharField(max_length=64)))
                        for field, values in model.SHOWN_INSTEAD.items()
                    ),
                    default=Cast("status", CharField(max_length=64)),
                    output_field=CharField(max_length=64),
                ),
            )
            .values_list(*COLUMNS)
        )
    rows = found[0].union(*found[1:], all=True).order_by("-created_at")[:NEWEST]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def job_page(kind: str, key: Any) -> str:
    """The address of the page of a job of this kind."""
    meta = kind_named(kind).model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(key)])


class JobsPanel(Panel):
    """The newest jobs of a VM as rows, and those of the last month as bars on one scale of time."""

    template = "jobs/panel.html"
    permission = "inventory.view_operationclaim"
    place = 60

    def facts(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        now = timezone.now()
        jobs = newest_jobs(record)
        drawn = [job for job in jobs if now - job["created_at"] < DRAWN]
        begin = min((job["created_at"] for job in drawn), default=now)
        scale = WIDTH / max((now - begin).total_seconds(), 1)
        for job in jobs:
            end = job["completed_at"] or now
            begun = job["started_at"] or job["created_at"]
            job |= {"page": job_page(job["kind"], job["key"]), "seconds": int((end - begun).total_seconds())}
        for number, job in enumerate(drawn):
            width = max(((job["completed_at"] or now) - job["created_at"]).total_seconds() * scale, LEAST)
            left = min((job["created_at"] - begin).total_seconds() * scale, WIDTH - LEAST)
            job |= {"x": f"{left:.1f}", "width": f"{width:.1f}", "y": number * 10}
        return {"jobs": jobs, "height": len(drawn) * 10, "begin": begin, "now": now}
