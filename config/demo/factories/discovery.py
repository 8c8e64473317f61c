"""Runs of a source and their outcomes."""

from datetime import timedelta

from factory import LazyAttribute, LazyFunction, SelfAttribute, SubFactory
from factory.django import DjangoModelFactory

from config.demo.chance import chance
from config.demo.factories.inventory import VcenterFactory, VMContextFactory
from inventory.models import DiscoveryOutcome, DiscoveryRun, Outcome, RunStatus, SourceKind

UNHAPPY = {
    Outcome.MISSING: "The newest complete run did not find it.",
    Outcome.CONFLICT: "Two VMs of the source have this instance UUID.",
    Outcome.FAILED: "The source did not say how large disk 2000 is.",
}


class DiscoveryRunFactory(DjangoModelFactory):
    class Meta:
        model = DiscoveryRun

    vcenter = SubFactory(VcenterFactory)
    source_kind = SourceKind.VCENTER
    source_name = LazyAttribute(lambda made: (made.vcenter and made.vcenter.host) or "estate.xlsx")
    added_by = "factory"
    status = RunStatus.COMPLETED
    started_at = LazyFunction(lambda: chance.ago(hours=1))
    completed_at = LazyAttribute(
        lambda made: (
            None if made.status in (RunStatus.WAITING, RunStatus.RUNNING) else made.started_at + timedelta(seconds=40)
        )
    )
    counts = LazyFunction(lambda: {"added": 1})
    findings = LazyFunction(lambda: [{"code": "VM.TEMPLATE", "message": "template-1 is a template: left out."}])
    findings_total = LazyAttribute(lambda made: len(made.findings))
    error_code = LazyAttribute(lambda made: "unreachable" if made.status == RunStatus.FAILED else None)
    error_message = LazyAttribute(lambda made: "No answer in 10 s." if made.status == RunStatus.FAILED else None)


class DiscoveryOutcomeFactory(DjangoModelFactory):
    class Meta:
        model = DiscoveryOutcome

    run = SubFactory(DiscoveryRunFactory)
    vm_context = SubFactory(VMContextFactory, vcenter=SelfAttribute("..run.vcenter"))
    vm_name = LazyAttribute(lambda made: made.vm_context.name if made.vm_context else "unknown-vm")
    outcome = Outcome.ADDED
    reason = LazyAttribute(lambda made: UNHAPPY.get(made.outcome))
