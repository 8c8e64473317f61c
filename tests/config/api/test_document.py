"""The OpenAPI document and its pages."""

import re
from collections import Counter

import pytest
from django.test import Client
from ninja import Schema

pytestmark = pytest.mark.django_db
ROOMS = ("config", "inventory", "replication", "failover", "backups")


def test_every_operation_declares_its_errors_and_says_what_it_does():
    document = Client().get("/api/v1/openapi.json").json()
    assert len(document["paths"]) > 30
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert {"400", "401", "403", "404", "409", "422", "503"} <= set(operation["responses"]), (method, path)
            assert operation["description"].endswith("."), (method, path)
            assert operation["security"], (method, path)


def test_every_schema_that_is_named_is_there():
    text = Client().get("/api/v1/openapi.json").content.decode()
    document = Client().get("/api/v1/openapi.json").json()
    assert set(re.findall(r"#/components/schemas/([\w\[\]]+)", text)) <= set(document["components"]["schemas"])


def test_the_pages_load_nothing_from_outside():
    page = Client().get("/api/v1/docs")
    assert page.status_code == 200
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page.content.decode())


def test_no_two_shapes_have_one_name_of_which_the_document_would_hold_the_last_only():
    shapes = [each for each in below(Schema) if each.__module__.partition(".")[0] in ROOMS]
    assert len(shapes) > 30
    assert [name for name, times in Counter(each.__name__ for each in shapes).items() if times > 1] == []


def below(kind: type) -> set[type]:
    return {kind}.union(*(below(each) for each in kind.__subclasses__()))
