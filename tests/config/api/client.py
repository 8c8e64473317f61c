"""The hub as an engine or an operator's program sees it: addresses, JSON and a key, and nothing else."""

import json
from typing import Any

from django.test import Client

from config.demo.factories import OrganizationFactory, UserFactory
from inventory.keys import make_key

ALL = ("read", "operate", "engine", "discover", "admin", "metrics")


class Refused(Exception):
    """The hub has answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body
        self.code, self.message = body["error"]["code"], body["error"]["message"]


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
    made = make_key(organization, UserFactory.create(), name, scopes or ALL, **columns)
    return Hub(made.secret)
