"""docs/expand-and-contract.md: neighbouring releases work side by side on every schema that they meet."""

import contextlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.config.schema.processes import rows
from tests.config.schema.releases import ATTRIBUTE, Releases, Serving
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
WAYS = ("save", "save_field", "update", "append", "update_many")


@pytest.fixture
def releases(engine, tmp_path) -> Iterator[tuple[Releases, str]]:
    with fresh_database(engine) as url:
        yield Releases(tmp_path, url), url


class Truth:
    """What people have entered, and so what every release has to show."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._words = (f"Disk {number}" for number in itertools.count(1))

    def write(self, one: Serving) -> None:
        """Add rows and change them, in every way that the ORM has."""
        first, *many = (next(self._words) for _ in range(3))
        self.names[str(one.do("create", first))] = first
        self.names |= zip(map(str, one.do("create_many", *many)), many, strict=True)
        # The oldest row, the newest, and one in between; a change of case only, too.
        keys = list(self.names)
        for way, key in zip(WAYS, itertools.cycle((keys[0], keys[-1], keys[len(keys) // 2])), strict=False):
            word = "+" if way == "append" else next(self._words) if way != "update_many" else self.names[key].swapcase()
            one.do(way, int(key), word)
            self.names[key] = self.names[key] + word if way == "append" else word

    def shown_by(self, *releases: Serving) -> None:
        for each in releases:
            assert each.do("read") == self.names


def side_by_side(truth: Truth, *serving: Serving) -> None:
    """Each writes and all read, in both orders."""
    for one in (*serving, *reversed(serving)):
        truth.write(one)
        truth.shown_by(*serving)


def writing_meanwhile(truth: Truth, serving: Serving, releases: Releases, number: int, *names: str) -> None:
    """Migrate while a release writes all the time, and look what it shows after each step."""
    for name in names:
        with ThreadPoolExecutor(1) as pool:
            migrating = pool.submit(releases.migrate, number, name)
            truth.write(serving)
            while not migrating.done():
                truth.write(serving)
        migrating.result()
        truth.shown_by(serving)
        truth.write(serving)


def test_neighbouring_releases_work_on_one_schema_all_the_way_and_back(releases):
    shop, url = releases
    truth = Truth()
    shop.migrate(1, "0001")
    with contextlib.ExitStack() as stack:
        one, two, three, four = (stack.enter_context(shop.serve(number)) for number in (1, 2, 3, 4))

        def forth_to_three() -> None:
            writing_meanwhile(truth, one, shop, 2, "0002")
            side_by_side(truth, one, two)
            writing_meanwhile(truth, two, shop, 3, "0003", "0004")
            side_by_side(truth, two, three)

        truth.write(one)
        forth_to_three()
        # Release 3 is taken back, then release 2; and forth again, with what they have written meanwhile.
        truth.write(two)
        writing_meanwhile(truth, two, shop, 3, "0002")
        side_by_side(truth, one, two)
        truth.write(one)
        writing_meanwhile(truth, one, shop, 2, "0001")
        forth_to_three()
        writing_meanwhile(truth, three, shop, 4, "0005")
        side_by_side(truth, three, four)
        writing_meanwhile(truth, four, shop, 4, "0006")
        # Release 4 is taken back, all the way to release 2.
        writing_meanwhile(truth, four, shop, 4, "0005")
        side_by_side(truth, three, four)
        writing_meanwhile(truth, three, shop, 4, "0004")
        side_by_side(truth, two, three)
        writing_meanwhile(truth, three, shop, 4, "0005")
        side_by_side(truth, three, four)
        writing_meanwhile(truth, four, shop, 4, "0006")
        with shop.serve(5) as five:
            side_by_side(truth, four, five)
            writing_meanwhile(truth, five, shop, 5, "0007")
            side_by_side(truth, four, five)
    assert len(truth.names) > 100
    assert {str(key): name for key, name in rows(url, "SELECT id, name FROM shop_disk")} == truth.names


@pytest.mark.parametrize("number", ATTRIBUTE)
def test_the_migrations_of_a_release_make_its_models(tmp_path, number):
    Releases(tmp_path, f"sqlite:///{tmp_path}/hub.sqlite3").manage(number, "makemigrations", "--check", "--dry-run")


def test_release_3_would_miss_what_release_1_writes_so_none_is_left_out(releases):
    shop, _ = releases
    shop.migrate(3, "0003")
    with shop.serve(1) as one, shop.serve(3) as three:
        key = str(one.do("create", "unseen"))
        assert three.do("read") == {key: None}
