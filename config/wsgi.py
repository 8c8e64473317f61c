"""The WSGI application, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from config.schema.instances import keep_reporting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
keep_reporting()
