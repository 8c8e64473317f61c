"""The settings of the installation: the only reader of the environment (docs/configuration.md)."""

import os
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from config.databases import database, database_url, migrate_database

CHECKOUT = Path(__file__).resolve().parent.parent
# Installed from a wheel there is no checkout around this file: what the hub reads and writes lies where it was started.
BASE_DIR = CHECKOUT if (CHECKOUT / "manage.py").exists() else Path.cwd()
VAR_DIR = BASE_DIR / "var"
environ.Env.read_env(BASE_DIR / ".env")


class LiteralEnv(environ.Env):
    """Takes a value that begins with $ for what it is; django-environ would look for a variable of that name."""

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        value = self.ENVIRON.get(var)
        if isinstance(value, str) and value.startswith("$"):
            return self.parse_value(value, cast)
        return super().get_value(var, cast, default, parse_default)


env = LiteralEnv()
MOST_DAYS = 36_500


def words(name: str, *, default: tuple[str, ...] = ()) -> list[str]:
    """The items of a comma separated list, without the spaces around them; the default where there are none."""
    return [word.strip() for word in env.list(name, default=[]) if word.strip()] or list(default)


def flag(name: str, *, default: bool) -> bool:
    """A boolean variable; a word that is neither yes nor no is an error, not a no."""
    word = env.str(name, default="yes" if default else "no").strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("", "0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} is neither yes nor no: set it to one of them.")


def seconds(name: str, *, default: int, unit: str = "seconds") -> int:
    try:
        value = env.int(name, default=default)
    except ValueError:
        value = -1
    if value < 0:
        raise ImproperlyConfigured(f"{name} is not a number of {unit}: set it to a whole number, 0 or more.")
    return value


def days(name: str, *, default: int) -> int:
    """A number of days, 0 for ever, and no more than the calendar has."""
    value = seconds(name, default=default, unit="days")
    if value > MOST_DAYS:
        raise ImproperlyConfigured(f"{name} is more than {MOST_DAYS} days: set it to 0 to keep them for ever.")
    return value


RELEASE = env.str("RELEASE", default="").strip()
if not RELEASE:
    try:
        RELEASE = version("recovery-hub")
    except PackageNotFoundError:
        RELEASE = "unknown release"

ENVIRONMENT = env.str("ENVIRONMENT", default="development").strip().lower()
if ENVIRONMENT not in ("development", "staging", "production"):
    raise ImproperlyConfigured("ENVIRONMENT is not one of development, staging, production: set it to one of them.")
DEVELOPMENT = ENVIRONMENT == "development"

DEVELOPMENT_SECRET_KEY = "development-only-" + "recovery-hub-" * 4
DEVELOPMENT_ENCRYPTION_KEY = "ZGV2ZWxvcG1lbnQtb25seS1yZWNvdmVyeS1odWIhISE="
DEVELOPMENT_EVIDENCE_KEY = "development-only-" + "evidence-" * 4
DEBUG = flag("DEBUG", default=DEVELOPMENT)
SECRET_KEY = env.str("SECRET_KEY", default="") or DEVELOPMENT_SECRET_KEY
FIELD_ENCRYPTION_KEYS = words("FIELD_ENCRYPTION_KEY", default=(DEVELOPMENT_ENCRYPTION_KEY,))
try:
    for key in FIELD_ENCRYPTION_KEYS:
        Fernet(key)
except ValueError:
    raise ImproperlyConfigured(
        "FIELD_ENCRYPTION_KEY is not a list of Fernet keys, newest first: make one with "
        "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'."
    ) from None
ALLOWED_HOSTS = words("ALLOWED_HOSTS", default=("localhost", "127.0.0.1", "[::1]") if DEVELOPMENT else ())
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")

url, variable = database_url(os.environ, default="sqlite:///var/hub.sqlite3")
DATABASES = {"default": database(url, variable, directory=BASE_DIR)}
migrate_url = env.str("DATABASE_MIGRATE_URL", default="")
SCHEMA_DATABASES = (
    {"default": migrate_database(migrate_url, DATABASES["default"], directory=BASE_DIR)} if migrate_url else {}
)
if DATABASES["default"]["ENGINE"].endswith("sqlite"):
    VAR_DIR.mkdir(exist_ok=True)

if not DEVELOPMENT:
    production = ENVIRONMENT == "production"
    on_sqlite = DATABASES["default"]["ENGINE"].endswith("sqlite")
    refused = [
        (production and DEBUG, "DEBUG must be off"),
        (
            SECRET_KEY == DEVELOPMENT_SECRET_KEY or len(SECRET_KEY) < 32,
            "SECRET_KEY must be set, to 32 characters or more",
        ),
        (DEVELOPMENT_ENCRYPTION_KEY in FIELD_ENCRYPTION_KEYS, "FIELD_ENCRYPTION_KEY must be set"),
        (not ALLOWED_HOSTS, "ALLOWED_HOSTS must be set"),
        (
            production and on_sqlite and not flag("ALLOW_SQLITE_IN_PRODUCTION", default=False),
            "DATABASE_URL must name a server (or set ALLOW_SQLITE_IN_PRODUCTION=yes)",
        ),
    ]
    if reasons := [reason for is_so, reason in refused if is_so]:
        raise ImproperlyConfigured(f"ENVIRONMENT is {ENVIRONMENT}: {'; '.join(reasons)}.")

INSTALLED_APPS = [
    "config.staff",  # before the admin, whose templates it replaces
    "config.apps.HubAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "config.schema",
    "inventory",
    "config.jobs",
    "replication",
    "failover",
    "backups",
    "config.demo",
    "config.worker",
    "auditlog",
    "axes",
    "django_otp",
    "config.access",
    "ninja",
]
MIDDLEWARE = [
    "config.schema.health.ProbeMiddleware",
    "config.api.requests.RequestIdMiddleware",
    "config.api.addresses.ErrorShapeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "config.access.second_factor.SecondFactorMiddleware",
    "config.access.audit.AuditMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [CHECKOUT / "config/admin/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "inventory.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "config.access.backend.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

REQUIRE_SECOND_FACTOR = flag("REQUIRE_SECOND_FACTOR", default=ENVIRONMENT == "production")
TRUSTED_PROXIES = words("TRUSTED_PROXIES")
try:
    for proxy in TRUSTED_PROXIES:
        ip_network(proxy, strict=False)
except ValueError:
    raise ImproperlyConfigured("TRUSTED_PROXIES is not a list of addresses and networks, as in 10.0.0.0/8.") from None
AXES_FAILURE_LIMIT = seconds("SIGN_IN_ATTEMPTS", default=5, unit="attempts")
AXES_ENABLED = AXES_FAILURE_LIMIT > 0
AXES_COOLOFF_TIME = timedelta(minutes=seconds("SIGN_IN_PAUSE_MINUTES", default=15, unit="minutes"))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "config.access.addresses.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AUDITLOG_DISABLE_ON_RAW_SAVE = True
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [CHECKOUT / "config/admin/static"]
if not DEBUG:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

SESSION_COOKIE_AGE = seconds("SESSION_HOURS", default=12, unit="hours") * 3_600
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
if not DEVELOPMENT:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = flag("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = seconds("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = flag("SECURE_HSTS_SUBDOMAINS", default=False)
    if not SECURE_HSTS_INCLUDE_SUBDOMAINS:  # other names of the domain may be served without TLS
        SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
    if flag("BEHIND_TLS_PROXY", default=False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DISCOVERY_ALLOWED_HOSTS = words("DISCOVERY_ALLOWED_HOSTS")
DISCOVERY_CONNECT_TIMEOUT = seconds("DISCOVERY_CONNECT_TIMEOUT", default=10)
DISCOVERY_READ_TIMEOUT = seconds("DISCOVERY_READ_TIMEOUT", default=60)
DISCOVERY_REQUEST_SECONDS = seconds("DISCOVERY_REQUEST_SECONDS", default=20)
DISCOVERY_RUN_SECONDS = seconds("DISCOVERY_RUN_SECONDS", default=3_600)
UPLOAD_DIR = BASE_DIR / (env.str("UPLOAD_DIR", default="") or "var/uploads")

SCHEMA_LOCK_TIMEOUT = seconds("SCHEMA_LOCK_TIMEOUT", default=60)
SCHEMA_POOL = env.str("SCHEMA_POOL", default="")
if SCHEMA_POOL not in ("", "session"):
    raise ImproperlyConfigured("SCHEMA_POOL is neither empty nor session: set it only where a pooler keeps sessions.")
SCHEMA_GATE = env.str("SCHEMA_GATE", default="") or ("destructive" if ENVIRONMENT == "production" else "none")
if SCHEMA_GATE not in ("none", "destructive", "all"):
    raise ImproperlyConfigured("SCHEMA_GATE is not one of none, destructive, all: set it to one of them.")
SCHEMA_BACKUP = env.str("SCHEMA_BACKUP", default="") or "none"
if SCHEMA_BACKUP not in ("none", "before", "after", "both"):
    raise ImproperlyConfigured("SCHEMA_BACKUP is not one of none, before, after, both: set it to one of them.")
BACKUP_DIR = BASE_DIR / (env.str("BACKUP_DIR", default="") or "var/backups")
SCHEMA_GRANT_TO = env.str("SCHEMA_GRANT_TO", default="")
SCHEMA_LEASE_SECONDS = seconds("SCHEMA_LEASE_SECONDS", default=60)
SCHEMA_PROBE_SECONDS = seconds("SCHEMA_PROBE_SECONDS", default=300)

JOB_LEASE_SECONDS = seconds("JOB_LEASE_SECONDS", default=60)
if not JOB_LEASE_SECONDS:
    raise ImproperlyConfigured("JOB_LEASE_SECONDS is 0: set it to how long an engine may be silent, 60 for example.")

LOST_JOB_TAKE_OVER_MINUTES = seconds("LOST_JOB_TAKE_OVER_MINUTES", default=0, unit="minutes")
SURVEY_SECONDS = seconds("SURVEY_SECONDS", default=60)

FAILOVER_TEST_DAYS = days("FAILOVER_TEST_DAYS", default=180)
EVIDENCE_KEYS = words("EVIDENCE_KEY", default=(DEVELOPMENT_EVIDENCE_KEY,) if DEVELOPMENT else ())
if DEVELOPMENT_EVIDENCE_KEY in EVIDENCE_KEYS and not DEVELOPMENT:
    raise ImproperlyConfigured("EVIDENCE_KEY is the one of development: make one with openssl rand -hex 32.")
if any(len(key) < 32 for key in EVIDENCE_KEYS):
    raise ImproperlyConfigured("EVIDENCE_KEY has a key of less than 32 characters: make one with openssl rand -hex 32.")

API_CALLS_PER_MINUTE = seconds("API_CALLS_PER_MINUTE", default=30_000, unit="calls")

RETENTION_METRICS_DAYS = days("RETENTION_METRICS_DAYS", default=395)
RETENTION_EVENTS_DAYS = days("RETENTION_EVENTS_DAYS", default=1_095)
RETENTION_PROBES_DAYS = days("RETENTION_PROBES_DAYS", default=90)
RETENTION_COMPLETED_DAYS = days("RETENTION_COMPLETED_DAYS", default=365)
RETENTION_FAILED_DAYS = days("RETENTION_FAILED_DAYS", default=730)
RETENTION_TEST_DAYS = days("RETENTION_TEST_DAYS", default=180)
RETENTION_EVERY_HOURS = seconds("RETENTION_EVERY_HOURS", default=0, unit="hours")

LOG_FORMAT = env.str("LOG_FORMAT", default="console")
if LOG_FORMAT not in ("console", "json"):
    raise ImproperlyConfigured("LOG_FORMAT is neither console nor json: set it to one of them.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
