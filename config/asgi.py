"""The ASGI application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_asgi_application()

# It names models, which there are once the applications are loaded.
from config.schema.instances import keep_reporting  # noqa: E402

keep_reporting()
