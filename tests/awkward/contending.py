"""Processes, one for each node of a cluster, that reach for its lock at the same moment, again and again.

    python -m tests.awkward.contending ROUNDS URL URL ...

Who gets the lock adds one to a number that it has read. Prints as JSON how many got it in each round, and the number.
"""

import contextlib
import json
import multiprocessing
import os
import sys
from typing import Any

from tests.engines import connect

LIMIT = 60


def contend(url: str, rounds: int, barrier: Any, told: Any) -> None:
    os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.awkward.settings", "DATABASE_URL": url}
    import django

    django.setup()
    from django.db import connection

    from config.schema.lock import lock_of

    lock = lock_of(connection, say=sys.stderr.write)
    # The tables of an empty database are made by all of them at once, too.
    lock.take(LIMIT)
    lock.release()
    for number in range(rounds):
        barrier.wait(LIMIT)
        got = lock.exclusion.try_take()
        if got:
            with connection.cursor() as cursor:
                cursor.execute("SELECT number FROM counter")
                cursor.execute("UPDATE counter SET number = %s", [cursor.fetchone()[0] + 1])
        told.put((number, got))
        barrier.wait(LIMIT)
        if got:
            assert lock.exclusion.release()


def main() -> int:
    rounds, urls = int(sys.argv[1]), sys.argv[2:]
    with contextlib.closing(connect(urls[0])) as database:
        database.cursor().execute("CREATE TABLE counter (id INT PRIMARY KEY, number INT)")
        database.cursor().execute("INSERT INTO counter VALUES (1, 0)")
    barrier, told = multiprocessing.Barrier(len(urls)), multiprocessing.Queue()
    contenders = [multiprocessing.Process(target=contend, args=(url, rounds, barrier, told)) for url in urls]
    for each in contenders:
        each.start()
    winners = [0] * rounds
    for _ in range(rounds * len(urls)):
        number, got = told.get(timeout=LIMIT)
        winners[number] += got
    for each in contenders:
        each.join(LIMIT)
    with contextlib.closing(connect(urls[-1])) as database:
        cursor = database.cursor()
        cursor.execute("SET STATEMENT wsrep_sync_wait = 15 FOR SELECT number FROM counter")
        json.dump({"winners": winners, "number": cursor.fetchone()[0]}, sys.stdout)
    return max(abs(each.exitcode or 0) for each in contenders)


if __name__ == "__main__":
    sys.exit(main())
