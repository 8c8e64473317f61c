"""What all records share."""

from django.db import models

from config.schema.fields import UtcNow


class Stamped(models.Model):
    """When a row was made and last changed."""

    created_at = models.DateTimeField(db_default=UtcNow(), editable=False)
    updated_at = models.DateTimeField(auto_now=True, db_default=UtcNow())

    class Meta:
        abstract = True


class Versioned(models.Model):
    """A counter that each change by a person or an engine raises, so that neither overwrites the other unseen."""

    version = models.BigIntegerField(db_default=1, default=1, editable=False)

    class Meta:
        abstract = True
