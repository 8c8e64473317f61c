"""The second factor: a code of an authenticator app (TOTP), or one of the recovery codes that were shown once."""

import json
from base64 import b32encode
from collections.abc import Callable
from secrets import token_bytes
from typing import Any
from urllib.parse import quote, urlencode

import django_otp
import segno
from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache

from config.access.models import DIGITS, STEP_SECONDS, Authenticator, RecoveryCodes, new_key
from inventory.secret_fields import SecretUnreadable

RECOVERY_CODES = 10
ISSUER = "Recovery Hub"


def has_second_factor(user: Any) -> bool:
    return Authenticator.objects.filter(user=user, confirmed=True).exists()


def verify(user: Any, code: str) -> Any:
    """The device that accepts this code, or None. A wrong one makes the device wait before it takes the next."""
    code = code.replace(" ", "")
    kind: Any = Authenticator if code.isdigit() else RecoveryCodes
    with transaction.atomic():
        for device in kind.objects.select_for_update().filter(user=user, confirmed=True):
            if device.verify_token(code.lower()):
                return device
    return None


class SignInForm(AdminAuthenticationForm):
    """Name, password, and for those who have a second factor its code."""

    code = forms.CharField(
        required=False,
        max_length=16,
        help_text="The code of your authenticator app, or a recovery code. Empty if you have set up none.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        user: Any = self.get_user()
        if user is not None and has_second_factor(user):
            user.otp_device = verify(user, cleaned.get("code", ""))
            if user.otp_device is None:
                self.add_error("code", "Enter the code that your app shows now; after a wrong one wait a few seconds.")
        return cleaned


class CodeForm(forms.Form):
    code = forms.RegexField(
        r"^\s*\d{3}\s?\d{3}\s*$",
        label="Code that the app shows",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class SecondFactorMiddleware:
    """Where a second factor is required, a session without one reaches the page that sets it up and no other.

    Keys of the API are not asked: a request that brings one is nobody's but the key's, whatever session comes with it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if not settings.REQUIRE_SECOND_FACTOR or not user.is_authenticated or user.is_verified():
            return self.get_response(request)
        if request.headers.get("Authorization", "").startswith("Bearer "):
            request.user = AnonymousUser()
            return self.get_response(request)
        if request.path in (reverse("admin:second_factor"), reverse("admin:logout"), reverse("admin:login")):
            return self.get_response(request)
        if request.path.startswith("/api/"):
            words = "Set up a second factor in the staff pages first."
            error = {"code": "second_factor_required", "message": words, "details": []}
            return JsonResponse({"error": error}, status=403)
        return HttpResponseRedirect(reverse("admin:second_factor"))


@never_cache
def enrol(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Set up the second factor of the person who has signed in; its key is shown until the first code is right."""
    user: Any = request.user
    if not user.is_verified() and has_second_factor(user):  # the session is older than the factor
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    if user.is_verified():
        return TemplateResponse(request, "access/second_factor.html", context | {"is_set_up": True})
    device = _begun(user) or Authenticator.objects.create(
        user=user, confirmed=False, name="authenticator", key=new_key()
    )
    form = CodeForm(request.POST or None)
    if form.is_valid():
        if device.verify_token(form.cleaned_data["code"].replace(" ", "")):
            codes = _confirm(user, device)
            django_otp.login(request, device)
            return TemplateResponse(request, "access/second_factor.html", context | {"codes": codes, "is_set_up": True})
        form.add_error("code", "That is not the code of now: look at the clock of your telephone, and enter the next.")
    image = segno.make(address_of(device), error="m").svg_inline(scale=5, omitsize=False, dark="#000", light="#fff")
    key = device.bin_key
    return TemplateResponse(
        request,
        "access/second_factor.html",
        context | {"form": form, "image": mark_safe(image), "key": _base32(key)},  # noqa: S308 - made of our own text
    )


def address_of(device: Any) -> str:
    """What the QR code says to an authenticator app."""
    label = quote(f"{ISSUER}:{device.user.get_username()}")
    values = {"secret": _base32(device.bin_key), "issuer": ISSUER, "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"


def remove_second_factor(user: Any) -> int:
    """Remove all devices of a person, who then sets up new ones; the number of authenticators removed."""
    with transaction.atomic():
        for codes in RecoveryCodes.objects.filter(user=user):
            codes.delete()
        devices = list(Authenticator.objects.filter(user=user))
        for device in devices:
            device.delete()
    return len(devices)


def _begun(user: Any) -> Any:
    """The authenticator that the person has begun to set up, as two tabs may begin two; None where its key is lost."""
    device = Authenticator.objects.filter(user=user, confirmed=False).order_by("pk").first()
    try:
        return device and device.bin_key and device
    except SecretUnreadable:
        Authenticator.objects.filter(user=user, confirmed=False).delete()
        return None


def _confirm(user: Any, device: Any) -> list[str]:
    with transaction.atomic():
        device.confirmed = True
        device.save()
        RecoveryCodes.objects.filter(user=user).delete()
        codes = [b32encode(token_bytes(5)).decode().lower() for _ in range(RECOVERY_CODES)]
        RecoveryCodes.objects.create(user=user, name="recovery codes", codes=json.dumps(codes))
    return codes


def _base32(key: bytes) -> str:
    return b32encode(key).decode().rstrip("=")
