"""The sections lead to the pages that are no list of records, for those who may open them."""

import pytest
from django.urls import reverse

from config.demo.factories import OrganizationFactory, RecoveryPlanFactory
from tests.people import member

pytestmark = pytest.mark.django_db
MATRIX, IMPORT = "admin:failover_networkmapping_matrix", "admin:inventory_discoveryrun_upload"


@pytest.mark.parametrize(("role", "view", "opens"), [("viewer", IMPORT, False), ("operator", MATRIX, True)])
def test_a_page_is_linked_where_it_opens_and_not_where_it_is_refused(role: str, view: str, opens: bool) -> None:
    person, address = member(OrganizationFactory(), role), reverse(view)
    assert person.get(address).status_code == (200 if opens else 403)
    for page in ("index", "section"):
        home = person.get(
            reverse(f"admin:{page}", args=["recovery" if view == MATRIX else "estate"][: page != "index"])
        )
        assert (f'href="{address}"' in home.content.decode()) is opens


@pytest.mark.parametrize("name", ["change", "history", "delete"])
def test_every_page_of_a_record_leads_back_to_its_section(name: str) -> None:
    plan = RecoveryPlanFactory()
    person = member(plan.organization, "admin")
    text = person.get(reverse(f"admin:failover_recoveryplan_{name}", args=[plan.pk])).content.decode()
    trail = text.partition('<div class="breadcrumbs">')[2].partition("</div>")[0]
    assert f'href="{reverse("admin:section", args=["recovery"])}"' in trail
    assert f'href="{reverse("admin:app_list", args=["failover"])}"' not in text


def test_the_page_of_an_app_leads_home_and_is_none_for_who_sees_nothing_of_it() -> None:
    person = member(OrganizationFactory(), "viewer")
    assert person.get(reverse("admin:app_list", args=["failover"])).headers["Location"] == reverse("admin:index")
    assert person.get(reverse("admin:app_list", args=["schema"])).status_code == 404
