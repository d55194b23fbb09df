"""The engine's log in these tests: a mistake of syncd's own is told with its trace, the rest is silent."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from tests.engine.town import DATABASE, DATABASES

ON_ALL = ("test_rules", "test_guard", "test_leads_first")
"""Modules whose scenarios are played on every database; they hold a rule each, and are quick."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play the scenarios of these modules on each database."""
    if metafunc.module.__name__.rpartition(".")[2] in ON_ALL:
        metafunc.fixturenames.append("database")
        metafunc.parametrize("database", DATABASES, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kind of database that new towns have in this test."""
    before, DATABASE[0] = DATABASE[0], request.param
    yield request.param
    DATABASE[0] = before


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    structlog.configure(processors=[_only_bugs])
    yield
    structlog.reset_defaults()


def _only_bugs(logger: Any, method: str, entry: MutableMapping[str, Any]) -> str:
    if entry.get("event") == "bug":
        traceback.print_exc(file=sys.stderr)
    raise structlog.DropEvent
