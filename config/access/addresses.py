"""From where a request comes."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The address of the client; what X-Forwarded-For says counts only where a trusted proxy has written it.

    Each proxy appends who called it, so the list is read from its end, past the proxies of TRUSTED_PROXIES; what stands
    before the first other address was written by that client and may be anything.
    """
    address = _parsed(request.META.get("REMOTE_ADDR", ""))
    said = request.headers.get("X-Forwarded-For", "").split(",")
    while said and _is_trusted(address):
        if (before := _parsed(said.pop())) is None:
            break
        address = before
    return address


def _parsed(text: str) -> str | None:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return None


def _is_trusted(address: str | None) -> bool:
    return address is not None and any(
        ip_address(address) in ip_network(each, strict=False) for each in settings.TRUSTED_PROXIES
    )
