"""How fast each repository grew at the last survey, and in how many days it is full, as the API says it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("staff", "0001_standings_and_saved_views")]

    operations = [
        migrations.AddField(
            model_name="repositorystanding",
            name="growth_bytes_per_day",
            field=models.FloatField(blank=True, help_text="Empty: nobody knows yet.", null=True),
        ),
        migrations.AddField(
            model_name="repositorystanding",
            name="days_to_full",
            field=models.FloatField(
                blank=True, help_text="With what is planned; empty: unknown, or it does not grow.", null=True
            ),
        ),
    ]
