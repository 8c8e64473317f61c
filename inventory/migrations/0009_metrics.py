"""Time series of hosts and VMs, as plain tables; the next migration partitions them."""

import datetime

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0008_alerts"),
    ]

    operations = [
        migrations.CreateModel(
            name="HostMetric",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("cpu_percent", models.FloatField(blank=True, null=True)),
                ("memory_percent", models.FloatField(blank=True, null=True)),
                ("network_receive_bytes_per_second", models.BigIntegerField(blank=True, null=True)),
                ("network_transmit_bytes_per_second", models.BigIntegerField(blank=True, null=True)),
                ("host_id", models.BigIntegerField()),
            ],
            options={
                "db_table": "host_metrics",
                "ordering": ["-at"],
                "indexes": [models.Index(fields=["host_id", "at"], name="host_metrics_of_host")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("cpu_percent__gte", 0), ("cpu_percent__lte", 100)),
                        name="host_metrics_cpu_percent_0_100",
                        violation_error_message="cpu_percent is from 0 to 100.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("memory_percent__gte", 0), ("memory_percent__lte", 100)),
                        name="host_metrics_memory_percent_0_100",
                        violation_error_message="memory_percent is from 0 to 100.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("at__gte", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC))),
                        name="host_metrics_time_given",
                        violation_error_message="Give a time from 1970 on: at.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("host_id__gte", 1)),
                        name="host_metrics_at_least_1",
                        violation_error_message="host_id: at least 1.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("network_receive_bytes_per_second__gte", 0), ("network_transmit_bytes_per_second__gte", 0)
                        ),
                        name="host_metrics_at_least_0",
                        violation_error_message="network_receive_bytes_per_second, network_transmit_bytes_per_second: at least 0.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="VMMetric",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("cpu_percent", models.FloatField(blank=True, null=True)),
                ("memory_percent", models.FloatField(blank=True, null=True)),
                ("network_receive_bytes_per_second", models.BigIntegerField(blank=True, null=True)),
                ("network_transmit_bytes_per_second", models.BigIntegerField(blank=True, null=True)),
                ("vm_context_id", config.schema.fields.CodeField(max_length=191)),
                ("disk_read_bytes_per_second", models.BigIntegerField(blank=True, null=True)),
                ("disk_write_bytes_per_second", models.BigIntegerField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "VM metric",
                "db_table": "vm_metrics",
                "ordering": ["-at"],
                "indexes": [models.Index(fields=["vm_context_id", "at"], name="vm_metrics_of_vm")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("vm_context_id"), 0
                            )
                        ),
                        name="vm_metrics_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: vm_context_id.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("at__gte", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC))),
                        name="vm_metrics_time_given",
                        violation_error_message="Give a time from 1970 on: at.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cpu_percent__gte", 0), ("cpu_percent__lte", 100)),
                        name="vm_metrics_cpu_percent_0_100",
                        violation_error_message="cpu_percent is from 0 to 100.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("memory_percent__gte", 0), ("memory_percent__lte", 100)),
                        name="vm_metrics_memory_percent_0_100",
                        violation_error_message="memory_percent is from 0 to 100.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("network_receive_bytes_per_second__gte", 0),
                            ("network_transmit_bytes_per_second__gte", 0),
                            ("disk_read_bytes_per_second__gte", 0),
                            ("disk_write_bytes_per_second__gte", 0),
                        ),
                        name="vm_metrics_at_least_0",
                        violation_error_message="network_receive_bytes_per_second, network_transmit_bytes_per_second, disk_read_bytes_per_second, disk_write_bytes_per_second: at least 0.",
                    ),
                ],
            },
        ),
    ]
