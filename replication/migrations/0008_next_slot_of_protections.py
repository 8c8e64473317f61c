"""The next time at which the schedule of each protection comes due."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields
from config.schema.operations import AddConstraintOnline, AddIndexOnline

UNUSED = "because no release that has this table was published before it"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("replication", "0007_replication_slots"),
    ]

    operations = [
        migrations.AddField(
            model_name="protection",
            name="next_slot_at",
            field=models.DateTimeField(blank=True, editable=False, help_text="Empty: not reckoned yet.", null=True),
        ),
        migrations.AddField(
            model_name="protection",
            name="planned_for",
            field=config.schema.fields.CodeField(
                blank=True, editable=False, help_text="What the next slot was reckoned from.", max_length=320, null=True
            ),
        ),
        AddConstraintOnline(
            model_name="protection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("planned_for"), 0)
                ),
                name="protections_planned_for_filled",
                violation_error_message="What the next slot was reckoned from is said, or unset.",
            ),
            blocking=UNUSED,
        ),
        AddIndexOnline(
            model_name="protection",
            index=models.Index(fields=["next_slot_at"], name="protections_next_slot"),
        ),
    ]
