"""manage.py prune: let go of the restore points that their policies no longer keep."""

import getpass
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from backups.models import BackupPolicy
from backups.points import Policy
from backups.pruning import Verdict
from backups.queries import policy_record
from backups.services.pruning import planned, prune
from config.jobs.moves import By
from config.refusals import Refusal
from config.schema.direct import reach
from config.schema.told import ErrorsInFormat
from inventory.models import Organization, VMContext


class Command(ErrorsInFormat, BaseCommand):
    help = (
        "Say which restore points their policies keep and which not, each with the reason, and prune the latter with "
        "--apply: a pruned one is no restore point any more, and its row stays. Example: prune --apply"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--apply", action="store_true", help="Do it.")
        does.add_argument("--dry-run", action="store_true", help="Only say what would be done, as without --apply.")
        parser.add_argument("--organization", metavar="SLUG", help="Only the restore points of its VMs.")
        parser.add_argument("--vm", metavar="CONTEXT_ID", help="Only those of this VM.")
        parser.add_argument("--policy", metavar="NAME", help="Try this policy for all of them; needs --organization.")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        reach(connection)
        organization = self._organization(options["organization"])
        if options["vm"] is not None and not VMContext.objects.filter(pk=options["vm"]).exists():
            raise CommandError(f"There is no VM context {options['vm']}.", returncode=2)
        policy = self._policy(options, organization)
        which = {"organization": organization, "vm": options["vm"]}
        if options["apply"]:
            verdicts = prune(by=By(f"{getpass.getuser()} (command line)"), **which)
        else:
            verdicts = planned(policy=policy, **which)
        kept: list[Verdict] = []
        removed: list[Verdict] = []
        try:
            for verdict in verdicts:
                (kept if verdict.keep else removed).append(verdict)
                if options["format"] == "text":
                    self.stdout.write(as_text(verdict))
        except Refusal as error:
            raise CommandError(str(error), returncode=1) from None
        if options["format"] == "json":
            points = [as_json(verdict) for verdict in sorted(kept + removed, key=lambda each: each.point.vm)]
            self.stdout.write(json.dumps({"dry_run": not options["apply"], "points": points}))
            return
        verb = "pruned" if options["apply"] else "would be pruned"
        self.stdout.write(f"{len(kept):,} kept, {len(removed):,} {verb}.")
        if removed and not options["apply"]:
            self.stdout.write("Nothing was done; say --apply to do it.")

    def _organization(self, slug: str | None) -> Organization | None:
        if slug is None:
            return None
        found = Organization.objects.filter(slug=slug).first()
        if found is None:
            raise CommandError(f"There is no organisation {slug}.", returncode=2)
        return found

    def _policy(self, options: dict[str, Any], organization: Organization | None) -> Policy | None:
        if options["policy"] is None:
            return None
        if options["apply"]:
            raise CommandError("--policy only tries a policy: give it to the VMs' back-ups to apply it.", returncode=2)
        if organization is None:
            raise CommandError("--policy needs --organization: each has policies of its own.", returncode=2)
        found = BackupPolicy.objects.filter(organization=organization, name=options["policy"]).first()
        if found is None:
            raise CommandError(f"{organization} has no policy {options['policy']}.", returncode=2)
        return policy_record(found)


def as_text(verdict: Verdict) -> str:
    point = verdict.point
    return f"{'keep ' if verdict.keep else 'prune'} {point.at:%Y-%m-%dT%H:%M:%SZ} {point.id}: {verdict.reason}"


def as_json(verdict: Verdict) -> dict[str, Any]:
    point = verdict.point
    return {
        "id": point.id,
        "vm_context_id": point.vm,
        "snapshot_at": point.at.isoformat(),
        "policy": point.policy.name if point.policy else None,
        "keep": verdict.keep,
        "code": verdict.code,
        "reason": verdict.reason,
    }
