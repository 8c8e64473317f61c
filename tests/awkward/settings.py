"""A project that has nothing but the schema app and the awkward apps named in AWKWARD_APPS."""

import os
import signal
from pathlib import Path

from config.databases import database, migrate_database

SECRET_KEY = "awkward"
DATABASES = {"default": database(os.environ["DATABASE_URL"], "DATABASE_URL", directory=Path())}
if direct := os.environ.get("DATABASE_MIGRATE_URL"):
    SCHEMA_DATABASES = {"default": migrate_database(direct, DATABASES["default"], directory=Path())}
if os.environ.get("STOCK"):
    engine = DATABASES["default"]["ENGINE"].rpartition(".")[2]
    DATABASES["default"]["ENGINE"] = f"django.db.backends.{'sqlite3' if engine == 'sqlite' else engine}"
INSTALLED_APPS = [
    *filter(None, [os.environ.get("SCHEMA_APP", "config.schema")]),
    *(f"tests.awkward.{name}" for name in os.environ.get("AWKWARD_APPS", "").split(",") if name),
]
# What the app's own migrations hold is for the admin only, and this project has none.
MIGRATION_MODULES = {"schema": None}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
SCHEMA_GATE = os.environ.get("SCHEMA_GATE", "none")
SCHEMA_BACKUP = os.environ.get("SCHEMA_BACKUP", "none")
BACKUP_DIR = os.environ.get("BACKUP_DIR", "")
SCHEMA_LEASE_SECONDS = int(os.environ.get("SCHEMA_LEASE_SECONDS", "60"))
RELEASE = os.environ.get("RELEASE", "unknown release")
SCHEMA_GRANT_TO = os.environ.get("SCHEMA_GRANT_TO", "")
SCHEMA_POOL = os.environ.get("SCHEMA_POOL", "")
LENGTH = int(os.environ.get("LENGTH", "40"))
DIE = (lambda: signal.raise_signal(signal.SIGKILL)) if os.environ.get("DIES") else (lambda: None)
SCHEMA_PROBE_SECONDS = float(os.environ.get("SCHEMA_PROBE_SECONDS", "300"))
STAGE = os.environ.get("STAGE", "after")
SLEEP_SECONDS = os.environ.get("SLEEP_SECONDS", "0")
ACCOUNT = os.environ.get("ACCOUNT", "")
ACCOUNT_PASSWORD = os.environ.get("ACCOUNT_PASSWORD", "")
ACCOUNT_FORM = os.environ.get("ACCOUNT_FORM", "applied")
FAILS = bool(os.environ.get("FAILS"))
HALVED = os.environ.get("HALVED", "")
QUEUED = os.environ.get("QUEUED", "one")
RAN = os.environ.get("RAN", os.devnull)
BROKEN = os.environ.get("BROKEN", "")
DATABASE_ROUTERS = ["tests.awkward.routing.Router"] if os.environ.get("ROUTED") else []
RETENTION_READINGS_DAYS = int(os.environ.get("RETENTION_READINGS_DAYS", "0"))
PARTED = os.environ.get("PARTED", "")
TYPO = os.environ.get("TYPO", "")
FILLED = os.environ.get("FILLED", "copy")
FILL_ATOMIC = bool(os.environ.get("FILL_ATOMIC"))
KEY = os.environ.get("KEY", "number")
ROWS = int(os.environ.get("ROWS", "100"))
BATCH_SECONDS = float(os.environ.get("BATCH_SECONDS", "0.2"))
BATCH_SLEEP = float(os.environ.get("BATCH_SLEEP", "0"))
