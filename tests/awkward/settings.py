"""A project that has nothing but the schema app and the awkward apps named in AWKWARD_APPS."""

import os
from pathlib import Path

from config.databases import database

SECRET_KEY = "awkward"
DATABASES = {"default": database(os.environ["DATABASE_URL"], "DATABASE_URL", directory=Path())}
INSTALLED_APPS = [
    "config.schema",
    *(f"tests.awkward.{name}" for name in os.environ.get("AWKWARD_APPS", "").split(",") if name),
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
SCHEMA_POOL = os.environ.get("SCHEMA_POOL", "")
SLEEP_SECONDS = os.environ.get("SLEEP_SECONDS", "0")
