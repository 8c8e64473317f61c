"""The figures of the home: what a person should know first, each with the address of the rows behind it.

Every figure counts the rows that its own list would show this person, and leaves out what they may not see.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import site
from django.db.models import Count, Model, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from backups.capacity import MEASURED
from backups.models import BackupRepository
from config.admin import human_size
from config.jobs.kinds import kinds
from config.schema.admin.state import is_old
from config.schema.models import AppliedMigration, Probe
from config.staff.attention import ATTENTION
from config.staff.filters import Protected
from config.staff.models import RepositoryStanding, StandingFinding, Survey
from failover.findings import CODES
from failover.models import Purpose, RecoveryPlan, RecoveryPlanRun
from failover.queries import last_passed_tests
from failover.readiness import Verdict
from inventory.models import Alert, Severity, VMContext, VMDisk
from replication.queries import protection_counts
from replication.rpo import RpoState

OLD_AFTER = timedelta(minutes=10)
"""A survey that is older says nothing of now."""
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
MOST_CODES = 6
MOST_PLANS = 6
MOST_REPOSITORIES = 6


@dataclass(frozen=True)
class Figure:
    """One number, what it counts, how good that is, and where its rows are."""

    count: int | None
    words: str
    address: str | None
    tone: str = "plain"

    @property
    def shown_tone(self) -> str:
        """None of something bad is nothing to be seen."""
        return "none" if not self.count and self.tone != "good" else self.tone


@dataclass(frozen=True)
class Part:
    """One part of a bar, in hundredths of its length."""

    tone: str
    begin: float
    length: float


@dataclass(frozen=True)
class Card:
    """Some figures under one title, and perhaps a bar of their shares."""

    title: str
    figures: Sequence[Figure] = ()
    has_bar: bool = False
    columns: Sequence[str] = ()
    rows: Sequence[Any] = field(default_factory=list)
    note: str = ""
    is_wide: bool = False
    is_surveyed: bool = False
    """Whether it speaks of the last survey and not of now."""

    @property
    def bar(self) -> list[Part]:
        total = sum(figure.count or 0 for figure in self.figures)
        parts, begin = [], 0.0
        for figure in self.figures:
            if figure.count and total:
                length = 100 * figure.count / total
                parts.append(Part(figure.tone, round(begin, 3), round(length, 3)))
                begin += length
        return parts

    @property
    def in_words(self) -> str:
        """The bar for who does not see it."""
        return ", ".join(f"{figure.count} {figure.words}" for figure in self.figures)


@dataclass(frozen=True)
class Home:
    as_of: Any
    is_old: bool
    is_running: bool
    may_survey: bool
    cards: Sequence[Card]


def last_survey() -> tuple[Any, bool]:
    """Of when the newest survey is, None without one, and whether it is too old to speak of now."""
    as_of = Survey.objects.values_list("as_of", flat=True).first()
    return as_of, _is_too_old(as_of)


def _is_too_old(as_of: datetime | None) -> bool:
    return as_of is None or timezone.now() - as_of > OLD_AFTER


def rows_for(request: HttpRequest, model: type[Model]) -> QuerySet[Any] | None:
    """The rows that this person's list of a model holds, in no order; None where they may not see it."""
    page = site.get_model_admin(model) if site.is_registered(model) else None
    if page is None or not page.has_view_permission(request):
        return None
    return page.get_queryset(request).order_by()


def address(model: type[Model], **query: Any) -> str:
    """The list of a model, narrowed."""
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{page}?{urlencode(query)}" if query else page


def home(request: HttpRequest) -> Home:
    """All that the home shows to this person, in a number of queries that no estate makes larger."""
    survey = Survey.objects.first()
    as_of = survey.as_of if survey else None
    cards = [card for make in CARDS for card in make(request)]
    return Home(
        as_of,
        _is_too_old(as_of),
        bool(survey and survey.holder),
        bool(request.user.has_perm("inventory.view_vmcontext")),
        cards,
    )


MANAGED = {"archived_at__isempty": 1}


def _estate(request: HttpRequest) -> Iterator[Card]:
    vms = rows_for(request, VMContext)
    if vms is None:
        return
    yield _by_protection("Virtual machines", vms.filter(archived_at=None), MANAGED)
    disks = rows_for(request, VMDisk)
    if disks is None:
        return
    present = {"removed_at__isempty": 1, "vm_context__archived_at__isempty": 1}
    managed = disks.filter(removed_at=None, vm_context__archived_at=None)
    yield _by_protection("Disks", managed, present)


def _by_protection(title: str, rows: QuerySet[Any], narrowed: Mapping[str, int]) -> Card:
    """How many of these rows are protected; `narrowed`: what leads to them."""
    tones = {"protected": "good", "unknown": "unknown", "paused": "warn", "none": "bad"}
    return Card(
        title,
        [
            Figure(count, Protected.words[state], address(rows.model, protection=state.value, **narrowed), tones[state])
            for state, count in protection_counts(rows).items()
        ],
        has_bar=True,
    )


def _standings(request: HttpRequest) -> Iterator[Card]:
    vms = rows_for(request, VMContext)
    if vms is None:
        return
    managed = vms.filter(archived_at=None)
    protected = Q(protection__enabled=True)
    told = {f"rpo_{each.value}": Count("pk", filter=protected & Q(standing__rpo=each.value)) for each in RpoState}
    for kind in Purpose:
        told |= {f"{kind}_{each}": Count("pk", filter=Q(**{f"standing__{kind}": each})) for each in Verdict}
    counts = managed.aggregate(
        unseen=Count("pk", filter=Q(standing=None)), unseen_rpo=Count("pk", filter=Q(standing=None) & protected), **told
    )
    tones = {"met": "good", "breached": "bad", "unknown": "unknown", "ready": "good", "not_ready": "bad"}

    def figures(name: str, choices: Any, unseen: str, **query: Any) -> list[Figure]:
        return [
            Figure(
                counts[f"{name}_{value}"] + (counts[unseen] if value == "unknown" else 0),
                words,
                address(VMContext, **{name: value}, **query, **MANAGED),
                tones[value],
            )
            for value, words in choices
        ]

    states = [(each.value, each.value) for each in RpoState]
    yield Card("RPO", figures("rpo", states, "unseen_rpo", protection="on"), has_bar=True, is_surveyed=True)
    for kind, title in ((Purpose.LIVE, "Ready for a live failover"), (Purpose.TEST, "Ready for a test failover")):
        verdicts = [(each.value, str(each.label).lower()) for each in Verdict]
        yield Card(title, figures(kind.value, verdicts, "unseen"), has_bar=True, is_surveyed=True)
    blocking = Q(blocks_live=True) | Q(blocks_test=True)
    found = StandingFinding.objects.filter(blocking, vm_context__in=managed.values("pk"))
    codes = found.values("code").annotate(vms=Count("pk")).order_by("-vms", "code")[:MOST_CODES]
    rows = [
        (_text(row["code"], address(VMContext, blocked=row["code"], **MANAGED)), _remedy(row["code"]), row["vms"])
        for row in codes
    ]
    columns = ("Code", "What mends it", "VMs")
    yield Card("What blocks most", is_wide=True, columns=columns, rows=rows, note="Nothing blocks.", is_surveyed=True)


def _remedy(code: str) -> str:
    return CODES[code].remedy if code in CODES else ""


def _text(words: str, where: str | None) -> dict[str, str | None]:
    return {"words": words, "address": where}


def _jobs(request: HttpRequest) -> Iterator[Card]:
    seen = [(kind, rows_for(request, kind.model)) for kind in kinds()]
    branches = [
        each.of(jobs).annotate(figure=Value(f"{kind.name}.{each.name}")).values("figure").annotate(jobs=Count("pk"))
        for kind, jobs in seen
        if jobs is not None
        for each in ATTENTION
    ]
    if not branches:
        return
    counts = {row["figure"]: row["jobs"] for row in branches[0].union(*branches[1:], all=True)}
    rows = [
        (
            _text(str(kind.model._meta.verbose_name_plural).capitalize(), address(kind.model)),
            *(
                Figure(
                    counts.get(f"{kind.name}.{each.name}", 0),
                    each.words,
                    address(kind.model, attention=each.name),
                    each.tone,
                )
                for each in ATTENTION
            ),
        )
        for kind, jobs in seen
        if jobs is not None
    ]
    yield Card("Jobs", is_wide=True, columns=("Kind", *(each.words.capitalize() for each in ATTENTION)), rows=rows)


def _alerts(request: HttpRequest) -> Iterator[Card]:
    alerts = rows_for(request, Alert)
    if alerts is None:
        return
    counts = dict(alerts.filter(is_open=True).values_list("severity").annotate(Count("pk")))
    tones = {Severity.CRITICAL: "bad", Severity.WARNING: "warn", Severity.INFO: "plain"}
    yield Card(
        "Open alerts",
        [
            Figure(
                counts.get(each.value, 0),
                each.value,
                address(Alert, severity__exact=each.value, resolved_at__isempty=1),
                tones[each],
            )
            for each in Severity
        ],
    )


def _plans(request: HttpRequest) -> Iterator[Card]:
    plans = rows_for(request, RecoveryPlan)
    if plans is None:
        return
    never_first = last_passed_tests(plans).order_by(Coalesce("last_passed_at", Value(BEFORE_ALL)), "name")
    rows = [
        (
            _text(row["name"], reverse("admin:failover_recoveryplan_change", args=[row["pk"]])),
            _tested(row["pk"], row["last_passed_at"]),
        )
        for row in never_first[:MOST_PLANS]
    ]
    yield Card(
        "Last passed test of each plan", columns=("Plan", "Passed"), rows=rows, note="There is no recovery plan."
    )


def _tested(plan: int, at: Any) -> dict[str, Any]:
    if at is None:
        return {"words": "never", "address": None, "tone": "unknown"}
    runs = address(RecoveryPlanRun, plan__id__exact=plan, kind__exact=Purpose.TEST.value)
    return {"words": f"{at:%Y-%m-%d}", "address": runs}


def _storage(request: HttpRequest) -> Iterator[Card]:
    repositories = rows_for(request, BackupRepository)
    if repositories is None:
        return
    found = RepositoryStanding.objects.filter(repository__in=repositories.values("pk")).order_by("-stored_bytes", "pk")
    columns = (
        *("repository_id", "repository__name", "repository__capacity_bytes"),
        *("stored_bytes", "stored_bytes_before", "growth_bytes_per_day", "days_to_full"),
    )
    rows = []
    for pk, name, capacity, stored, before, per_day, days in found.values_list(*columns)[:MOST_REPOSITORIES]:
        growth = None if before is None else stored - before
        size = f"{human_size(stored)} of {human_size(capacity)}"
        where = reverse("admin:backups_backuprepository_change", args=[pk])
        rows.append((_text(name, where), size, _growth(growth), _days_to_full(capacity, per_day, days)))
    title = ("Repository", "Stored", f"In {MEASURED.days} days", "Full in")
    yield Card(
        "Back-up storage", is_wide=True, columns=title, rows=rows, note="Nothing is stored yet.", is_surveyed=True
    )


def _growth(growth: int | None) -> str:
    if growth is None:
        return "unknown"
    return ("+" if growth >= 0 else "\u2212") + human_size(abs(growth))


def _days_to_full(capacity: int | None, per_day: float | None, days: float | None) -> dict[str, Any]:
    if days is not None and days <= 0:
        return {"words": "full", "address": None, "tone": "bad"}
    if days is not None:
        tone = "bad" if days < 30 else "warn" if days < 90 else "good"
        return {"words": f"{int(days)} days", "address": None, "tone": tone}
    if capacity is None or per_day is None:
        return {"words": "unknown", "address": None, "tone": "unknown"}
    return {"words": "does not grow", "address": None, "tone": "good"}


def _schema(request: HttpRequest) -> Iterator[Card]:
    if not request.user.has_perm("schema.view_appliedmigration"):
        return
    seen = Probe.objects.order_by("-last_at").first()
    if seen is None or is_old(seen):
        state = {"words": "unknown: no worker has looked", "tone": "unknown"}
    else:
        state = {"words": seen.state, "tone": "good" if seen.state == "ready" else "warn"}
    row = (state | {"address": address(AppliedMigration)}, "" if seen is None else f"{seen.last_at:%Y-%m-%d %H:%M} UTC")
    yield Card("Schema", columns=("State", "Last probe"), rows=[row])


CARDS = (_estate, _standings, _alerts, _plans, _jobs, _schema, _storage)
