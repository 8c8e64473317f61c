"""docs/change-of-type.md: neighbouring releases work side by side while a column changes its type, and back."""

import contextlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.checkout import ROOT
from tests.config.schema.processes import rows, run_sql
from tests.config.schema.releases import Releases, Serving
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
PAGE = ROOT / "docs" / "change-of-type.md"
WAYS = ("save", "save_field", "update", "increase", "update_many")
TOO_LARGE = 3_000_000_000
"""For an integer; SQLite's hold it."""


@pytest.fixture
def releases(engine, tmp_path) -> Iterator[tuple[Releases, str]]:
    with fresh_database(engine) as url:
        yield Releases(tmp_path, url, PAGE), url


class Truth:
    """What one writer has entered, and so what every release has to show; `begin`: its numbers are no other's."""

    def __init__(self, begin: int = 1) -> None:
        self.sizes: dict[str, int] = {}
        self._numbers = itertools.count(begin)

    def write(self, one: Serving) -> None:
        """Add rows and change them, in every way that the ORM has."""
        first, *many = (next(self._numbers) for _ in range(3))
        self.sizes[str(one.do("create", first))] = first
        self.sizes |= zip(map(str, one.do("create_many", *many)), many, strict=True)
        keys = list(self.sizes)
        for way, key in zip(WAYS, itertools.cycle((keys[0], keys[-1], keys[len(keys) // 2])), strict=False):
            number = next(self._numbers)
            one.do(way, int(key), number)
            self.sizes[key] = self.sizes[key] + number if way == "increase" else number


def shown_by(serving: Serving, *truths: Truth) -> None:
    """Whether a release shows what was entered, no matter by whom."""
    assert serving.do("read") == {key: size for each in truths for key, size in each.sizes.items()}


def writing_meanwhile(releases: Releases, number: int, name: str, *pairs: tuple[Truth, Serving]) -> None:
    """Migrate while the processes of these releases write all the time."""
    with ThreadPoolExecutor(1 + len(pairs)) as pool:
        migrating = pool.submit(releases.migrate, number, name)

        def write(truth: Truth, serving: Serving) -> None:
            truth.write(serving)
            while not migrating.done():
                truth.write(serving)

        for done in [pool.submit(write, *pair) for pair in pairs]:
            done.result()
    migrating.result()


def test_a_type_changes_under_two_writers_and_back_and_no_row_is_lost(releases):
    shop, url = releases
    first, second = Truth(), Truth(1_000_000)
    shop.migrate(1, "0001")
    with contextlib.ExitStack() as stack:
        one, two, also_two, three = (stack.enter_context(shop.serve(number, "size")) for number in (1, 2, 2, 3))
        first.write(one)
        writing_meanwhile(shop, 2, "0002", (first, one))
        first.write(one)
        writing_meanwhile(shop, 3, "0004", (first, two), (second, also_two))
        first.write(two)
        second.write(three)
        shown_by(two, first, second)
        shown_by(three, first, second)
        # Release 3 is taken back, and comes again.
        writing_meanwhile(shop, 3, "0002", (first, two), (second, also_two))
        first.write(one)
        shown_by(one, first, second)
        shop.migrate(4, "0006")
        first.sizes[str(three.do("create", TOO_LARGE))] = TOO_LARGE
        first.write(three)
        shown_by(three, first, second)
    held = {str(key): size for key, size in rows(url, "SELECT id, size FROM shop_disk")}
    assert held == first.sizes | second.sizes


def test_a_row_that_one_column_alone_was_written_to_stops_the_swap_until_it_is_mended(releases):
    shop, url = releases
    shop.migrate(3, "0003")
    run_sql(url, "INSERT INTO shop_disk (size, size_too) VALUES (1, 1), (2, 3)")
    stopped = shop.tried(3, "migrate", "shop", "0004")
    assert stopped.returncode == 4, stopped.stderr
    told = "1 row of shop_disk holds another value in size_too than they should, such as the one with the key 2."
    assert told in stopped.stderr and "Traceback" not in stopped.stderr
    run_sql(url, "UPDATE shop_disk SET size_too = size")
    shop.migrate(3, "0004")
    assert rows(url, "SELECT size, size_too FROM shop_disk ORDER BY id") == [(1, 1), (2, 2)]


@pytest.mark.parametrize("number", (1, 2, 3, 4))
def test_the_migrations_of_a_release_make_its_models(tmp_path, number):
    releases = Releases(tmp_path, f"sqlite:///{tmp_path}/hub.sqlite3", PAGE)
    releases.manage(number, "makemigrations", "--check", "--dry-run")
