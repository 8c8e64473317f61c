"""What no caller should send, sent to every operation of the document: a declared error in the one shape, no change.

The operations are read from the document, so that a new one is held to this without being named here.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from config.jobs.models import IdempotencyKey
from inventory.models import VMContext
from tests.config.api.document import PREFIX, Operation, operations
from tests.config.api.estate import Estate, contents

pytestmark = pytest.mark.django_db
OPERATIONS = operations()
WITH_BODY = [each for each in OPERATIONS if each.takes_body]
REPEATABLE = [each for each in OPERATIONS if each.is_repeatable]
ASKS_A_VCENTER = {"discovery/add-vms", "discovery/preview"}
"""There is none here; that these are repeated is shown where there is one, in test_discovery.py."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
JSON = "application/json"
SHAPE, ERROR = {"error", "request_id"}, {"code", "message", "details"}
HUGE = (10**400, -(10**400), 2**63, 1e308)


@pytest.fixture
def estate() -> Iterator[Estate]:
    """What there is; in the end all of it is as it was."""
    made = Estate()
    before = contents()
    yield made
    after = contents()
    assert [table for table in after if after[table] != before[table]] == []


def send(
    secret: str | None, method: str, address: str, body: Any = None, content_type: str = JSON, **headers: str
) -> Any:
    authorization = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
    client = Client(raise_request_exception=False)
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return client.generic(method, PREFIX + address, data, content_type, headers={**authorization, **headers})


def call(operation: Operation, estate: Estate, secret: str | None = None, **values: Any) -> Any:
    """A call that fits, with the key of the estate unless another is given."""
    known = {**estate.values, **values}
    address, body = operation.address(known), operation.body(known)
    return send(estate.secret if secret is None else secret, operation.method, address, body)


def faults(found: Iterable[Operation], wanted: set[int], answer: Callable[[Operation], Any]) -> list[str]:
    """What is wrong with the answers of these operations to calls that each refuses with one of these statuses."""
    return [f"{each}: {fault}" for each in found for fault in fault_of(answer(each), wanted, each.statuses)]


def fault_of(response: Any, wanted: set[int], declared: set[int]) -> Iterator[str]:
    if response.status_code not in wanted:
        yield f"{response.status_code} and not {wanted}: {response.content[:200]!r}"
    if response.status_code not in declared:
        yield f"{response.status_code} is not declared"
    if not response["Content-Type"].startswith(JSON):
        yield f"answers with {response['Content-Type']}"
        return
    body = response.json()
    if (
        not isinstance(body, dict)
        or set(body) != {"error", "request_id"}
        or set(body["error"]) != {"code", "message", "details"}
    ):
        yield f"has another shape: {body}"
    elif body["request_id"] != response["X-Request-ID"] or not body["error"]["message"].endswith("."):
        yield f"has not the id of its request, or no sentence: {body}"


def test_without_a_key_that_is_known_nobody_is_told_anything(estate):
    for secret in ("", "rh_0_wrong", "é", "x" * 10_000):
        assert faults(OPERATIONS, {401}, lambda each, secret=secret: call(each, estate, secret)) == []


def test_a_key_that_has_ended_is_none(estate):
    for secret in (estate.expired, estate.revoked):
        assert faults(OPERATIONS, {401}, lambda each, secret=secret: call(each, estate, secret)) == []


def test_a_key_without_the_scope_is_refused(estate):
    assert faults(OPERATIONS, {403}, lambda each: call(each, estate, estate.useless)) == []


def test_what_another_organization_has_is_told_from_what_nobody_has_by_no_answer(estate):
    found = [each for each in OPERATIONS if each.parameters or {"context_id", "backup_id"} & set(body_names(each))]
    assert len(found) > 25
    absent = {name: f"{value}0" if isinstance(value, str) else value + 10**9 for name, value in estate.values.items()}
    for operation in found:
        there, nowhere = call(operation, estate, estate.foreign), call(operation, estate, estate.foreign, **absent)
        assert list(fault_of(there, {404, 422}, operation.statuses)) == [], str(operation)
        assert there.status_code == nowhere.status_code, str(operation)
        assert there.json()["error"]["code"] == nowhere.json()["error"]["code"], str(operation)


def body_names(operation: Operation) -> Iterable[str]:
    return operation.properties if operation.takes_body else ()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"a": "%s"}' % (b"x" * 3_000_000), {413}),
        (b"[" * 100_000, {400}),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, {400}),
        (b'{"a": "\xff\xfe"}', {400}),
        ('{"a": "ä"}'.encode("utf-16"), {400}),
        (b'{"a": "\\u0000"}', {400}),
        (b'{"\\u0000": 1}', {400}),
        (b'{"a": "\\ud800"}', {400}),
        (b'{"a": %s}' % (b"9" * 5_000), {400}),
        (b'{"a": NaN}', {400}),
        (b"{", {400}),
        (b"", {422}),
        (b"[]", {422}),
        (b"null", {422}),
        (b"3", {422}),
        (b'"x"', {422}),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else "",
)
def test_a_body_that_is_none_is_refused(estate, body, wanted):
    def answer(each: Operation) -> Any:
        return send(estate.secret, each.method, each.address(estate.values), body)

    assert faults(WITH_BODY, wanted, answer) == []


def test_a_number_that_no_database_holds_is_refused(estate):
    named = [
        (each, name)
        for each in WITH_BODY
        for name, said in each.properties.items()
        if "integer" in json.dumps(said) or "number" in json.dumps(said)
    ]
    assert len(named) > 10
    for operation, name in named:
        for number in HUGE:
            answer = call(operation, estate, **{name: number})
            assert list(fault_of(answer, {422}, operation.statuses)) == [], (str(operation), name, number)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", "é"])
def test_a_body_that_is_not_said_to_be_json_is_refused(estate, kind):
    def answer(each: Operation) -> Any:
        return send(estate.secret, each.method, each.address(estate.values), each.body(estate.values), kind)

    assert faults(WITH_BODY, {415}, answer) == []


def test_a_method_that_an_address_does_not_have_is_refused_with_those_that_it_has(estate):
    addresses = {each.address(estate.values) for each in OPERATIONS}
    for address in addresses:
        own = {each.method for each in OPERATIONS if each.address(estate.values) == address}
        for method in set(METHODS) - own:
            answer = send(estate.secret, method, address, {})
            assert list(fault_of(answer, {405}, {405})) == [], (method, address)
            assert set(answer["Allow"].split(", ")) == own


@pytest.mark.parametrize("value", ["%00", "a%00b", "%ff", "..", "%20", "x" * 5_000, "9" * 400, "-1", "%F0%9F%92%A9"])
def test_an_address_at_which_there_is_nothing_is_answered_so(estate, value):
    for operation in OPERATIONS:
        for name in operation.parameters:
            before = operation.path.partition(f"{{{name}}}")[0]
            values = {**estate.values, name: value, f"{before}{{{name}}}": value}
            answer = send(estate.secret, operation.method, operation.address(values), operation.body(estate.values))
            assert list(fault_of(answer, {404, 422}, operation.statuses)) == [], (str(operation), name)


@pytest.mark.parametrize("value", ["%00", "a%00", "%ff", "9" * 5_000, "-1", "{}", "é"])
def test_a_query_that_means_nothing_finds_nothing_or_is_refused(estate, value):
    for operation in OPERATIONS:
        for said in operation.said.get("parameters", []):
            if said["in"] == "query":
                address = f"{operation.address(estate.values)}?{said['name']}={value}"
                answer = send(estate.secret, operation.method, address)
                if answer.status_code != 200:
                    assert list(fault_of(answer, {400, 422}, operation.statuses)) == [], address


@pytest.mark.parametrize("address", ["", "nothing", "jobs/", "jobs/job-1/nothing", "%00", "../v1/nothing"])
def test_an_address_that_the_document_does_not_have_is_answered_in_the_same_shape(estate, address):
    for secret in (None, estate.secret):
        assert list(fault_of(send(secret, "GET", address), {404}, {404})) == []


def test_a_call_that_is_repeated_with_its_key_gets_the_first_answer_and_another_body_none(estate):
    bodies = {"context_id": estate.free, "kinds": ["replication"], "override_reason": "the hall burns"}
    for operation in (each for each in REPEATABLE if each.path not in ASKS_A_VCENTER):
        apart = {"protections": {"context_id": estate.unprotected}, "policies": {"keep_last": 1}}.get(
            operation.path, {}
        )
        whom = {"context_id": estate.free}
        address, body = operation.address(estate.values | whom), operation.body({**estate.values, **bodies, **apart})
        with transaction.atomic():
            if operation.path.endswith("/set-back"):
                VMContext.objects.filter(pk=estate.free).update(runs_at="target")
            first = send(estate.secret, "POST", address, body, **{"Idempotency-Key": "abc"})
            assert first.status_code in {200, 201}, (str(operation), first.content)
            once = contents()
            again = send(estate.secret, "POST", address, body, **{"Idempotency-Key": "abc"})
            assert (again.status_code, again.json()) == (first.status_code, first.json()), str(operation)
            # A strict shape knows no other name: there the same is said in other bytes.
            is_strict = operation.schema.get("additionalProperties") is False
            others = json.dumps(body, indent=1).encode() if is_strict else {**body, "other": 1}
            other = send(estate.secret, "POST", address, others, **{"Idempotency-Key": "abc"})
            assert list(fault_of(other, {409}, operation.statuses)) == [], str(operation)
            assert other.json()["error"]["code"] == "idempotency_key_reused"
            assert contents() == once
            transaction.set_rollback(True)
    assert len(REPEATABLE) > 4


@pytest.mark.parametrize("key", ["x" * 192, "a b", "a\0b", "é", "\t"])
def test_an_idempotency_key_that_is_none_is_refused(estate, key):
    def answer(each: Operation) -> Any:
        body = each.body({**estate.values, "context_id": estate.free})
        return send(estate.secret, "POST", each.address(estate.values), body, **{"Idempotency-Key": key})

    assert faults(REPEATABLE, {422}, answer) == []
    assert IdempotencyKey.objects.count() == 0
