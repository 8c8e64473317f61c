"""Who may run a plan for real, clean a run up, roll it back and accept it: each a permission."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("failover", "0008_permissions_of_failover")]

    operations = [
        migrations.AlterModelOptions(
            name="recoveryplanrun",
            options={
                "ordering": ["-created_at"],
                "permissions": [
                    ("start_live_plan_run", "Can run a recovery plan for real"),
                    ("clean_up_plan_run", "Can clean up a test run of a plan"),
                    ("roll_back_plan_run", "Can roll back a live run of a plan"),
                    ("commit_plan_run", "Can accept a live run of a plan"),
                ],
            },
        ),
    ]
