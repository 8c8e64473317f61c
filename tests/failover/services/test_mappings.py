"""Where networks lead: a test reaches isolated networks only, whoever asks for what at the same time."""

import threading
from typing import Any

import pytest
from django.db import connection

from config.demo.factories import NetworkMappingFactory, TargetFactory, TargetNetworkFactory, VMContextFactory
from config.jobs.moves import By
from config.refusals import Conflict, Invalid, NotFound, Refusal
from failover.models import NetworkMapping
from failover.queries import mapping_gaps
from failover.services.mappings import delete_mapping, set_mapping
from failover.services.networks import change_network
from tests.failover.estates import ready_vm

BY = By("operator")


def estate(isolation: str) -> tuple[Any, Any]:
    vm = VMContextFactory.create()
    return vm, TargetNetworkFactory.create(target__organization=vm.vcenter.organization, isolation=isolation)


def mark(network: Any, isolation: str) -> Any:
    return change_network(network, {"isolation": isolation}, version=None, by=BY)


@pytest.mark.django_db
def test_a_mapping_is_set_changed_and_deleted_alone():
    vm, network = estate("isolated")
    other = TargetNetworkFactory.create(target=network.target, isolation="isolated")
    kept = set_mapping(vm, "vm network", "test", network, by=BY)
    first = set_mapping(vm, "VM Network", "test", network, by=BY)
    again = set_mapping(vm, "VM Network", "test", other, by=BY, version=first.version)
    assert (again.pk, again.target_network, again.version) == (first.pk, other, first.version + 1)
    with pytest.raises(Conflict, match="has changed meanwhile"):
        set_mapping(vm, "VM Network", "test", network, by=BY, version=first.version)
    delete_mapping(again, by=BY)
    assert list(NetworkMapping.objects.all()) == [kept]
    with pytest.raises(NotFound):
        delete_mapping(again, by=BY)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("purpose", "isolation", "code"),
    [("test", "production", "not_isolated"), ("test", "unknown", "not_isolated"), ("live", "isolated", "isolated")],
)
def test_the_isolation_of_a_network_decides_which_mappings_lead_to_it(purpose, isolation, code):
    vm, network = estate(isolation)
    with pytest.raises(Conflict) as refused:
        set_mapping(vm, "VM Network", purpose, network, by=BY)
    assert refused.value.code == code
    assert not NetworkMapping.objects.exists()


@pytest.mark.django_db
def test_a_network_keeps_its_isolation_while_mappings_rely_on_it():
    vm, isolated = estate("isolated")
    production = TargetNetworkFactory.create(target=isolated.target, isolation="production")
    set_mapping(vm, "VM Network", "test", isolated, by=BY)
    set_mapping(vm, "VM Network", "live", production, by=BY)
    for network, isolation in ((isolated, "production"), (isolated, "unknown"), (production, "isolated")):
        with pytest.raises(Conflict, match=r"1 (live|test) mappings lead to") as refused:
            mark(network, isolation)
        assert refused.value.details == [{"vm_context_id": vm.pk}]
        before = network.isolation
        network.refresh_from_db()
        assert network.isolation == before
    mark(production, "unknown")
    delete_mapping(NetworkMapping.objects.get(purpose="live"), by=BY)
    mark(production, "isolated")
    production.refresh_from_db()
    assert production.isolation == "isolated"


@pytest.mark.django_db
def test_a_change_of_a_network_raises_its_version_once():
    _, network = estate("unknown")
    changed = change_network(network, {"isolation": "isolated", "name": "lab"}, version=network.version, by=BY)
    assert (changed.version, changed.isolation, changed.name) == (network.version + 1, "isolated", "lab")


@pytest.mark.django_db
def test_another_organisations_network_is_not_found_and_words_that_mean_nothing_are_refused():
    vm, network = estate("isolated")
    theirs = TargetNetworkFactory.create(target=TargetFactory.create(), isolation="isolated")
    with pytest.raises(NotFound):
        set_mapping(vm, "VM Network", "test", theirs, by=BY)
    for name, purpose in ((" ", "test"), ("x" * 256, "test"), ("VM Network", "drill")):
        with pytest.raises(Invalid):
            set_mapping(vm, name, purpose, network, by=BY)
    with pytest.raises(Invalid):
        mark(network, "quarantined")


@pytest.mark.django_db(transaction=True)
def test_of_a_live_mapping_and_a_mark_as_isolated_at_once_one_wins():
    vm, network = estate("unknown")
    for round_ in range(6):
        outcomes: list[str] = []
        ready = threading.Barrier(2)

        def do(act: Any, outcomes: list[str] = outcomes, ready: threading.Barrier = ready) -> None:
            try:
                ready.wait(30)
                act()
                outcomes.append("done")
            except Refusal as refusal:
                outcomes.append(refusal.code)
            finally:
                connection.close()

        acts = (
            lambda name=f"net {round_}": set_mapping(vm, name, "live", network, by=BY),
            lambda: mark(network, "isolated"),
        )
        threads = [threading.Thread(target=do, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        network.refresh_from_db()
        is_mapped = NetworkMapping.objects.filter(target_network=network, purpose="live").exists()
        assert not (is_mapped and network.isolation == "isolated"), outcomes
        assert sorted(outcomes) in (["done", "mapped"], ["done", "isolated"])
        NetworkMapping.objects.all().delete()
        mark(network, "unknown")


@pytest.mark.django_db
def test_gaps_are_found_over_all_network_interfaces():
    vm = ready_vm()
    assert list(mapping_gaps()) == []
    NetworkMapping.objects.filter(vm_context=vm, source_network_name="Web DMZ", purpose="test").delete()
    vm.network_interfaces.filter(source_network_name="VM Network").update(source_network_name=None)
    assert [(gap["source_network_name"], gap["has_live"], gap["has_test"]) for gap in mapping_gaps()] == [
        (None, False, False),
        ("Web DMZ", True, False),
    ]
    other = NetworkMappingFactory.create().vm_context
    assert not mapping_gaps(type(vm).objects.filter(pk=other.pk)).exists()
