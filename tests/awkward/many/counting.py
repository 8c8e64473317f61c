"""Code in a migration that leaves a trace each time it runs."""

from django.db import migrations, models


def counts(what: str, *, atomic: bool | None = None) -> migrations.RunPython:
    """Adds 1 to the count of that name; going back takes 1 away and leaves the row."""

    def step(by):
        def work(apps, schema_editor):
            tally = apps.get_model("many", "Tally").objects
            tally.get_or_create(what=what)
            tally.filter(what=what).update(times=models.F("times") + by)

        return work

    return migrations.RunPython(step(1), step(-1), atomic=atomic)
