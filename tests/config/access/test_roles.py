"""A viewer is offered nothing that it may not do, and the address behind each button refuses it."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.utils import quote
from django.db.models import Model

from config.demo.factories import NetworkMappingFactory, OrganizationFactory, reseed
from inventory.models import Membership, User
from tests.config.access.test_rows import OWNED, owned, owners_of
from tests.people import member, superuser
from tests.test_admin_pages import page

pytestmark = pytest.mark.django_db
BUTTONS = re.compile(r'<(?:input|button)[^>]*type="submit"[^>]*>|<a[^>]*class="(?:addlink|deletelink|changelink)[^>]*>')


@pytest.fixture(autouse=True)
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    reseed("roles")
    monkeypatch.setattr(site, "get_app_list", lambda *args, **options: [])


def buttons(html: str) -> list[str]:
    """What a page offers to do; looking for rows is nothing that is done to them."""
    main = html.partition('id="content-start"')[2] or html.partition('id="content"')[2]
    return [each for each in BUTTONS.findall(unescape(main)) if 'value="Search"' not in each and "search" not in each]


def actions_of(model: type[Model]) -> Iterator[str]:
    yield "delete_selected"
    yield from getattr(site.get_model_admin(model), "actions", None) or ()


@pytest.mark.parametrize("model", OWNED)
def test_a_viewer_sees_no_button_and_every_address_behind_one_refuses(model: type[Model]) -> None:
    record = owned(model)
    viewer: Any = member(owners_of(record)[0], "viewer")
    change, listed = page(model, "change", quote(record.pk)), page(model, "changelist")
    assert buttons(viewer.get(change).content.decode()) == []
    assert buttons(viewer.get(listed).content.decode()) == []
    for address in (page(model, "add"), page(model, "delete", quote(record.pk))):
        assert viewer.get(address).status_code == 403, address
        assert viewer.post(address, {"post": "yes"}).status_code == 403, address
    assert viewer.post(change, {}).status_code == 403
    for action in actions_of(model):
        sent = {"action": action, "_selected_action": [record.pk], "index": "0", "post": "yes"}
        assert viewer.post(listed, sent).status_code == 403, action


def test_an_operator_sees_the_buttons_that_a_viewer_does_not() -> None:
    mapping = NetworkMappingFactory()
    operator = member(mapping.vm_context.vcenter.organization, "operator")
    for name, *keys in (("changelist",), ("change", mapping.pk)):
        assert buttons(operator.get(page(type(mapping), name, *keys)).content.decode())


def test_nobody_but_a_superuser_makes_or_changes_people() -> None:
    organization = OrganizationFactory()
    person = Membership.objects.create(
        organization=organization, user=User.objects.create(username="colleague"), role="viewer"
    ).user
    admin = member(organization, "admin")
    assert admin.get(page(User, "change", person.pk)).status_code == 200
    assert admin.get(page(User, "add")).status_code == 403
    assert admin.post(page(User, "change", person.pk), {"is_superuser": "on"}).status_code == 403
    assert admin.get(f"{page(User, 'changelist')}{person.pk}/password/").status_code == 403
    assert superuser().get(page(User, "add")).status_code == 200


def test_no_role_of_an_organisation_opens_the_pages_of_the_installation() -> None:
    admin = member(OrganizationFactory(), "admin")
    nobodys = [model for model in site._registry if model not in {each.values[0] for each in OWNED}]
    assert len(nobodys) > 3
    for model in nobodys:
        assert admin.get(page(model, "changelist")).status_code == 403, model
