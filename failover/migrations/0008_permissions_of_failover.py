"""Who may fail over for real, override readiness, clean up, roll back, accept and set back: each a permission."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("failover", "0007_questions_and_order_of_plan_runs")]

    operations = [
        migrations.AlterModelOptions(
            name="failoverjob",
            options={
                "ordering": ["-created_at"],
                "permissions": [
                    ("start_live_failover", "Can fail a VM over for real"),
                    ("override_readiness", "Can fail over a VM that readiness refuses"),
                    ("clean_up_failover", "Can clean up a test failover"),
                    ("roll_back_failover", "Can roll back a live failover"),
                    ("commit_failover", "Can accept a live failover"),
                    ("set_back_vm", "Can say that a VM runs at its source again"),
                ],
            },
        ),
    ]
