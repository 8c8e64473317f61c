"""The API under `/api/v1/`."""

from typing import Any

from ninja import NinjaAPI

from backups.api import router as backups
from backups.api_setup import router as stores
from config.api.authentication import KeyAuth, PersonAuth
from config.api.discovery import router as discovery
from config.api.errors import StrictParser, declare, install
from config.api.limits import PerMinute
from config.api.vcenters import router as vcenters
from config.api.vms import router as vms
from config.jobs.api import router as jobs
from failover.api import router as failover
from failover.api_mappings import router as mappings
from failover.api_networks import router as networks
from failover.api_plan_runs import router as plan_runs
from failover.api_plans import router as plans
from inventory.api import router as keys
from replication.api import router as replication
from replication.api_setup import router as targets


class HubAPI(NinjaAPI):
    """With every error declared in its OpenAPI document."""

    def get_openapi_schema(self, **options: Any) -> Any:
        document = super().get_openapi_schema(**options)
        declare(document)
        return document


api = HubAPI(
    title="Recovery Hub",
    version="1",
    urls_namespace="api",
    auth=[KeyAuth(), PersonAuth()],
    parser=StrictParser(),
    throttle=[PerMinute()],
)
install(api)
api.add_router("", vms)
api.add_router("", jobs)
api.add_router("", replication)
api.add_router("", failover)
api.add_router("", mappings)
api.add_router("", plans)
api.add_router("", plan_runs)
api.add_router("", backups)
api.add_router("", keys)
for setup in (discovery, vcenters, targets, networks, stores):
    api.add_router("", setup)
