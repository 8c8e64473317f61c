"""What MariaDB has no online form of is done by pt-online-schema-change, while others write."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import migrations as m
from django.db import models

from config.schema.exits import Refused
from config.schema.operations import AddConstraintOnline, AlterConstraintOnline, AlterFieldOnline
from tests.config.schema.live import empty_database, execute
from tests.config.schema.processes import rows, run, start, wait_for
from tests.config.schema.story import Story, drift
from tests.engines import connect, fresh_database, present

pytestmark = pytest.mark.every_engine
BIG = models.BigAutoField(primary_key=True)
FEW = models.CheckConstraint(condition=models.Q(size__gte=0) & ~models.Q(name="100%"), name="t_thing_has_size")
MORE = models.CheckConstraint(condition=models.Q(size__gte=-1), name="t_thing_has_size")
OTHER = models.CheckConstraint(condition=~models.Q(name=", LOCK=NONE"), name="_t_thing_named")
MARIADB = [each for each in present() if each == "mariadb"]
LEFT = "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
COPIES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
    "AND (table_name LIKE 'schema\\_copy%' OR table_name LIKE '%\\_old')"
)


@pytest.fixture(params=MARIADB)
def mariadb(django_db_blocker: Any) -> Iterator[Story]:
    with django_db_blocker.unblock(), empty_database("mariadb") as connection:
        story = Story(connection)
        yield story
        story.undo_all()


def things(story: Story) -> None:
    story.atomic = False
    story.create(
        "Thing",
        id=BIG,
        name=models.CharField(max_length=40),
        size=models.IntegerField(),
        n=models.PositiveIntegerField(),
    )
    story.apply(m.AddConstraint("thing", OTHER))
    execute(story.connection, "INSERT INTO t_thing (name, size, n) VALUES ('a', 1, 1), ('b', 2, 2)")


def test_checks_and_wider_columns_are_made_as_the_models_say_and_undone(mariadb: Story) -> None:
    story, empty = mariadb, mariadb.connection
    things(story)
    for operation in (
        AddConstraintOnline("thing", FEW, executor="pt-osc"),
        AlterConstraintOnline("thing", FEW.name, MORE, executor="pt-osc"),
        AlterFieldOnline("thing", "name", models.CharField(max_length=200), executor="pt-osc"),
        AlterFieldOnline("thing", "size", models.BigIntegerField(), executor="pt-osc"),
        AlterFieldOnline("thing", "n", models.PositiveBigIntegerField(db_default=7), executor="pt-osc"),
    ):
        story.apply(operation)
        assert drift(story) == []
        assert execute(empty, "SELECT name, size, n FROM t_thing ORDER BY id") == [("a", 1, 1), ("b", 2, 2)]
        assert execute(empty, LEFT) == execute(empty, COPIES.replace("%", "%%")) == []
    while len(story.past) > 2:
        story.undo()
    assert drift(story) in ([], ["The column t_thing.n lacks the check of its values."]), "as Django undoes it"


def test_where_the_engine_can_do_it_or_has_one_writer_the_executor_is_not_asked(
    engine: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    things(story)
    monkeypatch.setenv("PATH", "")
    told = pytest.raises(Refused, match="install the package percona-toolkit") if engine == "mariadb" else None
    with told or contextlib.nullcontext():
        story.apply(AddConstraintOnline("thing", FEW, executor="pt-osc"))


def test_a_table_that_it_cannot_handle_is_refused_and_left_as_it_is(mariadb: Story) -> None:
    story, empty = mariadb, mariadb.connection
    things(story)
    check = AddConstraintOnline("thing", FEW, executor="pt-osc")
    execute(empty, "CREATE TRIGGER mine BEFORE INSERT ON t_thing FOR EACH ROW SET NEW.size = 1")
    with pytest.raises(Refused, match=r"t_thing has triggers \(mine\)"):
        story.apply(check)
    execute(empty, "DROP TRIGGER mine")
    story.create("Child", id=BIG, thing=models.ForeignKey("throwaway.thing", models.CASCADE))
    with pytest.raises(Refused, match="Foreign keys lead from or to t_thing"):
        story.apply(check)
    for narrower in (models.CharField(max_length=20), models.IntegerField()):
        with pytest.raises(Refused, match="not every value of the old type is one of the new"):
            story.apply(AlterFieldOnline("thing", "name", narrower, executor="pt-osc"))
    assert drift(story) == []


def test_an_executor_that_there_is_not_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="executor='gh-ost' is none"):
        AlterFieldOnline("thing", "name", models.TextField(), executor="gh-ost")


class Writers:
    """Two who add a row and change one, again and again; what they were told is done has to stay."""

    def __init__(self, url: str) -> None:
        self.done: dict[int, int] = {}
        self.failed: list[BaseException] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(url, first)) for first in (1, 2)]

    def __enter__(self) -> "Writers":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()
        assert self.failed == []

    def _work(self, url: str, first: int) -> None:
        with contextlib.closing(connect(url)) as connection:
            cursor, number = connection.cursor(), 0
            try:
                while not self._over.is_set():
                    number += 1
                    for key, size in ((1_000_000 + 2 * number + first % 2, number), (100 * number + first, -number)):
                        self._write(cursor, key, abs(size))
            except BaseException as error:
                self.failed.append(error)

    def _write(self, cursor: Any, key: int, size: int) -> None:
        said = "INSERT INTO copied_row (id, name, size) VALUES (%s, 'new', %s) ON DUPLICATE KEY UPDATE size = %s"
        while True:
            try:
                cursor.execute(said, (key, size, size))
            except Exception as error:
                # The copying and a writer may meet; the writer is told to say it again.
                if error.args[0] not in (1205, 1213):
                    raise
            else:
                self.done[key] = size
                return


@pytest.fixture(params=MARIADB)
def copied() -> Iterator[str]:
    with fresh_database("mariadb") as url:
        assert run(url, "migrate", "copied", "0001", "--verbosity=0", apps="copied")[0] == 0
        rows(url, "INSERT INTO copied_row (name, size) SELECT CONCAT('row ', seq), seq FROM seq_1_to_200000")
        yield url


def test_killed_in_the_middle_the_next_migrate_does_it_again_and_no_row_is_lost(copied: str) -> None:
    with Writers(copied) as writers:
        process = start(copied, "migrate", "copied", "--verbosity=0", apps="copied")
        wait_for(lambda: len(rows(copied, LEFT)) == 3, "the tool to copy")
        process.kill()
        process.wait(30)
        assert rows(copied, COPIES) != []
        code, told = run(copied, "migrate", "copied", "--verbosity=0", apps="copied")
        assert code == 0, told
    assert rows(copied, LEFT) == rows(copied, COPIES) == []
    expected = {number: number for number in range(1, 200_001)} | writers.done
    assert dict(rows(copied, "SELECT id, size FROM copied_row")) == expected
    definition = rows(copied, "SHOW CREATE TABLE copied_row")[0][1]
    assert "`copied_not_negative` CHECK" in definition and "`copied_named` CHECK" in definition
    assert run(copied, "migrate", "copied", "0001", "--verbosity=0", apps="copied")[0] == 0


def test_the_password_is_not_among_the_words_of_the_program(copied: str) -> None:
    password = copied.partition("://")[2].partition("@")[0].partition(":")[2]
    process = start(copied, "migrate", "copied", "--verbosity=0", apps="copied")
    wait_for(lambda: words_of_the_tool(process.pid), "the tool to run")
    words = words_of_the_tool(process.pid)
    assert process.wait(60) == 0
    assert words and password and password not in words


def words_of_the_tool(parent: int) -> str:
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        words = Path(f"/proc/{pid}/cmdline").read_text()
        if "pt-online-schema-change" in words and "--execute" in words:
            return words
    return ""
