"""manage.py discover: read a source and bring the inventory up to what it says."""

import contextlib
import getpass
import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config.schema.told import ErrorsInFormat
from inventory.models import Outcome
from inventory.secret_fields import SecretUnreadable
from inventory.services.differences import sentences
from inventory.services.discovery import discover
from inventory.services.reports import Report, finding_as_json, place_of
from inventory.services.vcenters import (
    FileVcenters,
    Unresolved,
    find_organization,
    find_vcenter,
    open_vcenter,
    same_vcenter,
)
from inventory.sources.facts import storable
from inventory.sources.records import Finding, SourceError
from inventory.sources.rvtools import RvtoolsSource
from inventory.sources.vma import VmaSource

EXAMPLES = """\
examples:
  manage.py discover --vcenter vc01 --dry-run       what would change, without writing
  manage.py discover --vcenter vc01 --vm pgtest1    one VM only
  manage.py discover --rvtools export.xlsx --into vc01
  manage.py discover --vma https://vma.example.org/api/v1/discover --vma-request request.json

exit code: 0 all found and stored; 1 the source could not be read, or some VM was not found or not stored;
2 usage; 6 the database gave up. Running it again goes on where it stopped: what is stored already is left as it is.
"""
SHOWN = 20
"""How many outcomes of a kind the text form lists; JSON has them all."""
ALIKE_SHOWN = 3
"""How many findings of one code the text form lists."""


class Command(ErrorsInFormat, BaseCommand):
    help = "Discover virtual machines from a vCenter, an RVTools export or a VMA appliance."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--vcenter", metavar="NAME", help="a vCenter of the inventory")
        source.add_argument("--rvtools", metavar="PATH", help="an RVTools workbook, or a folder of its CSV files")
        source.add_argument("--vma", metavar="URL", help="a VMA appliance's discovery address")
        source.add_argument("--file", metavar="JSON", help="a saved answer of a VMA appliance")
        parser.add_argument(
            "--vma-request", metavar="JSON", help="POST this file to the appliance; - reads it from standard input"
        )
        parser.add_argument("--vm", metavar="NAME", action="append", default=[], help="only this VM; may be repeated")
        parser.add_argument("--organization", metavar="SLUG", help="whose estate it is; default: the default one")
        parser.add_argument("--into", metavar="NAME", help="the vCenter of a file's VMs; default: the one it names")
        parser.add_argument("--dry-run", action="store_true", help="print the difference and write nothing")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            refuse_unreadable_words(options)
            report = self._discover(options)
        except Unresolved as error:
            raise self._error(options, "usage", str(error), returncode=2) from None
        except SourceError as error:
            raise self._error(options, error.code, str(error)) from None
        except SecretUnreadable as error:
            raise self._error(options, "secret_unreadable", str(error)) from None
        except DatabaseError as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            message = f"The database gave up: {said}. What was stored stays; run discovery again."
            raise self._error(options, "database", message, returncode=6) from None
        if options["format"] == "json":
            self._print_json(as_json(report))
        else:
            self._print_text(report)
        if not report.success:
            sys.exit(1)

    def _error(self, options: dict[str, Any], code: str, message: str, *, returncode: int = 1) -> CommandError:
        if options["format"] == "json":
            self._print_json({"success": False, "error": {"code": code, "message": message}})
        return CommandError(message, returncode=returncode)

    def _discover(self, options: dict[str, Any]) -> Report:
        arguments: dict[str, Any] = {"names": options["vm"], "dry_run": options["dry_run"], "by": caller()}
        with progress(quiet=options["verbosity"] == 0) as on_progress:
            arguments["on_progress"] = on_progress
            if options["vcenter"] is not None:
                if options["into"] is not None:
                    raise Unresolved("--into is for files: a vCenter's VMs are its own.")
                vcenter = find_vcenter(options["vcenter"], options["organization"])
                return discover(
                    open_vcenter(vcenter),
                    source_name=vcenter.host or vcenter.name,
                    find_vcenter=same_vcenter(vcenter, dry_run=options["dry_run"]),
                    **arguments,
                )
            source, name = open_file(options)
            organization = find_organization(options["organization"])
            whose = FileVcenters(organization, options["into"], options["dry_run"])
            return discover(source, source_name=name, find_vcenter=whose, **arguments)

    def _print_json(self, document: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(document, cls=DjangoJSONEncoder, indent=2))

    def _print_text(self, report: Report) -> None:
        self._print_findings([each for each in report.findings if each.severity == "warning"])
        would = "would be " if report.dry_run else ""
        counts = ", ".join(f"{count:,} {would}{outcome}" for outcome, count in report.counts.items()) or "no VMs"
        self.stdout.write(f"{report.source_name} into {', '.join(report.vcenters)}: {counts}")
        for outcome in (Outcome.ADDED, Outcome.UPDATED) if report.dry_run else ():
            self._print_outcomes(report, outcome)
        for outcome in (Outcome.MISSING, Outcome.CONFLICT, Outcome.FAILED):
            self._print_outcomes(report, outcome)
        self._print_findings([each for each in report.findings if each.severity == "error"])

    def _print_outcomes(self, report: Report, outcome: str) -> None:
        found = [each for each in report.outcomes if each.outcome == outcome]
        for each in found[:SHOWN]:
            said = each.reason or "; ".join(sentences(each.changes or {}))
            self.stdout.write(f"  {outcome:<9} {each.name}" + (f": {said}" if said else ""))
        self._say_rest(len(found), SHOWN)

    def _print_findings(self, findings: list[Finding]) -> None:
        by_code: dict[str, list[Finding]] = {}
        for each in findings:
            by_code.setdefault(each.code, []).append(each)
        for alike in by_code.values():
            for each in alike[:ALIKE_SHOWN]:
                self.stdout.write(f"  {each.severity:<9} {place_of(each)}{each.message}")
            self._say_rest(len(alike), ALIKE_SHOWN)

    def _say_rest(self, count: int, shown: int) -> None:
        if count > shown:
            self.stdout.write(f"            ... and {count - shown:,} more like it (--format json has all)")


def caller() -> str:
    """Who runs this: the account on this machine."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return f"uid {os.getuid()} (command line)"


def refuse_unreadable_words(options: dict[str, Any]) -> None:
    """Raise Unresolved for a word that is empty or holds a character that is none in this machine's encoding."""
    for name in ("vcenter", "rvtools", "vma", "file", "into", "organization"):
        if options[name] == "":
            raise Unresolved(f"--{name} is empty; say which one is meant, or leave it out.")
    words = [options["vcenter"], options["into"], options["organization"], *options["vm"]]
    if any(word != storable(word) for word in words if word):
        raise Unresolved("A name holds a character that this machine's encoding does not know; write it in UTF-8.")


def open_file(options: dict[str, Any]) -> tuple[RvtoolsSource | VmaSource, str]:
    """The source that the options name, and a name of it that holds no credentials."""
    if options["rvtools"] is not None:
        return RvtoolsSource(options["rvtools"]), file_name(options["rvtools"])
    if options["file"] is not None:
        return VmaSource.from_file(options["file"]), file_name(options["file"])
    try:
        host = urlsplit(options["vma"]).hostname
    except ValueError:
        host = None
    request = read_request(options["vma_request"]) if options["vma_request"] else None
    return VmaSource.from_url(options["vma"], request=request), host or "VMA"


def file_name(path: str) -> str:
    """The last part of a path, also of `.`, in characters that can be printed and stored."""
    try:
        name = Path(path).resolve().name
    except (OSError, ValueError):
        name = Path(path).name
    return storable(name or "/")


def read_request(path: str) -> dict[str, str]:
    """The body that an appliance wants: vcenter, username, password, datacenter, filter. It is stored nowhere."""
    try:
        request = json.loads(sys.stdin.read() if path == "-" else Path(path).read_text())
    except (OSError, ValueError):
        request = None
    if not isinstance(request, dict) or not all(isinstance(value, str) for value in request.values()):
        raise Unresolved(f"{path} is no JSON object of texts; write vcenter, username, password and datacenter in it.")
    return request


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Any]:
    """A bar on a terminal's stderr, and nothing where stderr is none."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("VMs", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def as_json(report: Report) -> dict[str, Any]:
    """The report as a document: one outcome per VM seen and per name asked for."""
    return {
        "success": report.success,
        "dry_run": report.dry_run,
        "source": {"kind": report.source_kind, "name": report.source_name},
        "vcenters": report.vcenters,
        "run_ids": report.run_ids,
        "counts": report.counts,
        "outcomes": [
            {name: getattr(each, name) for name in ("name", "outcome", "context_id", "reason", "changes")}
            for each in report.outcomes
        ],
        "findings": [finding_as_json(each) for each in report.findings],
    }
