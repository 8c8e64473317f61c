"""Every way in which a vCenter cannot be read, as one code and one sentence that names the next step."""

import ssl
from http.client import HTTPException, InvalidURL
from xml.parsers.expat import ExpatError

from pyVmomi import vim, vmodl

from inventory.sources.records import SourceError
from inventory.sources.vcenter.endpoint import CertificateRefusedError, Endpoint


class UnreadableAnswerError(Exception):
    """The answer was complete, but is not the one that the method has."""


class NotVcenterError(Exception):
    """What answers is not a vCenter. The message says what it is."""


class TooSlowError(Exception):
    """The time for all of the reading is over."""


TRANSPORT_FAULTS = (OSError, HTTPException, ExpatError)
READ_FAULTS = (
    *TRANSPORT_FAULTS,
    vmodl.MethodFault,
    CertificateRefusedError,
    NotVcenterError,
    TooSlowError,
    UnicodeError,
    UnreadableAnswerError,
)


def explained(fault: Exception, endpoint: Endpoint, *, recognised: bool) -> SourceError:
    """What is the matter, for the person who asked; `recognised` once the other side has proved to be a vCenter."""
    if isinstance(fault, SourceError):
        return fault
    if isinstance(fault, CertificateRefusedError | ssl.SSLCertVerificationError):
        return _bad_certificate(fault, endpoint)
    if isinstance(fault, TooSlowError):
        return SourceError(
            "too_slow",
            f"{endpoint} takes longer than the {endpoint.time_limit:g} s that there are for this:"
            " name fewer VMs, or start a discovery run, which has the time.",
        )
    if isinstance(fault, TimeoutError):
        return _timeout(endpoint)
    if isinstance(fault, vmodl.MethodFault):
        return _refused(fault, endpoint)
    return _interrupted(fault, endpoint) if recognised else _not_reached(fault, endpoint)


def _timeout(endpoint: Endpoint) -> SourceError:
    return SourceError(
        "timeout",
        f"{endpoint} did not answer in time (limits: {endpoint.connect_timeout:g} s to connect, "
        f"{endpoint.read_timeout:g} s for each read). Check the host name, the port and firewalls on the way, "
        "or allow more time.",
    )


def _bad_certificate(fault: Exception, endpoint: Endpoint) -> SourceError:
    reason = getattr(fault, "verify_message", None) or str(fault)
    shown = endpoint.presented_thumbprint()
    compared = f" ({shown}) after comparing it with the one that vCenter itself shows" if shown else ""
    return SourceError(
        "bad_certificate",
        f"The TLS certificate of {endpoint} is not trusted: {reason.rstrip('.')}. "
        f"Give the certificate of its CA (https://{endpoint.host}/certs/download.zip), or pin its SHA-256 "
        f"thumbprint{compared}.",
    )


def _refused(fault: vmodl.MethodFault, endpoint: Endpoint) -> SourceError:
    if isinstance(fault, vim.fault.InvalidLogin):
        return SourceError(
            "wrong_password",
            f"{endpoint} refused the user name or password of {endpoint.username}. Enter the password again and check "
            "that the user name has its domain (user@vsphere.local) and that the account is not locked or expired.",
        )
    if isinstance(fault, vim.fault.NotAuthenticated):
        return SourceError(
            "lost", f"{endpoint} ended the session of {endpoint.username} during the reading. Run it again."
        )
    if isinstance(fault, vim.fault.NoPermission):
        return no_permission(endpoint, getattr(fault, "privilegeId", None))
    kind = type(fault).__name__.rpartition(".")[2]
    text = getattr(fault, "msg", None) or "no text"
    return SourceError(
        "refused",
        f"{endpoint} answered with the fault {kind}: {text}. "
        "Look at the vCenter's own events at this time, then run it again.",
    )


def no_permission(endpoint: Endpoint, privilege: str | None = None) -> SourceError:
    missing = f" ({privilege})" if privilege else ""
    return SourceError(
        "no_permission",
        f"{endpoint.username} may log in to {endpoint}, but not read its inventory{missing}. Give the user the "
        "role Read-only on the vCenter or the datacenter, propagated to children.",
    )


def no_such_datacenter(endpoint: Endpoint, wanted: str, visible: list[str]) -> SourceError:
    return SourceError(
        "no_such_datacenter",
        f"{endpoint} shows no single datacenter {wanted} to {endpoint.username}. It shows: {', '.join(visible)}. "
        "Correct the name, or give the user the role Read-only on that datacenter.",
    )


def _interrupted(fault: Exception, endpoint: Endpoint) -> SourceError:
    if isinstance(fault, TRANSPORT_FAULTS):
        return SourceError(
            "lost",
            f"The connection to {endpoint} was lost during the reading. The VMs read before are complete. "
            "Check that the vCenter is running, then run it again.",
        )
    return SourceError("refused", f"{endpoint} gave an answer that cannot be read: {fault}. Report its version.")


def _not_reached(fault: Exception, endpoint: Endpoint) -> SourceError:
    if _is_down(fault):
        reason = getattr(fault, "strerror", None) or str(fault)
        return SourceError(
            "unreachable",
            f"{endpoint} cannot be reached: {reason.rstrip('.')}. Check the host name, the port, the name service and "
            "that the vCenter is running.",
        )
    what = str(fault) if isinstance(fault, NotVcenterError) else "what answers there does not speak its protocol"
    return SourceError("not_a_vcenter", f"{endpoint} is not a vCenter: {what}. Check the host name and the port.")


def _is_down(fault: Exception) -> bool:
    if isinstance(fault, ssl.SSLError):
        return False
    if isinstance(fault, HTTPException) and str(fault)[:4] in ("502 ", "503 ", "504 "):
        return True  # the vCenter's own proxy, while its services start
    return isinstance(fault, OSError | UnicodeError | InvalidURL)
