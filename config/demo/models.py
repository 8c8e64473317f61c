"""Which rows were seeded, so that exactly those can be removed."""

from django.db import models

from config.schema.constraints import filled
from config.schema.fields import CodeField, UtcNow


class SeededRow(models.Model):
    """One row that `manage.py seed` made."""

    model = CodeField(max_length=128, help_text="app_label.model_name")
    row_key = CodeField(max_length=191, help_text="The primary key, as text.")
    seeded_at = models.DateTimeField(db_default=UtcNow())

    class Meta:
        db_table = "seeded_rows"
        constraints = [
            models.UniqueConstraint(fields=["model", "row_key"], name="seeded_rows_once"),
            filled("seeded_rows", "model", "row_key"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.row_key}"
