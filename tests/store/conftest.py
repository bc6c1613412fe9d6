"""Databases by the dozen, for tests that need more than one."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PostgresDatabases, postgres_url


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes an empty database with today's schema, on each of the two kinds; the one before is given up."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        paths = (tmp_path / f"goip-{n}.db" for n in itertools.count())
        return lambda: f"sqlite:///{shutil.copyfile(template, next(paths))}"
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    return lambda: postgres_url(databases.emptied())
