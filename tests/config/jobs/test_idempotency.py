"""A call that is repeated is answered again, and done once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from config.demo.factories import AlertFactory
from config.jobs.idempotency import Answer, digest_of, once
from config.jobs.models import IdempotencyKey
from config.refusals import Conflict, Refusal
from inventory.models import Alert

pytestmark = pytest.mark.django_db


def act() -> Answer:
    return Answer(201, {"id": AlertFactory.create().pk})


def test_the_same_key_is_answered_again_and_done_once():
    digest = digest_of("POST", "/replications", {"context_id": "ctx-1", "type": "auto"})
    first = once("key:1", "abc", digest, act)
    again = once("key:1", "abc", digest_of("POST", "/replications", {"type": "auto", "context_id": "ctx-1"}), act)
    assert (again.status, again.body, again.is_repeated, Alert.objects.count()) == (201, first.body, True, 1)


def test_the_same_key_with_another_request_is_refused_and_another_caller_is_none_of_its_business():
    once("key:1", "abc", digest_of("a"), act)
    with pytest.raises(Conflict, match="came before with another request"):
        once("key:1", "abc", digest_of("b"), act)
    assert not once("key:2", "abc", digest_of("b"), act).is_repeated
    assert Alert.objects.count() == 2


def test_what_was_refused_may_be_said_again():
    def refuse() -> Answer:
        AlertFactory.create()
        raise Refusal("not now")

    with pytest.raises(Refusal):
        once("key:1", "abc", digest_of("a"), refuse)
    assert (Alert.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
    assert not once("key:1", "abc", digest_of("a"), act).is_repeated


def test_an_answer_is_forgotten_after_a_day_and_the_request_itself_is_never_kept():
    once("key:1", "abc", digest_of("a secret"), act)
    assert "secret" not in str(IdempotencyKey.objects.values().get())
    IdempotencyKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not once("key:1", "abc", digest_of("another"), act).is_repeated
