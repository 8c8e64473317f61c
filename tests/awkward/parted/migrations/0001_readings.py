from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Reading",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("meter", models.IntegerField()),
                ("value", models.IntegerField(db_default=0)),
                ("note", models.CharField(max_length=40, null=True)),
            ],
            options={
                "db_table_comment": "what meters say",
                "indexes": [
                    models.Index(fields=["meter", "-at"], name="parted_by_meter"),
                    models.Index(fields=["note"], name="parted_noted", condition=models.Q(note__isnull=False)),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(value__gte=-1) & ~models.Q(note="100%"), name="parted_value"
                    )
                ],
            },
        ),
    ]
