"""The settings of the tests: nothing of the caller's environment or .env decides which database is written to."""

import os
import tempfile
from pathlib import Path

for name in ("DB_URL", "DB_ENGINE", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DATABASE_MIGRATE_URL"):
    os.environ[name] = ""
os.environ["ENVIRONMENT"] = "development"
os.environ["DEBUG"] = "no"
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or "sqlite:///var/test.sqlite3"

from config.settings import *  # noqa: E402, F403
from config.settings import BASE_DIR, DATABASES  # noqa: E402

Path(BASE_DIR / "var").mkdir(exist_ok=True)
# Runs side by side on one server do not share a database. SQLite's is a file, as in use: one in memory has no WAL, and
# its locks do not wait.
is_file = DATABASES["default"]["ENGINE"].endswith("sqlite")
name = f"hub_test_{os.getpid()}"
DATABASES["default"].setdefault("TEST", {})["NAME"] = (
    str(Path(tempfile.gettempdir()) / f"{name}.sqlite3") if is_file else name
)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
