"""Each staff page of a large estate: its queries and its time, and beside it Django's own page of the same records.

    DATABASE_URL=... python -m tests.benchmarks.pages [--vms N --runs N --points N] [--only WORD ...]

Prints JSON. The database is migrated; it is seeded first unless --vms is 0. Each time is the best of three, of the
whole request through Django's test client; a page that takes longer than PATIENCE is asked for once.
"""

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.contrib.admin import site  # noqa: E402
from django.contrib.admin.utils import quote  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.utils import (  # noqa: E402
    CaptureQueriesContext,
    setup_test_environment,
    teardown_test_environment,
)
from django.urls import reverse  # noqa: E402
from django.utils.http import urlencode  # noqa: E402

from backups.models import BackupJob  # noqa: E402
from config.demo.history import WRITTEN_BY  # noqa: E402
from config.jobs.models import JobEvent  # noqa: E402
from inventory.models import Membership, Organization, User, VMContext  # noqa: E402
from replication.models import ReplicationDisk, ReplicationJob  # noqa: E402

ROUNDS, PATIENCE = 3, 2.0
COUNTED = (VMContext, ReplicationJob, ReplicationDisk, BackupJob, JobEvent)
CHOICES = 1
"""How many choices of each filter of a list are measured: the first ones."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vms", type=int, default=10_000, help="0: the database is seeded already")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=[], help="models, by their labels, or home")
    options = parser.parse_args()
    if options.vms:
        numbers = {"vms": options.vms, "runs": options.runs, "points": options.points}
        call_command("seed", **numbers, stdout=io.StringIO(), stderr=sys.stderr)
        with connection.cursor() as cursor:
            for model in site._registry:
                name = connection.ops.quote_name(model._meta.db_table)
                cursor.execute({"mysql": "ANALYZE TABLE {}"}.get(connection.vendor, "ANALYZE {}").format(name))
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    changed = {"ROOT_URLCONF": "tests.benchmarks.stock", "STORAGES": settings.STORAGES | plain}
    with override_settings(**changed, ALLOWED_HOSTS=["testserver"]):
        found = {"pages": list(measured(options.only))}
    rows = {str(model._meta.verbose_name_plural): model._base_manager.count() for model in COUNTED}
    json.dump({"rows": rows} | found, sys.stdout)


def measured(only: list[str]) -> Iterator[dict[str, Any]]:
    """One row for each page: as a superuser and as an operator of the organisation of the fleet, beside stock."""
    people = {"superuser": signed_in(superuser()), "operator": signed_in(operator())}
    setup_test_environment()  # so that answers tell with what they were written
    found = list(pages(people["superuser"], only))
    teardown_test_environment()  # that takes time itself
    ours = []
    for name, address, _ in found:
        ours.append({who: figures(client, address) for who, client in people.items()})
        print(name, ours[-1], file=sys.stderr, flush=True)
    with override_settings(TEMPLATES=stock_templates()):
        for (name, _, address), row in zip(found, ours, strict=True):
            stock = figures(people["superuser"], address) if address else None
            whole = {"page": name, **row, "stock": stock}
            print(whole, file=sys.stderr, flush=True)
            yield whole


def stock_templates() -> list[dict[str, Any]]:
    """Those of Django's admin before ours of the same names."""
    own = Path(admin.__file__).parent / "templates"
    return [engine | {"DIRS": [own, *engine["DIRS"]]} for engine in settings.TEMPLATES]


def superuser() -> User:
    return User.objects.filter(is_superuser=True, is_active=True).order_by("pk")[0]


def operator() -> User:
    fleet = VMContext.objects.filter(name__startswith="fleet-").values_list("vcenter__organization", flat=True)
    user, _ = User.objects.get_or_create(username="measured", defaults={"is_staff": True})
    for organization in Organization.objects.filter(pk=fleet.first()):
        Membership.objects.get_or_create(user=user, organization=organization, defaults={"role": "operator"})
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def pages(client: Client, only: list[str]) -> Iterator[tuple[str, str, str | None]]:
    """The name of each page, its address, and that of Django's own one if there is such a page."""
    if not only or "home" in only:
        yield "home", reverse("admin:index"), None
    for model, page in site._registry.items():
        label = model._meta.label
        if model._meta.app_label != "schema" and (not only or label in only):
            for name, ours, stock in pages_of(client, model, page):
                yield f"{label} {name}", ours, stock


def pages_of(client: Client, model: Any, page: Any) -> Iterator[tuple[str, str, str | None]]:
    views = f"{model._meta.app_label}_{model._meta.model_name}"
    ours, stock = (reverse(f"{site}:{views}_changelist") for site in ("admin", "stock"))
    yield "list", ours, stock
    shown = client.get(ours).context["cl"]
    last = shown.paginator.num_pages
    if last > 1:
        rows = model._base_manager.count()
        yield "last page", f"{ours}?p={last}", f"{stock}?p={-(-rows // page.list_per_page)}"
    newest = model._base_manager.order_by("-pk").first()
    if page.search_fields and newest is not None:
        for name, word in (("search", term(page, newest)), ("search for nothing", "no-such-thing")):
            yield name, f"{ours}?{urlencode({'q': word})}", f"{stock}?{urlencode({'q': word})}"
    for spec in shown.filter_specs:
        for choice in list(spec.choices(shown))[1 : CHOICES + 1]:
            yield f"{spec.title}: {choice['display']}", ours + choice["query_string"], stock + choice["query_string"]
    record = with_most(model) or newest
    if record is not None:
        key = quote(record.pk)
        ours, stock = (reverse(f"{site}:{views}_change", args=[key]) for site in ("admin", "stock"))
        yield "record", ours, stock
    if hasattr(page, "export_view"):
        yield "export", reverse(f"admin:{views}_export", args=["csv"]), None


def term(page: Any, record: Any) -> str:
    """What somebody would look for to find this record."""
    if hasattr(page.model, "PUBLIC_ID"):
        return str(VMContext.objects.filter(name__startswith="fleet-").order_by("-name")[0].name)
    value = record
    for part in page.search_fields[0].removesuffix("__exact").lstrip("^=@").split("__"):
        value = getattr(value, part, None)
    return str(value or "fleet-00042")


def with_most(model: Any) -> Any:
    """The record whose page has the most to tell, where that is not just the newest."""
    if model is not VMContext:
        return None
    told = ReplicationJob.objects.filter(created_by=WRITTEN_BY).order_by("pk")
    newest = told.last()
    return newest.vm_context if newest else None


def figures(client: Client, address: str) -> dict[str, Any] | None:
    """Queries and seconds of a page; None where this person, or stock, has no such page."""
    begin = time.perf_counter()
    with CaptureQueriesContext(connection) as made:
        if not asked(client, address):
            return None
    seconds, queries = time.perf_counter() - begin, len(made)  # the next request forgets what was captured
    if seconds < PATIENCE:
        seconds = min(measured_once(lambda: asked(client, address)) for _ in range(ROUNDS))
    return {"queries": queries, "seconds": round(seconds, 4)}


def asked(client: Client, address: str) -> bool:
    answer = client.get(address)
    if answer.streaming:
        for _ in answer.streaming_content:  # type: ignore[attr-defined]
            pass
    return answer.status_code == 200


def measured_once(act: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
