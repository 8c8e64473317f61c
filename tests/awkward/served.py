"""The hub itself with one app more, whose pending migrations lose what is in a column and then take their time."""

import os

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS

INSTALLED_APPS += ["tests.awkward.shrinking", "tests.awkward.slow"]
SLEEP_SECONDS = os.environ.get("SLEEP_SECONDS", "0")
