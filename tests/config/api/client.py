"""The hub as an engine or an operator's program sees it: addresses, JSON and a key, and nothing else."""

import json
from typing import Any

from django.test import Client

from config.demo.calls import Refused
from config.demo.factories import MembershipFactory, OrganizationFactory
from inventory.keys import make_key

__all__ = ["Hub", "Refused", "hub_of"]
ALL = ("read", "operate", "engine", "discover", "admin", "metrics")


class Hub:
    """Calls of one key. An answer that is an error raises Refused."""

    def __init__(self, secret: str | None, **headers: str) -> None:
        authorization = {"Authorization": f"Bearer {secret}"} if secret else {}
        self.client = Client(headers={**authorization, **headers}, raise_request_exception=False)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        kwargs: dict[str, Any] = {"headers": headers}
        if body is not None:
            kwargs |= {
                "data": body if isinstance(body, bytes) else json.dumps(body),
                "content_type": "application/json",
            }
        self.response = self.client.generic(method, f"/api/v1/{path}", **kwargs)
        answer = json.loads(self.response.content) if self.response.content else None
        if self.response.status_code >= 400:
            raise Refused(self.response.status_code, answer)
        return answer

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, /, **body: Any) -> Any:
        return self.call("POST", path, body)

    def put(self, path: str, /, **body: Any) -> Any:
        return self.call("PUT", path, body)


def hub_of(organization: Any = None, *scopes: str, **columns: Any) -> Hub:
    """A hub for a new key of an organisation, with these scopes or all."""
    organization = organization or OrganizationFactory.create()
    name = columns.pop("name", f"key-{organization.pk}-{'-'.join(scopes) or 'all'}")
    owner = MembershipFactory.create(organization=organization, role="admin").user
    made = make_key(organization, owner, name, scopes or ALL, **columns)
    return Hub(made.secret)
