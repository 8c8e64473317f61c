"""What all tests share."""

import gc
import os

import pytest

from tests.engines import left_out, present
from tests.warm import SELDOM


def pytest_report_header() -> list[str]:
    lines = [f"database of this run: {(os.environ.get('TEST_DATABASE_URL') or 'sqlite').partition(':')[0]}"]
    if missing := left_out():
        lines.append(f"LEFT OUT, no server given: {', '.join(missing)} (make test runs all engines)")
    return lines


def pytest_collection_finish() -> None:
    # All tests and what they import stay until the end.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", present(), scope="session")
