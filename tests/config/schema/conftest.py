"""Databases that `manage.py migrate` has made, one per engine and session."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.config.schema.live import empty_database
from tests.config.schema.manage import manage
from tests.config.schema.story import Story
from tests.engines import connect, fresh_database


@pytest.fixture(scope="session")
def migrated() -> Iterator[Callable[[str], str]]:
    """The URL of an engine's migrated database; the one of MariaDB was made with another character set by default."""
    urls: dict[str, str] = {}
    with contextlib.ExitStack() as databases:

        def url_of(engine: str) -> str:
            if engine not in urls:
                url = databases.enter_context(fresh_database(engine))
                if engine == "mariadb":
                    with contextlib.closing(connect(url)) as connection:
                        name = url.rpartition("/")[2]
                        connection.cursor().execute(f"ALTER DATABASE {name} CHARACTER SET latin1")
                manage(url, "migrate", "--verbosity=0")
                urls[engine] = url
            return urls[engine]

        yield url_of


@pytest.fixture(scope="module")
def empty(engine: str, django_db_blocker: Any) -> Iterator[Any]:
    """A Django connection to an empty database of the engine."""
    with django_db_blocker.unblock(), empty_database(engine) as connection:
        yield connection


@pytest.fixture
def story(empty: Any) -> Iterator[Story]:
    """Operations on the empty database; it is empty again in the end."""
    story = Story(empty)
    yield story
    story.undo_all()
