"""The worker goes from duty to duty, and none of them holds up another."""

from threading import Event

from config.worker.duties import Duty
from config.worker.loop import Turn, work


def pieces(count: int, done: list[str], name: str):
    left = list(range(count))

    def do() -> bool:
        if not left:
            return False
        left.pop()
        done.append(name)
        return True

    return Duty(name, do)


def test_worker_takes_the_duties_in_turn_until_none_finds_more(db):
    done: list[str] = []
    assert work([pieces(2, done, "one"), pieces(3, done, "two")], until=Event(), once=True) == 0
    assert done == ["one", "two", "one", "two", "two"]


def test_duty_that_fails_is_logged_and_holds_up_no_other(db, caplog):
    def fail() -> bool:
        raise OSError("no route to host")

    done: list[str] = []
    assert work([Duty("broken", fail), pieces(2, done, "whole")], until=Event(), once=True) == 1
    assert done == ["whole", "whole"]
    assert "The duty broken failed and is tried again in 2 s." in caplog.text


def test_duty_that_has_failed_for_days_does_not_end_the_worker(db, caplog):
    def fail() -> bool:
        raise OSError("no route to host")

    turn = Turn(Duty("broken", fail))
    turn.failures = 100_000
    assert turn.take() is False
    assert "is tried again in 60 s." in caplog.text


def test_worker_that_is_told_to_end_finishes_its_piece_and_begins_no_other(db):
    told = Event()
    done: list[str] = []

    def do() -> bool:
        told.set()
        done.append("piece")
        return True

    work([Duty("first", do), pieces(1, done, "second")], until=told)
    assert done == ["piece"]
