"""Target clouds and their networks."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("inventory", "0001_users_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Target",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("name", config.schema.fields.CodeField(max_length=128)),
                ("api_url", models.CharField(max_length=512, verbose_name="API URL")),
                ("api_key", models.TextField(blank=True, null=True, verbose_name="API key")),
                ("secret_key", models.TextField(blank=True, null=True)),
                ("domain", models.CharField(blank=True, max_length=255, null=True)),
                ("zone", config.schema.fields.CodeField(blank=True, max_length=255, null=True)),
                ("template_id", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
                ("service_offering_id", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
                ("disk_offering_id", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
                ("is_default", models.BooleanField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="targets", to="inventory.organization"
                    ),
                ),
            ],
            options={
                "verbose_name": "target",
                "db_table": "ossea_configs",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "name"), name="ossea_configs_name_per_organization"
                    ),
                    models.UniqueConstraint(fields=("organization", "is_default"), name="ossea_configs_one_default"),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("api_url"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("domain"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("zone"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("template_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("service_offering_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("disk_offering_id"), 0
                            ),
                        ),
                        name="ossea_configs_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, api_url, domain, zone, template_id, service_offering_id, disk_offering_id.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_default__in", [True]), ("is_default__isnull", True), _connector="OR"),
                        name="ossea_configs_is_default_true_or_unset",
                        violation_error_message="is_default is either set or left out.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TargetNetwork",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("external_id", config.schema.fields.CodeField(max_length=191)),
                ("name", models.CharField(max_length=255)),
                (
                    "isolation",
                    config.schema.fields.CodeField(
                        choices=[("production", "Production"), ("isolated", "Isolated"), ("unknown", "Unknown")],
                        db_default="unknown",
                        default="unknown",
                        max_length=64,
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="networks", to="replication.target"
                    ),
                ),
            ],
            options={
                "db_table": "target_networks",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("target", "external_id"), name="target_networks_external_id_per_target"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("isolation__in", ["production", "isolated", "unknown"])),
                        name="target_networks_isolation_known",
                        violation_error_message="isolation is one of: production, isolated, unknown.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("external_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                        ),
                        name="target_networks_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: external_id, name.",
                    ),
                ],
            },
        ),
    ]
