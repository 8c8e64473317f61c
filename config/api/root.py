"""The API under `/api/v1/`."""

from ninja import NinjaAPI

from config.api.authentication import KeyAuth, PersonAuth
from config.api.errors import StrictParser, install
from config.jobs.api import router as jobs
from replication.api import router as replication

api = NinjaAPI(
    title="Recovery Hub",
    version="1",
    urls_namespace="api",
    auth=[KeyAuth(), PersonAuth()],
    parser=StrictParser(),
)
install(api)
api.add_router("", jobs)
api.add_router("", replication)
