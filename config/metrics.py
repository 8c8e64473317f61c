"""`GET /metrics`: what a Prometheus asks for, of one organisation, in a constant number of queries.

Readiness is not among it, as it reads all that is known of every VM, and neither are counts of requests: each process
of gunicorn would tell of its own only, now of one and now of another.
"""

from collections.abc import Iterator
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from config.api.authentication import KeyAuth
from config.api.callers import Caller, Forbidden, Scope
from config.api.errors import CODES, shaped
from config.jobs.kinds import kinds
from config.schema.fields import SecondsSince
from config.schema.instances import live_instances
from config.schema.probe import last_probe
from config.schema.state import State
from inventory.models import VMContext
from replication.queries import to_be_protected
from replication.rpo import RpoState, rpo_of


def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics of the organisation of a key with the scope `metrics`; its errors have the shape of the API's."""
    try:
        caller: Caller | None = KeyAuth()(request)
        if caller is None:
            return _refusal(request, 401, "Nobody knows who asks: send a key, as Authorization: Bearer KEY.")
        if Scope.METRICS not in caller.scopes:
            return _refusal(request, 403, str(Forbidden(Scope.METRICS)))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(OfOrganization(caller.organization))
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    except Error:
        return _refusal(request, 503, "The database cannot be reached: try again in a moment.")


def _refusal(request: HttpRequest, status: int, words: str) -> JsonResponse:
    return JsonResponse(shaped(request, CODES[status], words), status=status)


class OfOrganization(Collector):
    """Reads the present numbers of one organisation each time it is asked."""

    def __init__(self, organization: Any) -> None:
        self.organization = organization

    def collect(self) -> Iterator[Gauge]:
        yield from self._jobs()
        yield self._rpo()
        yield from _installation()

    def _jobs(self) -> Iterator[Gauge]:
        by_status = Gauge("hub_jobs", "Jobs, by kind and status.", labels=["kind", "status"])
        waiting = Gauge("hub_jobs_waiting", "Jobs that no engine has taken yet.", labels=["kind"])
        oldest = Gauge("hub_jobs_oldest_waiting_seconds", "Age of the oldest that waits; none: none.", labels=["kind"])
        lost = Gauge("hub_jobs_lost", "Jobs whose engine is silent for longer than its lease.", labels=["kind"])
        for kind in kinds():
            mine = kind.model.objects.of(self.organization)
            found = dict(mine.order_by().values_list("status").annotate(jobs=Count("pk")))
            for status in kind.model.LIFECYCLE.moves:
                by_status.add_metric([kind.name, status], found.get(status, 0))
            age = SecondsSince("created_at")
            now = mine.waiting().annotate(age=age).aggregate(jobs=Count("pk"), oldest=Max("age"))
            waiting.add_metric([kind.name], now["jobs"])
            if now["oldest"] is not None:
                oldest.add_metric([kind.name], float(now["oldest"]))
            lost.add_metric([kind.name], mine.lost().count())
        yield from (by_status, waiting, oldest, lost)

    def _rpo(self) -> Gauge:
        gauge = Gauge("hub_vms_rpo", "VMs to be protected: RPO met, breached or unknown.", labels=["state"])
        vms = VMContext.objects.managed().filter(to_be_protected(VMContext), vcenter__organization=self.organization)
        states = [answer.state for answer in rpo_of(vms.only("pk"), timezone.now()).values()]
        for state in RpoState:
            gauge.add_metric([state.value], states.count(state))
        return gauge


def _installation() -> Iterator[Gauge]:
    """What is one for all organisations."""
    connection = connections[DEFAULT_DB_ALIAS]
    probe = last_probe(connection)
    found = probe.state if probe else State.UNKNOWN.value
    state = Gauge("hub_schema_state", "1 for the state that the worker saw last.", labels=["state"])
    for each in State:
        state.add_metric([each.value], found == each.value)
    yield state
    if probe:
        yield Gauge("hub_schema_seen_seconds", "When the worker saw that, as Unix time.", probe.last_at.timestamp())
    instances = Gauge("hub_instances", "Processes that serve, by release.", labels=["release"])
    live = [each.release for each in live_instances(connection)]
    for release in sorted(set(live)):
        instances.add_metric([release], live.count(release))
    yield instances
