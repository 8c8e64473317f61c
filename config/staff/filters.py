"""Filters by how the fleet stood at its last survey, and by what needs attention."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from config.staff.attention import ATTENTION
from config.staff.models import StandingFinding
from failover.findings import CODES
from failover.readiness import Verdict
from replication.queries import ProtectionState, in_protection_state, to_be_protected
from replication.rpo import RpoState


class Protected(SimpleListFilter):
    """Of VMs or disks, by whether a copy protects them; `on`: those that somebody wants to be protected."""

    title, parameter_name = "protection", "protection"
    on = "on"
    words = {
        ProtectionState.PROTECTED: "protected",
        ProtectionState.UNKNOWN: "unknown",
        ProtectionState.PAUSED: "paused",
        ProtectionState.NONE: "not protected",
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return (self.on, "to be protected"), *((state.value, words) for state, words in self.words.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.on:
            return queryset.filter(to_be_protected(queryset.model))
        state = next((each for each in ProtectionState if each == self.value()), None)
        return in_protection_state(queryset, state) if state else queryset


class Standing(SimpleListFilter):
    """How the VM stood at the last survey; one that was not looked at yet is unknown."""

    choices_shown: Sequence[tuple[str, str]] = ()
    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return self.choices_shown

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in dict(self.choices_shown):
            return queryset
        stands = Q(**{f"standing__{self.field}": self.value()})
        return queryset.filter(stands | Q(standing=None) if self.value() == "unknown" else stands)


class RpoOfVM(Standing):
    title, parameter_name, field = "RPO", "rpo", "rpo"
    choices_shown = [(each.value, each.value) for each in RpoState]


class ReadyForTest(Standing):
    title, parameter_name, field = "test failover", "test", "test"
    choices_shown = [(each.value, str(each.label).lower()) for each in Verdict]


class ReadyForLive(Standing):
    title, parameter_name, field = "live failover", "live", "live"
    choices_shown = [(each.value, str(each.label).lower()) for each in Verdict]


class Blocked(SimpleListFilter):
    """By what blocks a failover of the VM, of either kind."""

    title, parameter_name = "blocked by", "blocked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(code, code) for code in sorted(CODES) if CODES[code].severity == "blocker"]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        blocks = Q(blocks_test=True) | Q(blocks_live=True)
        its = StandingFinding.objects.filter(blocks, vm_context=OuterRef("pk"), code=self.value())
        return queryset.filter(Exists(its))


class NeedsAttention(SimpleListFilter):
    title, parameter_name = "needs attention", "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(each.name, each.words) for each in ATTENTION]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = next((each for each in ATTENTION if each.name == self.value()), None)
        return chosen.of(queryset) if chosen else queryset
