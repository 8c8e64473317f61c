from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Row",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=40)),
                ("size", models.IntegerField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=~models.Q(name="nobody, LOCK=1"), name="copied_named")]
            },
        ),
    ]
