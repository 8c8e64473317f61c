"""Calls of the HTTP API of a hub, as any program makes them."""

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 30
"""Seconds for one call."""


class Refused(Exception):
    """The hub has answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body
        self.code, self.message = body["error"]["code"], body["error"]["message"]


class Unreachable(Exception):
    """Nothing that speaks as a hub does answers at the address."""


class RemoteHub:
    """The hub at an address, for the holder of a key. Calls raise Refused and Unreachable."""

    def __init__(self, address: str, secret: str) -> None:
        self.address, self.secret = address, secret
        where = urlsplit(address)
        self.connect = HTTPSConnection if where.scheme == "https" else HTTPConnection
        self.place, self.root = where.netloc, where.path.rstrip("/")

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def post(self, path: str, /, **body: Any) -> Any:
        return self._call("POST", path, body)

    def put(self, path: str, /, **body: Any) -> Any:
        return self._call("PUT", path, body)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        try:
            connection = self.connect(self.place, timeout=TIMEOUT)
            try:
                connection.request(method, f"{self.root}/api/v1/{path}", body and json.dumps(body), headers)
                answer = connection.getresponse()
                status, said = answer.status, json.loads(answer.read() or b"null")
            finally:
                connection.close()
        except (OSError, ValueError, HTTPException) as error:
            raise Unreachable(f"No hub answers at {self.address}: start it with make run, or name another.") from error
        if status >= 400:
            raise Refused(status, said)
        return said
