"""A logged-in session: connects with limits, speaks the newest API version both sides know, always logs out."""

import re
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Self

from pyVmomi import SoapStubAdapter, vim, vmodl
from pyVmomi.VmomiSupport import GetServiceVersions, versionIdMap

from inventory.sources.vcenter.endpoint import Connection, Endpoint
from inventory.sources.vcenter.faults import (
    READ_FAULTS,
    TRANSPORT_FAULTS,
    NotVcenterError,
    TooSlowError,
    UnreadableAnswerError,
)

_OLDEST_VERSION = "vim.version.version9"
_OLDEST_SPOKEN = "vSphere 5.5"
_IDLE_LIMIT = 5
"""Seconds after which an idle connection is opened anew, before the other side's proxy closes it under us."""
_FAREWELL_LIMIT = 5
"""Seconds for the log-out after a connection was lost."""


class Stub(SoapStubAdapter):
    """The one door through which every SOAP request goes."""

    def __init__(self, endpoint: Endpoint) -> None:
        context = endpoint.ssl_context()
        super().__init__(
            host=endpoint.host,
            port=endpoint.port,
            version=_OLDEST_VERSION,
            sslContext=context,
            connectionPoolTimeout=_IDLE_LIMIT,
        )
        self.broken = False
        self.deadline: float | None = None
        """By the monotonic clock; no call begins after it."""
        self.limit_to(endpoint)

    def limit_to(self, endpoint: Endpoint) -> None:
        """From the next connection on."""
        self.scheme = partial(Connection, endpoint=endpoint)  # type: ignore[assignment]

    def InvokeMethod(self, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:  # noqa: N802, N803
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TooSlowError
        try:
            return super().InvokeMethod(mo, info, args, outerStub)
        except TRANSPORT_FAULTS:
            self.broken = True
            raise
        except READ_FAULTS:
            raise
        except Exception as fault:
            raise UnreadableAnswerError(f"{info.name}: {type(fault).__name__}") from None


class Session:
    """`content` holds the managers of the vCenter, once entered."""

    content: Any

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._stub: Stub | None = None
        self.recognised = False
        """True once what answers has proved to be a vCenter."""

    def __enter__(self) -> Self:
        self._stub = Stub(self._endpoint)
        if self._endpoint.time_limit is not None:
            self._stub.deadline = time.monotonic() + self._endpoint.time_limit
        try:
            self.content = self._content()
            self.recognised = True
            self._stub.ComputeVersionInfo(newest_version(self.content.about.apiVersion))
            self.content.sessionManager.Login(self._endpoint.username, self._endpoint.password)
        except BaseException:
            self._stub.DropConnections()
            raise
        return self

    def __exit__(self, *fault: object) -> None:
        assert self._stub is not None
        self._stub.deadline = None
        if self._stub.broken:
            self._stub.limit_to(replace(self._endpoint, connect_timeout=_FAREWELL_LIMIT, read_timeout=_FAREWELL_LIMIT))
        with suppress(*READ_FAULTS):
            self.content.sessionManager.Logout()
        self._stub.DropConnections()

    def release(self, view: Any) -> None:
        """Destroy a view; the end of the session does it where the connection is gone."""
        if self._stub is not None and not self._stub.broken:
            with suppress(*READ_FAULTS):
                view.DestroyView()

    def _content(self) -> Any:
        try:
            content = vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()
        except vmodl.MethodFault as fault:
            raise NotVcenterError(
                f"it does not speak the protocol of {_OLDEST_SPOKEN} or newer ({getattr(fault, 'msg', '')})"
            ) from None
        if not isinstance(content, vim.ServiceInstanceContent):
            raise NotVcenterError("what answers there does not speak its protocol")
        if content.about.apiType != "VirtualCenter":
            raise NotVcenterError(f"it is a single host ({content.about.fullName}); name the vCenter that manages it")
        return content


def newest_version(api_version: str) -> str:
    """pyVmomi's name of the newest API version that it and a server of this `apiVersion` both know."""
    served = _numbers(api_version)
    known = ((_numbers(versionIdMap[version]), version) for version in GetServiceVersions("vim25"))
    common = [(numbers, version) for numbers, version in known if (5, 5) <= numbers <= served]
    return max(common, default=((), _OLDEST_VERSION))[1]


def _numbers(version_id: str) -> tuple[int, ...]:
    return tuple(map(int, version_id.split("."))) if re.fullmatch(r"\d+(\.\d+)+", version_id) else ()
