"""How the fleet stood at its last survey, and the views of lists that people have saved."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0001_repositories_and_policies"),
        ("inventory", "0003_vm_contexts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RepositoryStanding",
            fields=[
                (
                    "repository",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="standing",
                        serialize=False,
                        to="backups.backuprepository",
                    ),
                ),
                ("stored_bytes", models.BigIntegerField()),
                (
                    "stored_bytes_before",
                    models.BigIntegerField(blank=True, help_text="Empty: it held nothing yet.", null=True),
                ),
            ],
            options={
                "verbose_name": "standing of a repository",
                "db_table": "repository_standings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("stored_bytes__gte", 0), ("stored_bytes_before__gte", 0)),
                        name="repository_standings_at_least_0",
                        violation_error_message="stored_bytes, stored_bytes_before: at least 0.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Survey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "as_of",
                    models.DateTimeField(blank=True, help_text="The instant that the standings speak of.", null=True),
                ),
                ("vms", models.IntegerField(blank=True, null=True, verbose_name="VMs")),
                ("seconds", models.FloatField(blank=True, help_text="How long it took.", null=True)),
                (
                    "holder",
                    config.schema.fields.CodeField(
                        blank=True, help_text="Who looks now; empty: nobody.", max_length=64, null=True
                    ),
                ),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "survey",
                "db_table": "fleet_surveys",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("holder"), 0)
                        ),
                        name="fleet_surveys_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: holder.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("vms__gte", 0), ("seconds__gte", 0)),
                        name="fleet_surveys_at_least_0",
                        violation_error_message="vms, seconds: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("taken_at__isnull", False), ("holder__isnull", False)),
                            models.Q(models.Q(("taken_at__isnull", False), _negated=True), ("holder__isnull", True)),
                            _connector="OR",
                        ),
                        name="fleet_surveys_taken_by_whom",
                        violation_error_message="A survey that is at work has a holder and the time since when; any other has neither.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="VMStanding",
            fields=[
                (
                    "vm_context",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="standing",
                        serialize=False,
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
                (
                    "rpo",
                    config.schema.fields.CodeField(
                        choices=[("met", "met"), ("breached", "breached"), ("unknown", "unknown")], max_length=64
                    ),
                ),
                (
                    "test",
                    config.schema.fields.CodeField(
                        choices=[("ready", "Ready"), ("not_ready", "Not Ready"), ("unknown", "cannot be told")],
                        help_text="Whether a test failover could begin.",
                        max_length=64,
                    ),
                ),
                (
                    "live",
                    config.schema.fields.CodeField(
                        choices=[("ready", "Ready"), ("not_ready", "Not Ready"), ("unknown", "cannot be told")],
                        help_text="Whether a live failover could begin.",
                        max_length=64,
                    ),
                ),
            ],
            options={
                "verbose_name": "standing",
                "db_table": "vm_standings",
                "indexes": [
                    models.Index(fields=["rpo"], name="vm_standings_rpo"),
                    models.Index(fields=["live"], name="vm_standings_live"),
                    models.Index(fields=["test"], name="vm_standings_test"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("rpo__in", ["met", "breached", "unknown"])),
                        name="vm_standings_rpo_known",
                        violation_error_message="rpo is one of: met, breached, unknown.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("test__in", ["ready", "not_ready", "unknown"])),
                        name="vm_standings_test_known",
                        violation_error_message="test is one of: ready, not_ready, unknown.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("live__in", ["ready", "not_ready", "unknown"])),
                        name="vm_standings_live_known",
                        violation_error_message="live is one of: ready, not_ready, unknown.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("list", config.schema.fields.CodeField(help_text="App and model of the list.", max_length=128)),
                ("name", config.schema.fields.CodeField(max_length=64)),
                ("query", models.TextField(help_text="What follows the ? in its address.")),
                (
                    "organization",
                    models.ForeignKey(
                        blank=True,
                        help_text="Whose members see it too; empty: its owner alone.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to="inventory.organization",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "saved view",
                "db_table": "saved_views",
                "ordering": ["name", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "list", "name"), name="saved_views_name_per_list"),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("list"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("query"), 0),
                        ),
                        name="saved_views_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: list, name, query.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StandingFinding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", config.schema.fields.CodeField(max_length=64)),
                ("blocks_test", models.BooleanField(db_default=False, default=False)),
                ("blocks_live", models.BooleanField(db_default=False, default=False)),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="standing_findings",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
            ],
            options={
                "verbose_name": "finding of a standing",
                "db_table": "vm_standing_findings",
                "indexes": [models.Index(fields=["code"], name="vm_standing_findings_code")],
                "constraints": [
                    models.UniqueConstraint(fields=("vm_context", "code"), name="vm_standing_findings_code_per_vm"),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("code"), 0)
                        ),
                        name="vm_standing_findings_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: code.",
                    ),
                ],
            },
        ),
    ]
