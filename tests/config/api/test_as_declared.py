"""The API does what its OpenAPI document says, whatever it is sent: schemathesis makes calls up and judges the answers.

`make test-api` makes up more of them, on every engine.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.config.api.document import document, operations
from tests.config.api.estate import Estate

load_all_checks()
CHECKED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
    ]
)
FEW, MANY = 6, 200
OPERATIONS = operations()
DECLARED = schemathesis.openapi.from_dict(json.loads(json.dumps(document())))
DECLARED.app = get_wsgi_application()
MADE_UP = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture
def estate(db: Any, settings: Any) -> Iterator[Estate]:
    """What there is; the connection of the test stays open between the calls, as with Django's own client."""
    settings.API_CALLS_PER_MINUTE = 0
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield Estate()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.every_engine
@pytest.mark.parametrize("number", range(len(OPERATIONS)), ids=map(str, OPERATIONS))
def test_an_operation_answers_as_it_declares(number, estate):
    try_out(number, estate, settings(MADE_UP, max_examples=FEW, derandomize=True))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(OPERATIONS)), ids=map(str, OPERATIONS))
def test_an_operation_answers_as_it_declares_many_times(number, estate):
    try_out(number, estate, settings(MADE_UP, max_examples=MANY))


def try_out(number: int, estate: Estate, how: settings) -> None:
    """Send an operation what fits its declaration, what does besides name things that are there, and what does not."""
    said = OPERATIONS[number]
    declared = DECLARED[f"/api/v1/{said.path}"][said.method]
    named = {name: said.value(name, estate.values) for name in said.parameters}

    def with_what_is_there(case: Any) -> Any:
        if isinstance(case.body, dict):
            case.body |= {name: estate.values[name] for name in case.body if name in estate.values}
        return case

    kinds = [
        declared.as_strategy(GenerationMode.POSITIVE),
        declared.as_strategy(GenerationMode.POSITIVE, path_parameters=named).map(with_what_is_there),
    ]
    if said.said.get("parameters") or said.takes_body:
        kinds.append(declared.as_strategy(GenerationMode.NEGATIVE))

    @how
    @given(case=st.one_of(kinds))
    def answers(case: Any) -> None:
        # Each call finds the estate as it was made.
        with transaction.atomic():
            case.call_and_validate(headers={"Authorization": f"Bearer {estate.secret}"}, checks=CHECKED)
            transaction.set_rollback(True)

    answers()
