"""Addresses of outside systems, as a person writes them down."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError


def refuse_credentials(name: str, address: str) -> None:
    """Raise ValidationError for an address that holds a user or a password: it is shown to all, and those are apart."""
    try:
        parts = urlsplit(address)
        has_any = parts.username is not None or parts.password is not None
    except ValueError:
        raise ValidationError({name: f"{name} is no address: look at its brackets and its port."}) from None
    if has_any:
        raise ValidationError({name: f"{name} is shown to everybody: leave the user and the password out of it."})
