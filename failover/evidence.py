"""The evidence of a failover that is over: what was done and found, sealed so that no later change stays unseen.

Its entries form a chain: the digest of each is an HMAC over the digest before it and the entry, with a key that is not
in the database. Who has the head of the chain on paper, and the key, can tell any other text from this one.
"""

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from config.jobs.models import JobEvent
from config.refusals import Conflict, Invalid
from failover.models import Aftermath, FailoverJob, FailoverStatus, Purpose
from failover.readiness import spell

FORM = "failover-evidence/1"
Document = dict[str, Any]


class NoKey(Invalid):
    """EVIDENCE_KEY is not set, so nothing can be sealed or verified."""

    code = "no_evidence_key"


def evidence_of(job: FailoverJob, *, issued_at: datetime | None = None) -> Document:
    """The sealed evidence of a failover job that is over. Raises NoKey, and Conflict while it may still change."""
    if job.is_active:
        raise Conflict(
            f"Job {job.job_id} is {job.shown_status}, so there is more to come: ask again when it is over.",
            code="job_active",
        )
    entries = list(entries_of(job))
    issue = {"type": "issue", "form": FORM, "issued_at": _time(issued_at or timezone.now()), "entries": len(entries)}
    return seal([issue, *entries])


def entries_of(job: FailoverJob) -> Iterator[dict[str, Any]]:
    """What the database says of the job: the report, then each of its events."""
    yield {"type": "report", **_report(job)}
    for event in JobEvent.objects.filter(job_id=job.job_id).order_by("at", "id"):
        yield {
            "type": "event",
            "at": _time(event.at),
            "from": event.from_status,
            "to": event.to_status,
            "actor": event.actor,
            "reason": event.reason,
            "request_id": event.request_id,
        }


def seal(entries: list[dict[str, Any]]) -> Document:
    """Chain these entries by the newest key. Raises NoKey."""
    key = _keys()[0]
    chain, digest = [], ""
    for entry in entries:
        digest = _digest(key, digest, entry)
        chain.append({"entry": entry, "digest": digest})
    return {"form": FORM, "key": _fingerprint(key), "chain": chain, "head": digest}


def faults_of(document: Any) -> list[str]:
    """What shows that a document is not as it was sealed; nothing where it is. Raises NoKey, Invalid."""
    if not isinstance(document, dict) or document.get("form") != FORM:
        raise Invalid(f"This is no evidence of the form {FORM}.")
    key = next((key for key in _keys() if _fingerprint(key) == document.get("key")), None)
    if key is None:
        raise Invalid(
            f"It was sealed with key {document.get('key')}, which is not among those of EVIDENCE_KEY: add it."
        )
    links, digest = document.get("chain"), ""
    if not isinstance(links, list) or not links or not all(isinstance(link, dict) for link in links):
        return ["There is no chain of entries in it."]
    for number, link in enumerate(links):
        digest = _digest(key, digest, link.get("entry"))
        if not hmac.compare_digest(digest, str(link.get("digest"))):
            return [f"Entry {number} is not as it was sealed, or one before it is missing."]
    issue = links[0]["entry"]
    promised = issue.get("entries") if isinstance(issue, dict) else None
    faults = []
    if promised != len(links) - 1:
        faults.append(f"There are {len(links) - 1} entries, and {promised} were sealed.")
    if document.get("head") != digest:
        faults.append("The head is not that of the chain.")
    return faults


def differences_of(document: Document, job: FailoverJob) -> list[str]:
    """Where the database says something else now than the evidence, in the order of the entries."""
    sealed = [link["entry"] for link in document["chain"][1:]]
    now = json.loads(_canonical(list(entries_of(job))))
    found = [
        f"Entry {number} ({then['type']}) is not what the database says now."
        for number, (then, today) in enumerate(zip(sealed, now, strict=False), start=1)
        if then != today
    ]
    if len(sealed) != len(now):
        found.append(f"{len(sealed) - 1} events were sealed, and the database has {len(now) - 1}.")
    return found


STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)


def policy_of(page: str) -> str:
    """The content security policy of an evidence as a page: it has its own style in it, and loads nothing."""
    digests = (b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in STYLE.findall(page))
    styles = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def as_html(document: Document) -> str:
    """The page of an evidence, for people."""
    return render_to_string("failover/evidence.html", parts_of(document))


def parts_of(document: Document) -> dict[str, Any]:
    """An evidence as its pages show it."""
    issue, report, *events = (link["entry"] for link in document["chain"])
    return {"issue": issue, "report": report, "events": events, "document": document}


def _report(job: FailoverJob) -> dict[str, Any]:
    vm, spec = job.vm_context, job.source_vm_spec or {}
    plan_step = getattr(job, "plan_step", None)
    snapshot_at = job.replication_job and job.replication_job.snapshot_at
    return {
        "scope": {
            "job_id": job.job_id,
            "kind": job.job_type,
            "organization": vm.vcenter.organization.name,
            "vm_context_id": vm.pk,
            "vm_name": job.source_vm_name,
            "plan": plan_step and plan_step.run.plan.name,
            "target": job.target and job.target.name,
            "destination_vm_id": job.destination_vm_id,
            "replication_job": job.replication_job_id,
            "source_vm_spec": spec,
            "network_mappings": job.network_mappings,
        },
        "result": _result(job),
        "error": job.error_message,
        "times": {
            "asked_for_at": _time(job.created_at),
            "started_at": _time(job.started_at),
            "completed_at": _time(job.completed_at),
            "aftermath_completed_at": _time(job.aftermath_completed_at),
        },
        "rto": _measure(
            job.completed_at - job.created_at if job.status == FailoverStatus.COMPLETED and job.completed_at else None,
            plan_step and plan_step.run.plan.rto_seconds,
        ),
        "rpo": _measure(job.created_at - snapshot_at if snapshot_at else None, spec.get("rpo_seconds")),
        "findings": job.readiness_findings,
        "override": job.override_reason and {"by": job.override_by, "reason": job.override_reason},
        "steps": [
            {
                "seq": step.seq,
                "name": step.name,
                "status": step.status,
                "attempts": step.attempts,
                "started_at": _time(step.started_at),
                "completed_at": _time(step.completed_at),
                "message": step.message,
            }
            for step in job.steps.order_by("seq")
        ],
    }


def _result(job: FailoverJob) -> str:
    if job.job_type == Purpose.TEST:
        return "passed" if job.has_passed else "not passed"
    return str(job.aftermath if job.aftermath != Aftermath.NONE else job.status)


def _measure(achieved: timedelta | None, allowed: int | None) -> dict[str, Any]:
    """What was achieved beside what was agreed; what is not known is None, and then nothing is said to be kept."""
    seconds = None if achieved is None else achieved.total_seconds()
    return {
        "achieved_seconds": seconds,
        "achieved": spell(seconds),
        "agreed_seconds": allowed,
        "agreed": spell(allowed),
        "is_kept": None if seconds is None or allowed is None else seconds <= allowed,
    }


def _keys() -> list[bytes]:
    if not settings.EVIDENCE_KEYS:
        raise NoKey(
            "EVIDENCE_KEY is not set, so no evidence can be sealed or verified: set it (docs/configuration.md)."
        )
    return [key.encode() for key in settings.EVIDENCE_KEYS]


def _fingerprint(key: bytes) -> str:
    """By which a key is known, and from which it is not found."""
    return hmac.new(key, b"which key", hashlib.sha256).hexdigest()[:16]


def _digest(key: bytes, before: str, entry: Any) -> str:
    return hmac.new(key, f"{before}\n{_canonical(entry)}".encode(), hashlib.sha256).hexdigest()


def _canonical(entry: Any) -> str:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds")
