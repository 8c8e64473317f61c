"""The matrix of network mappings: gaps are seen, only what may be is offered, many are mapped at once."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.demo.factories import (
    NetworkMappingFactory,
    TargetFactory,
    TargetNetworkFactory,
    UserFactory,
    VcenterFactory,
    VMContextFactory,
    VMNetworkInterfaceFactory,
)
from failover import admin_matrix
from failover.models import NetworkMapping
from failover.queries import mapping_matrix
from inventory.models import VMContext

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(username="ada", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def estate() -> Any:
    """Three VMs in one network, one of them mapped for a test; and where networks may lead."""
    vcenter = VcenterFactory()
    target = TargetFactory(organization=vcenter.organization, name="cloud")
    vms = [VMContextFactory(vcenter=vcenter, name=f"web-{number}") for number in range(3)]
    for vm in vms:
        for number in range(2):
            VMNetworkInterfaceFactory(vm_context=vm, source_network_name="VM Network", nic_key=f"key:{4000 + number}")
    lab, other = (TargetNetworkFactory(target=target, isolation="isolated", name=name) for name in ("lab", "other lab"))
    NetworkMappingFactory(vm_context=vms[0], source_network_name="VM Network", purpose="test", target_network=other)
    return vcenter, vms, lab, other


def matrix(vcenter: Any, **query: str) -> str:
    return reverse("admin:failover_networkmapping_matrix", query={"vcenter": vcenter.pk, **query})


def led(purpose: str) -> dict[str, str]:
    rows = NetworkMapping.objects.filter(purpose=purpose).values_list("vm_context__name", "target_network__name")
    return dict(rows)


def map_networks(client: Client, address: str, confirmed: bool = True, **said: Any) -> Any:
    sent = {"network-0": "VM Network", **{name.replace("_", "-"): value for name, value in said.items()}}
    return client.post(
        address, sent | ({"confirmed": "yes", "reason": "for the test"} if confirmed else {}), follow=True
    )


def test_the_matrix_counts_vms_and_not_interfaces_and_shows_the_gaps(client: Client, estate: Any) -> None:
    vcenter, vms, lab, other = estate
    NetworkMappingFactory(vm_context=vms[1], source_network_name="no such network", purpose="test", target_network=lab)
    [row] = mapping_matrix(VMContext.objects.filter(vcenter=vcenter))
    assert (row.network, row.vms, row.leads["test"]) == ("VM Network", 3, {other.pk: 1})
    assert (row.gaps("test"), row.gaps("live")) == (2, 3)
    text = client.get(matrix(vcenter)).content.decode()
    assert "2 without a mapping" in text
    assert "3 without a mapping" in text


def test_a_test_is_offered_isolated_networks_only_and_live_only_others(client: Client, estate: Any) -> None:
    vcenter, _, lab, other = estate
    production = TargetNetworkFactory(target=lab.target, isolation="production")
    unknown = TargetNetworkFactory(target=lab.target, isolation="unknown")
    foreign = TargetNetworkFactory(isolation="isolated")
    [row] = client.get(matrix(vcenter)).context["rows"]
    test, live = ({each.pk for each in cell["offered"]} for cell in row["cells"])
    assert test == {lab.pk, other.pk}
    assert live == {production.pk, unknown.pk}
    for network, purpose in ((production, "test_0"), (lab, "live_0"), (foreign, "test_0")):
        answer = map_networks(client, matrix(vcenter), **{purpose: network.pk})
        assert "Nothing would change" in str(list(map(str, answer.context["messages"])))
    assert NetworkMapping.objects.count() == 1


def test_what_would_change_is_shown_before_it_does(client: Client, estate: Any) -> None:
    vcenter, _, lab, _ = estate
    answer = map_networks(client, matrix(vcenter), confirmed=False, test_0=lab.pk)
    assert answer.context["count"] == 2
    assert "Sets 2 network mappings" in answer.content.decode()
    assert led("test") == {"web-0": "other lab"}


def test_gaps_are_filled_and_what_is_mapped_stays_unless_all_are_asked_for(client: Client, estate: Any) -> None:
    vcenter, _, lab, _ = estate
    answer = map_networks(client, matrix(vcenter), test_0=lab.pk)
    assert "2 network mappings set" in str(list(map(str, answer.context["messages"])))
    assert led("test") == {"web-0": "other lab", "web-1": "lab", "web-2": "lab"}
    assert LogEntry.objects.filter(change_message="Mapped: for the test").count() == 2
    map_networks(client, matrix(vcenter), test_0=lab.pk, which="all")
    assert set(led("test").values()) == {"lab"}


def test_a_filter_of_vms_bounds_what_is_mapped(client: Client, estate: Any) -> None:
    vcenter, _, lab, _ = estate
    map_networks(client, matrix(vcenter, vm="web-2"), test_0=lab.pk, which="all")
    assert led("test") == {"web-0": "other lab", "web-2": "lab"}


def test_a_network_that_is_no_longer_isolated_is_refused_by_name_and_the_rest_is_done(
    client: Client, estate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vcenter, vms, lab, _ = estate
    set_mapping = admin_matrix.set_mapping

    def set_after_another_has_marked_it(vm: VMContext, *args: Any, **options: Any) -> Any:
        lab.__class__.objects.filter(pk=lab.pk).update(isolation="isolated" if vm == vms[1] else "production")
        return set_mapping(vm, *args, **options)

    monkeypatch.setattr(admin_matrix, "set_mapping", set_after_another_has_marked_it)
    answer = map_networks(client, matrix(vcenter), test_0=lab.pk)
    told = [str(message) for message in answer.context["messages"]]
    assert told[0] == "Mapped: 1 network mapping set."
    assert told[1].startswith("web-2: A test must not reach production")


def test_who_may_only_look_sees_no_choice_and_is_refused(estate: Any) -> None:
    vcenter, _, lab, _ = estate
    client, user = Client(), UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    answer = client.get(matrix(vcenter))
    assert '<select name="test-0"' not in answer.content.decode()
    assert map_networks(client, matrix(vcenter), test_0=lab.pk).status_code == 403
    user.user_permissions.clear()
    assert client.get(matrix(vcenter)).status_code == 403


@pytest.mark.parametrize("vcenter", ["0", "x", "99999999999999999999"])
def test_a_vcenter_that_is_none_is_not_found(client: Client, vcenter: str) -> None:
    assert client.get(f"{reverse('admin:failover_networkmapping_matrix')}?vcenter={vcenter}").status_code == 404


def test_an_empty_hub_has_an_empty_matrix(client: Client) -> None:
    assert client.get(reverse("admin:failover_networkmapping_matrix")).status_code == 200


def test_more_networks_and_vms_cost_no_query(client: Client, estate: Any) -> None:
    vcenter, _, lab, _ = estate

    def made() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(matrix(vcenter)).status_code == 200
        return len(queries)

    few = made()
    for number in range(5):
        vm = VMContextFactory(vcenter=vcenter)
        VMNetworkInterfaceFactory(vm_context=vm, source_network_name=f"network {number}")
        network = TargetNetworkFactory(target=lab.target, isolation="isolated")
        NetworkMappingFactory(
            vm_context=vm, source_network_name=f"network {number}", purpose="test", target_network=network
        )
    assert made() == few <= 10
