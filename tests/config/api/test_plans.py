"""A recovery plan from its making to the evidence of its test, by an operator and an engine, through the API only."""

import json
import re
from typing import Any

import pytest

from config.demo.engine import Engine
from config.demo.factories import VcenterFactory
from config.jobs.models import JobEvent
from failover.models import FailoverJob
from failover.services.plan_advance import advance_plan_runs
from inventory.models import OperationClaim
from tests.checkout import ROOT
from tests.config.api.client import Refused, hub_of
from tests.failover.estates import ready_vm

pytestmark = pytest.mark.django_db
QUESTION = {"text": "Does the database answer?", "answer_seconds": 600, "default_answer": "stop"}


@pytest.fixture
def vcenter():
    return VcenterFactory.create()


@pytest.fixture
def vms(vcenter):
    return [ready_vm(vcenter=vcenter, name=name) for name in ("db", "app-1", "app-2", "mail")]


@pytest.fixture
def operator(vcenter):
    return hub_of(vcenter.organization, "read", "operate", name="operator")


@pytest.fixture
def simulated(vcenter):
    return Engine(hub_of(vcenter.organization, "read", "engine", name="engine"))


def shop(vms: list[Any]) -> dict[str, Any]:
    """The application after its database, and the mail beside both."""
    database, first, second, mail = ({"context_id": vm.pk} for vm in vms)
    return {
        "name": "Shop",
        "rto_seconds": 7200,
        "groups": [
            {"name": "Applications", "depends_on": "Databases", "members": [first, {**second, "critical": False}]},
            {"name": "Databases", "members": [database], "question": QUESTION},
            {"name": "Mail", "members": [mail]},
        ],
    }


def work(simulated: Engine) -> list[str]:
    """Let the engine do what it is given, and the plan go on; the names of the VMs in the order they were done in."""
    done = []
    while True:
        moved = advance_plan_runs()
        if job := simulated.do_next("failover"):
            done.append(job["vm_name"])
        elif not moved:
            return done


def refusal(call: Any, *args: Any, **body: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        call(*args, **body)
    return refused.value


def statuses(run: dict[str, Any]) -> dict[str, str]:
    return {step["title"]: step["status"] for step in run["steps"]}


def test_a_plan_is_tested_group_by_group_confirmed_cleaned_up_and_proved(vms, operator, simulated, settings):
    settings.EVIDENCE_KEYS = ["a key of the tests, which is long enough to be one"]
    plan = operator.post("recovery-plans", **shop(vms))
    assert [group["depends_on"] for group in plan["groups"]] == ["Databases", None, None]
    assert operator.get(f"recovery-plans/{plan['id']}/readiness?kind=test")["verdict"] == "ready"

    told = operator.post(f"recovery-plans/{plan['id']}/runs", kind="test", dry_run=True)
    assert (told["would_start"], told["at_least"]) == (True, True)
    assert [step["group"] for step in told["steps"]] == ["Databases"] * 2 + ["Applications"] * 2 + ["Mail"]
    assert FailoverJob.objects.filter(status="pending").count() == 0

    run = operator.post(f"recovery-plans/{plan['id']}/runs", kind="test")
    assert (run["status"], run["passed"], run["aftermath"]) == ("running", None, "none")
    assert statuses(run)["Fail over app-1"] == "pending"
    held = set(OperationClaim.objects.exclude(holder_id=None).values_list("holder_id", flat=True))
    assert held == {step["job"] for step in run["steps"] if step["kind"] == "failover"}
    assert set(work(simulated)) == {"db", "mail"}

    run = operator.get(f"plan-runs/{run['id']}")
    question = next(step for step in run["steps"] if step["kind"] == "manual")
    assert (run["status"], question["status"], question["default_answer"]) == ("waiting", "running", "stop")
    assert operator.get(f"recovery-plans/{plan['id']}")["active_run"] == run["id"]
    run = operator.post(f"plan-runs/{run['id']}/steps/{question['seq']}/confirm", message="It does.")
    assert (run["status"], run["steps"][1]["message"]) == ("running", "key operator: continue. It does.")
    assert sorted(work(simulated)) == ["app-1", "app-2"]

    run = operator.get(f"plan-runs/{run['id']}")
    assert (run["status"], run["aftermath"], run["passed"], run["rto_kept"]) == ("completed", "due", None, True)
    assert operator.get(f"recovery-plans/{plan['id']}")["last_passed_test"] is None
    assert operator.post(f"plan-runs/{run['id']}/cleanup")["aftermath"] == "cleanup"
    assert len(work(simulated)) == 4
    run = operator.get(f"plan-runs/{run['id']}")
    assert (run["aftermath"], run["passed"], run["left_out"]) == ("cleaned", True, 0)
    assert operator.get(f"recovery-plans/{plan['id']}")["last_passed_test"]["run"] == run["id"]
    path = run["steps"][0]["evidence"].removeprefix("/api/v1/")
    assert operator.get(path)["chain"][1]["entry"]["scope"]["plan"] == "Shop"
    moves = (
        JobEvent.objects.filter(job_id=f"plan-run-{run['id']}").order_by("id").values_list("from_status", "to_status")
    )
    assert list(moves)[:3] == [(None, "pending"), ("pending", "running"), ("running", "waiting")]
    assert not OperationClaim.objects.exclude(holder_id=None).exists()


def test_a_live_run_is_committed_as_one_and_its_vms_run_at_the_target(vms, operator, simulated):
    plan = operator.post(
        "recovery-plans", name="Move", groups=[{"name": "All", "members": [{"context_id": vms[0].pk}]}]
    )
    run = operator.post(f"recovery-plans/{plan['id']}/runs", kind="live")
    assert refusal(operator.post, f"plan-runs/{run['id']}/commit", reason="early").code == "run_active"
    work(simulated)
    assert refusal(operator.post, f"plan-runs/{run['id']}/cleanup").code == "other_kind"
    run = operator.post(f"plan-runs/{run['id']}/commit", reason="It serves.")
    assert (run["status"], run["aftermath"], run["passed"]) == ("completed", "committed", None)
    vms[0].refresh_from_db()
    assert vms[0].runs_at == "target"
    assert refusal(operator.post, f"plan-runs/{run['id']}/commit", reason="again").code == "nothing_due"


def test_a_live_run_is_rolled_back_as_one(vms, operator, simulated):
    members = [{"context_id": vm.pk} for vm in vms[:2]]
    plan = operator.post("recovery-plans", name="Move", groups=[{"name": "All", "members": members}])
    run = operator.post(f"recovery-plans/{plan['id']}/runs", kind="live")
    work(simulated)
    run = operator.post(f"plan-runs/{run['id']}/rollback", reason="The source is back.")
    assert run["aftermath"] == "reverting"
    work(simulated)
    assert operator.get(f"plan-runs/{run['id']}")["aftermath"] == "rolled_back"


def test_a_run_that_is_asked_for_twice_with_one_key_is_made_once(vms, operator):
    plan = operator.post("recovery-plans", **shop(vms))
    path, key = f"recovery-plans/{plan['id']}/runs", {"Idempotency-Key": "run-1"}
    first = operator.call("POST", path, {"kind": "test"}, **key)
    assert operator.call("POST", path, {"kind": "test"}, **key) == first
    assert refusal(operator.post, path, kind="test").code == "run_active"
    assert [run["id"] for run in operator.get(path)["items"]] == [first["id"]]


def test_a_plan_is_changed_with_its_version_and_not_while_it_runs(vms, operator):
    plan = operator.post("recovery-plans", **shop(vms))
    path = f"recovery-plans/{plan['id']}"
    changed = operator.call("PATCH", path, {"description": "All of it.", "version": plan["version"]})
    assert (changed["description"], changed["name"], len(changed["groups"])) == ("All of it.", "Shop", 3)
    assert refusal(operator.call, "PATCH", path, {"name": "Other", "version": plan["version"]}).code == "changed"
    run = operator.post(f"{path}/runs", kind="test")
    now = {"version": changed["version"]}
    assert refusal(operator.call, "PATCH", path, {"groups": [], **now}).code == "run_active"
    operator.post(f"plan-runs/{run['id']}/cancel", reason="Not now.")
    assert operator.call("PATCH", path, {"groups": [], **now})["groups"] == []
    assert refusal(operator.call, "DELETE", path).code == "has_runs"
    other = operator.post("recovery-plans", name="Other")
    operator.call("DELETE", f"recovery-plans/{other['id']}")
    assert [each["name"] for each in operator.get("recovery-plans")["items"]] == ["Shop"]


def test_what_no_plan_can_be_is_refused_in_a_sentence(vms, operator):
    member = {"context_id": vms[0].pk}
    group = {"name": "One", "members": [member]}
    circle = [{"name": "One", "depends_on": "Two"}, {"name": "Two", "depends_on": "One"}]
    for groups, code in (
        ([group, {**group, "name": "Two"}], "vm_twice"),
        (circle, "circle"),
        ([{"name": "One", "depends_on": "One"}], "circle"),
        ([{"name": "One", "depends_on": "Zero"}], "invalid"),
        ([group, group], "invalid"),
        ([{"name": "One", "members": [{"context_id": "ctx-of-nobody"}]}], "not_found"),
    ):
        refused = refusal(operator.post, "recovery-plans", name="Plan", groups=groups)
        assert refused.code == code, refused.message
    operator.post("recovery-plans", name="Plan")
    assert refusal(operator.post, "recovery-plans", name="Plan").code == "taken"
    assert len(operator.get("recovery-plans")["items"]) == 1


def test_a_plan_is_renamed_by_the_rules_of_every_record(operator):
    operator.post("recovery-plans", name="Shop", groups=[{"name": "One"}])
    made = operator.post("recovery-plans", name="Plan", description="of the office")
    path = f"recovery-plans/{made['id']}"
    for body, code in (
        ({"name": "Shop"}, "taken"),
        ({"name": " "}, "invalid"),
        ({"name": "x" * 129}, "invalid"),
        ({"description": " "}, "invalid"),
        ({"rto_seconds": 0}, "invalid"),
    ):
        assert refusal(operator.call, "PATCH", path, {**body, "version": made["version"]}).code == code, body
    renamed = operator.call("PATCH", path, {"name": "Office", "description": None, "version": made["version"]})
    assert (renamed["name"], renamed["description"], renamed["version"]) == ("Office", None, made["version"] + 1)
    assert operator.call("PATCH", path, {"groups": [], "version": renamed["version"]})["version"] == made["version"] + 2


def test_nothing_of_another_organisation_is_found_or_put_into_a_plan(vms, operator):
    plan = operator.post("recovery-plans", **shop(vms))
    run = operator.post(f"recovery-plans/{plan['id']}/runs", kind="test")
    other = hub_of(None, name="other")
    path, runs = f"recovery-plans/{plan['id']}", f"plan-runs/{run['id']}"
    for method, call, body in (
        *(("GET", each, None) for each in (path, f"{path}/readiness", f"{path}/runs", runs)),
        *(("PATCH", path, {"name": "Mine"}), ("DELETE", path, None)),
        ("POST", f"{path}/runs", {"kind": "test", "dry_run": True}),
        ("POST", f"{runs}/steps/1/confirm", {}),
        *(("POST", f"{runs}/{what}", {"reason": "Mine."}) for what in ("cancel", "cleanup", "rollback", "commit")),
    ):
        refused = refusal(other.call, method, call, body)
        assert (refused.status, refused.code) == (404, "not_found"), call
    assert other.get("recovery-plans")["items"] == []
    assert refusal(other.post, "recovery-plans", **shop(vms)).status == 404
    assert operator.get(runs)["status"] == "running"


def test_a_key_that_may_only_read_changes_nothing(vms, operator, vcenter):
    plan = operator.post("recovery-plans", **shop(vms))
    reader = hub_of(vcenter.organization, "read", name="reader")
    assert reader.get(f"recovery-plans/{plan['id']}")["name"] == "Shop"
    assert refusal(reader.post, f"recovery-plans/{plan['id']}/runs", kind="test").status == 403
    assert refusal(reader.post, "plan-runs/1/cancel", reason="No.").status == 403


def test_the_plan_of_the_page_is_made_as_it_stands(vms, operator):
    (text,) = re.findall(
        r"^```json\n(.*?)^```", (ROOT / "docs/recovery-plans.md").read_text(), re.MULTILINE | re.DOTALL
    )
    for vm, name in zip(vms, ("ctx-db", "ctx-app", "ctx-report"), strict=False):
        text = text.replace(name, vm.pk)
    plan = operator.post("recovery-plans", **json.loads(text))
    assert plan["groups"][0]["question"]["default_answer"] == "stop"
    assert [member["critical"] for member in plan["groups"][1]["members"]] == [True, False]
