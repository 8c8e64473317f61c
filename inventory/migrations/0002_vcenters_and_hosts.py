"""The sources that discovery reads, and the hypervisor nodes they manage."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0001_users_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Vcenter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("name", config.schema.fields.CodeField(max_length=128)),
                (
                    "host",
                    models.CharField(
                        blank=True, help_text="Unknown where only workbooks were read.", max_length=255, null=True
                    ),
                ),
                ("port", models.IntegerField(db_default=443, default=443)),
                (
                    "datacenter",
                    models.CharField(blank=True, help_text="Empty: all datacenters.", max_length=255, null=True),
                ),
                ("username", models.CharField(blank=True, max_length=255, null=True)),
                ("password", models.TextField(blank=True, null=True)),
                (
                    "tls_policy",
                    config.schema.fields.CodeField(
                        choices=[
                            ("verify", "verify the certificate"),
                            ("pinned", "trust this thumbprint"),
                            ("insecure", "do not verify"),
                        ],
                        db_default="verify",
                        default="verify",
                        max_length=64,
                        verbose_name="TLS policy",
                    ),
                ),
                (
                    "ca_certificate",
                    models.TextField(
                        blank=True,
                        help_text="PEM; empty: the machine's own authorities.",
                        null=True,
                        verbose_name="CA certificate",
                    ),
                ),
                (
                    "thumbprint",
                    config.schema.fields.CodeField(
                        blank=True, help_text="SHA-256 of the certificate, in hex.", max_length=128, null=True
                    ),
                ),
                (
                    "instance_uuid",
                    config.schema.fields.CodeField(
                        blank=True, editable=False, max_length=64, null=True, verbose_name="instance UUID"
                    ),
                ),
                ("is_default", models.BooleanField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="vcenters",
                        to="inventory.organization",
                    ),
                ),
            ],
            options={
                "verbose_name": "vCenter",
                "db_table": "vcenters",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "name"), name="vcenters_name_per_organization"),
                    models.UniqueConstraint(fields=("organization", "is_default"), name="vcenters_one_default"),
                    models.UniqueConstraint(fields=("organization", "instance_uuid"), name="vcenters_one_per_instance"),
                    models.CheckConstraint(
                        condition=models.Q(("tls_policy__in", ["verify", "pinned", "insecure"])),
                        name="vcenters_tls_policy_known",
                        violation_error_message="tls_policy is one of: verify, pinned, insecure.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("host"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("datacenter"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("username"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("ca_certificate"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("thumbprint"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("instance_uuid"), 0
                            ),
                        ),
                        name="vcenters_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, host, datacenter, username, ca_certificate, thumbprint, instance_uuid.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_default__in", [True]), ("is_default__isnull", True), _connector="OR"),
                        name="vcenters_is_default_true_or_unset",
                        violation_error_message="is_default is either set or left out.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("port__gte", 1), ("port__lte", 65535)),
                        name="vcenters_port_valid",
                        violation_error_message="A port is from 1 to 65535.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("tls_policy", "pinned"), _negated=True),
                            ("thumbprint__isnull", False),
                            _connector="OR",
                        ),
                        name="vcenters_pinned_has_thumbprint",
                        violation_error_message="Give the thumbprint that is to be trusted.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Host",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "identity",
                    config.schema.fields.CodeField(help_text="moref: or name: and the value.", max_length=512),
                ),
                ("moref", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
                ("name", models.CharField(max_length=255)),
                ("cpu_cores", models.IntegerField(blank=True, null=True, verbose_name="CPU cores")),
                (
                    "cpu_mhz",
                    models.IntegerField(blank=True, help_text="Clock of one core.", null=True, verbose_name="CPU MHz"),
                ),
                ("memory_mb", models.BigIntegerField(blank=True, null=True, verbose_name="memory (MB)")),
                ("version", models.CharField(blank=True, max_length=255, null=True)),
                ("vendor", models.CharField(blank=True, max_length=255, null=True)),
                ("model", models.CharField(blank=True, max_length=255, null=True)),
                ("in_maintenance", models.BooleanField(blank=True, null=True)),
                (
                    "missing_since",
                    models.DateTimeField(
                        blank=True,
                        help_text="Not seen since; empty: the newest complete run of its vCenter saw it.",
                        null=True,
                    ),
                ),
                (
                    "vcenter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hosts",
                        to="inventory.vcenter",
                        verbose_name="vCenter",
                    ),
                ),
            ],
            options={
                "db_table": "hosts",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=("vcenter", "identity"), name="hosts_identity_per_vcenter"),
                    models.UniqueConstraint(fields=("vcenter", "moref"), name="hosts_moref_per_vcenter"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("identity", models.Value("moref:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("identity"), 6
                                ),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("identity", models.Value("name:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("identity"), 5
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="hosts_identity_form",
                        violation_error_message="identity is a value after one of: moref:, name:.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("moref"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("version"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("vendor"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("model"), 0),
                        ),
                        name="hosts_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, moref, version, vendor, model.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cpu_cores__gte", 1), ("cpu_mhz__gte", 1), ("memory_mb__gte", 1)),
                        name="hosts_at_least_1",
                        violation_error_message="cpu_cores, cpu_mhz, memory_mb: at least 1.",
                    ),
                ],
            },
        ),
    ]
