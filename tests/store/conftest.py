"""A real database, made by the migrations, for every test of the store.

What is not here: a fake store. Another database joins by one more line in DATABASES: every test runs on each.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.store import schema
from syncd.store.store import Store
from tests import postgres

pytest.register_assert_rewrite("tests.store.processes")

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SECOND = timedelta(seconds=1)


def _sqlite(template: Path, folder: Path) -> str:
    """A fresh file: a copy of one that the migrations made."""
    if not template.exists():
        with closing(Store(f"sqlite:///{template}")) as made:
            schema.upgrade(made)
    return f"sqlite:///{shutil.copy(template, folder / 'syncd.db')}"


DATABASES: dict[str, Callable[[Path, Path], str]] = {
    "sqlite": _sqlite,
    "postgresql": lambda _template, _folder: postgres.fresh(),
}
"""Name -> what gives the address of a fresh database at this code's version, from a file to keep and a folder."""

BLANK: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder / 'blank.db'}",
    "postgresql": lambda _folder: postgres.blank(),
}
"""Name -> what gives the address of a database without any table."""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a database keeps what is made once for all tests."""
    return tmp_path_factory.mktemp("store") / "template.db"


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> str:
    """The address of a fresh database of this code's version."""
    return DATABASES[request.param](template, tmp_path)


@pytest.fixture(params=BLANK)
def blank_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table."""
    return BLANK[request.param](tmp_path)


@pytest.fixture
def lite(template: Path, tmp_path: Path) -> Iterator[Store]:
    """A fresh store on SQLite, for what that alone has: its plans without statistics, its catalog, its file."""
    with closing(Store(_sqlite(template, tmp_path))) as opened:
        yield opened


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A fresh store of this code's version."""
    with closing(Store(url)) as opened:
        yield opened
