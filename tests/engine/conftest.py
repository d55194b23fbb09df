"""The engine's log in these tests: a mistake of syncd's own is told with its trace, the rest is silent."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    structlog.configure(processors=[_only_bugs])
    yield
    structlog.reset_defaults()


def _only_bugs(logger: Any, method: str, entry: MutableMapping[str, Any]) -> str:
    if entry.get("event") == "bug":
        traceback.print_exc(file=sys.stderr)
    raise structlog.DropEvent
