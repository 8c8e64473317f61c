"""The evidence of a failover: what it says, and that nobody changes it unseen."""

import copy
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.jobs import engines
from config.jobs.kinds import find_job
from config.jobs.models import JobEvent
from config.jobs.moves import By
from config.refusals import Conflict
from failover.evidence import NoKey, as_html, evidence_of, faults_of
from failover.models import FailoverJob
from failover.services.failovers import create_failover, request_cleanup
from replication.models import TargetVolume
from tests.failover.estates import ready_vm

pytestmark = pytest.mark.django_db
BY, ENGINE = By("operator", "request-7"), By("engine-1")
KEY, NEWER = "k" * 32, "n" * 32


@pytest.fixture(autouse=True)
def key(settings: Any) -> None:
    settings.EVIDENCE_KEYS = [KEY]


def passed_test(reason: str | None = None) -> FailoverJob:
    vm = ready_vm()
    if reason:
        TargetVolume.objects.filter(vm_disk__vm_context=vm, vm_disk__disk_id="disk-2001").update(status="error")
    job = create_failover(vm, "test", by=BY, override_reason=reason)
    for statuses in (("snapshotting", "creating_vm", "switching_volume", "powering_on"), ()):
        taken = engines.take_next(["failover"], engine="engine-1", by=ENGINE)
        assert taken is not None
        for status in statuses:
            engines.advance(job.job_id, taken.fence, status, by=ENGINE)
        engines.complete(job.job_id, taken.fence, by=ENGINE)
        if statuses:
            request_cleanup(job.job_id, by=BY)
    return find_job(job.job_id)


def test_the_evidence_of_a_passed_test_says_what_was_done_and_how_fast():
    job = passed_test("The second disk is <scratch>.")
    document = evidence_of(job)
    assert faults_of(document) == []
    _, report, *events = (link["entry"] for link in document["chain"])
    assert (report["result"], report["scope"]["vm_name"]) == ("passed", job.vm.name)
    assert report["override"] == {"by": "operator", "reason": "The second disk is <scratch>."}
    assert [finding["code"] for finding in report["findings"]] == ["DISK.VOLUME_ERROR"]
    assert report["rpo"]["agreed_seconds"] == 4 * 3600 and report["rpo"]["is_kept"] is True
    assert report["rto"]["agreed_seconds"] is None and report["rto"]["is_kept"] is None
    statuses = "pending validating snapshotting creating_vm switching_volume powering_on completed"
    assert [event["to"] for event in events] == [*statuses.split(), "cleanup", "cleanup", "cleaned"]
    assert events[0]["request_id"] == "request-7"
    page = as_html(document)
    assert document["head"] in page and "&lt;scratch&gt;" in page and "cannot be told" in page


def test_what_is_not_over_or_has_no_key_has_no_evidence(settings):
    job = create_failover(ready_vm(), "test", by=BY)
    with pytest.raises(Conflict, match="more to come"):
        evidence_of(job)
    done = passed_test_of(job)
    settings.EVIDENCE_KEYS = []
    with pytest.raises(NoKey, match="EVIDENCE_KEY is not set"):
        evidence_of(done)


def passed_test_of(job: FailoverJob) -> FailoverJob:
    FailoverJob.objects.filter(pk=job.pk).update(status="cancelled", completed_at=job.created_at)
    return find_job(job.job_id)


def another_result(document: Any) -> None:
    document["chain"][1]["entry"]["result"] = "passed, and how"


def an_event_less(document: Any) -> None:
    del document["chain"][3]


def the_end_cut_off(document: Any) -> None:
    document["chain"].pop()
    document["head"] = document["chain"][-1]["digest"]


def two_events_exchanged(document: Any) -> None:
    document["chain"][3], document["chain"][4] = document["chain"][4], document["chain"][3]


def another_head(document: Any) -> None:
    document["head"] = "0" * 64


def no_chain(document: Any) -> None:
    document["chain"] = []


@pytest.mark.parametrize(
    "forge", [another_result, an_event_less, the_end_cut_off, two_events_exchanged, another_head, no_chain]
)
def test_a_changed_evidence_is_found_out(forge: Callable[[Any], None], tmp_path: Path):
    document = copy.deepcopy(evidence_of(passed_test()))
    forge(document)
    assert faults_of(document)
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(document))
    with pytest.raises(CommandError) as refused:
        call_command("verify_evidence", file)
    assert refused.value.returncode == 1


def test_a_key_is_changed_and_what_the_old_one_sealed_is_still_verified(settings, tmp_path):
    document = evidence_of(passed_test())
    settings.EVIDENCE_KEYS = [NEWER, KEY]
    assert faults_of(document) == []
    settings.EVIDENCE_KEYS = [NEWER]
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(document))
    with pytest.raises(CommandError, match="which is not among those") as refused:
        call_command("verify_evidence", file)
    assert refused.value.returncode == 2
    assert KEY not in str(refused.value)


def test_the_commands_write_and_verify_and_see_what_the_database_says_since(tmp_path):
    job, file, told = passed_test(), tmp_path / "evidence.json", StringIO()
    call_command("evidence", job.job_id, output=file, stderr=told)
    head = told.getvalue().split()[-1]
    call_command("verify_evidence", file, head=head, database=True, stdout=told)
    assert "is as it was sealed" in told.getvalue()
    with pytest.raises(CommandError, match="another head"):
        call_command("verify_evidence", file, head="0" * 64)
    JobEvent.objects.filter(job_id=job.job_id, to_status="cleanup").update(actor="nobody")
    with pytest.raises(CommandError, match=r"\(event\) is not what the database says now") as refused:
        call_command("verify_evidence", file, database=True)
    assert refused.value.returncode == 1
    call_command("verify_evidence", file, stdout=told)
    page = tmp_path / "evidence.html"
    call_command("evidence", job.job_id, format="html", output=page, stderr=told)
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"form": "other"}', "[" * 100_000])
def test_what_is_no_evidence_is_refused_in_a_sentence(text, tmp_path):
    file = tmp_path / "evidence.json"
    file.write_text(text)
    with pytest.raises(CommandError) as refused:
        call_command("verify_evidence", file)
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_evidence", tmp_path / "gone.json")
    with pytest.raises(CommandError, match="no failover job") as refused:
        call_command("evidence", "job-none")
    assert refused.value.returncode == 2
