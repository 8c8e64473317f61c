"""The benchmarks run: a small estate goes all the way from its rows to the printed figures."""

import pytest

from tests.benchmarks.__main__ import pages, show_pages
from tests.engines import fresh_database


@pytest.mark.every_engine
@pytest.mark.slow
def test_the_benchmark_of_the_pages_prints_the_figures_of_every_page(capsys: pytest.CaptureFixture[str]) -> None:
    with fresh_database("sqlite") as url:
        measured = pages(url, 12, 2, 2, "home", "inventory.VMContext")
        show_pages("sqlite", measured)
    said = capsys.readouterr().out
    assert all(page["page"][:63] in said for page in measured["pages"])
    assert {"home", "inventory.VMContext list", "inventory.VMContext record"} <= {
        page["page"] for page in measured["pages"]
    }
    assert "staff pages on sqlite: " in said and "missed by" in said
