"""Two tables with every kind of rule that a catalogue holds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel("Kind", fields=[("id", models.BigAutoField(primary_key=True))]),
        migrations.CreateModel(
            "Thing",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("kind", models.ForeignKey("ruled.Kind", models.CASCADE)),
                ("code", models.CharField(max_length=20)),
                ("size", models.IntegerField(null=True)),
                ("note", models.TextField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["size"], name="thing_by_size")],
                "constraints": [
                    models.UniqueConstraint(fields=["code"], name="thing_code"),
                    models.CheckConstraint(condition=models.Q(size__gt=0), name="thing_size"),
                ],
            },
        ),
    ]
