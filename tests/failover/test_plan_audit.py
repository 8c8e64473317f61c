"""Who put which VM into a plan, and who took it out, is in the audit log, whichever way it was done."""

import re
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth import get_user
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from config.demo.factories import ApiKeyFactory, VcenterFactory, VMContextFactory
from config.jobs.moves import By
from failover.models import RecoveryPlan, RecoveryPlanGroup, RecoveryPlanMember
from failover.services.failovers import set_back
from inventory.models import VMContext
from tests.people import member
from tests.test_admin_pages import form_of, page

pytestmark = pytest.mark.django_db
ACTION = LogEntry.Action
SECRET = "hub_" + "k" * 43


@pytest.fixture
def vms() -> list[VMContext]:
    vcenter = VcenterFactory()
    return [VMContextFactory(vcenter=vcenter, name=name) for name in ("db", "app", "mail")]


def entries(model: type[Any], after: int = 0) -> Any:
    return LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model), pk__gt=after).order_by("pk")


def as_told(plan: RecoveryPlan) -> set[tuple[str, str]]:
    """The VMs of the plan and the groups that they are in, as the entries tell it one after the other."""
    found: dict[str, dict[str, str]] = {}
    for entry in entries(RecoveryPlanMember):
        if entry.action == ACTION.DELETE:
            del found[entry.object_pk]
        else:
            row = found.setdefault(entry.object_pk, {})
            for name, (before, after) in entry.changes.items():
                assert row.get(name, "None") == before
                row[name] = after
    return {(row["vm_context"], row["group"]) for row in found.values() if row["plan"] == str(plan.pk)}


def as_is(plan: RecoveryPlan) -> set[tuple[str, str]]:
    return {(vm, str(group)) for vm, group in plan.members.values_list("vm_context_id", "group_id")}


def test_the_audit_log_tells_which_vms_a_plan_had_at_any_time_and_who_changed_them(
    vms: list[VMContext], client: Client
) -> None:
    key = ApiKeyFactory(organization=vms[0].vcenter.organization, secret=SECRET, scopes=["read", "operate"])
    people = member(vms[0].vcenter.organization, "operator")
    database, application, mail = ({"context_id": vm.pk} for vm in vms)

    def call(method: str, path: str, **body: Any) -> Any:
        answer = getattr(client, method)(
            f"/api/v1/{path}", body, content_type="application/json", headers={"Authorization": f"Bearer {SECRET}"}
        )
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    made = call("post", "recovery-plans", name="Shop", groups=[{"name": "Databases", "members": [database]}])
    plan = RecoveryPlan.objects.get(pk=made["id"])
    groups = [
        {"name": "Databases", "members": [database, mail]},
        {"name": "Applications", "depends_on": "Databases", "members": [application]},
    ]
    assert as_told(plan) == as_is(plan) and len(as_is(plan)) == 1
    call("patch", f"recovery-plans/{plan.pk}", version=made["version"], groups=groups)
    assert as_told(plan) == as_is(plan) and len(as_is(plan)) == 3
    assert {(each.actor, each.additional_data["caller"]) for each in entries(RecoveryPlanMember)} == {
        (key.owner, f"key {key.name}")
    }
    new = entries(RecoveryPlanGroup).filter(object_repr="Applications")
    assert "depends_on" in new.get(action=ACTION.UPDATE).changes

    last = entries(RecoveryPlanMember).last().pk
    first = plan.groups.get(name="Databases")
    rows = {row.vm_context_id: row for row in plan.members.all()}
    sent = form_of(people, plan)
    number = next(
        name for name, value in sent.items() if re.fullmatch(r"members-\d+-id", name) and value == rows[vms[2].pk].pk
    )
    sent |= {number.replace("-id", "-DELETE"): "on"}
    assert people.post(page(RecoveryPlan, "change", plan.pk), sent).status_code == 302
    assert as_told(plan) == as_is(plan) and len(as_is(plan)) == 2
    sent = {"plan": plan.pk, "group": first.pk, "vm_context": vms[2].pk, "is_critical": "on"}
    answer = people.post(page(RecoveryPlanMember, "add"), sent)
    assert answer.status_code == 302, answer.context["adminform"].errors
    sent = form_of(people, rows[vms[1].pk]) | {"group": first.pk}
    assert people.post(page(RecoveryPlanMember, "change", rows[vms[1].pk].pk), sent).status_code == 302
    assert as_told(plan) == as_is(plan) and {group for _, group in as_is(plan)} == {str(first.pk)}
    sent = {"action": "delete_selected", "_selected_action": [rows[vms[0].pk].pk], "index": "0", "post": "yes"}
    assert people.post(page(RecoveryPlanMember, "changelist"), sent).status_code == 302
    assert as_told(plan) == as_is(plan) and len(as_is(plan)) == 2
    assert people.post(page(RecoveryPlan, "delete", plan.pk), {"post": "yes"}).status_code == 302
    assert as_told(plan) == set()
    assert {each.actor for each in entries(RecoveryPlanMember, last)} == {get_user(people)}  # type: ignore[arg-type]


def test_a_vm_that_is_set_back_to_its_source_has_an_entry_of_it(vms: list[VMContext]) -> None:
    VMContext.objects.filter(pk=vms[0].pk).update(runs_at="target")
    set_back(vms[0], by=By("ada"), reason="it came home")
    assert entries(VMContext).last().changes == {"runs_at": ["target", "source"]}
