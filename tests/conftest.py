"""What holds for every test: no talk with the outside world, long tests only when asked for, steady Hypothesis.

What is not here: fixtures of one room; they stand in that room's own conftest.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests import postgres

LONG = os.environ.get("SYNCD_LONG") == "1"
PLAYS = Path(__file__).parent / "e2e"
LOOPBACK = ("127.", "::1", "localhost")

# Deadlines measure the machine, not the code; the long run looks further, and CI repeats what it saw.
hypothesis.settings.register_profile("default", deadline=None, print_blob=True, derandomize="CI" in os.environ)
hypothesis.settings.register_profile("long", deadline=None, print_blob=True, max_examples=1000)
hypothesis.settings.load_profile("long" if LONG else "default")


BEGAN_HERE = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that began the session answers for the PostgreSQL that its tests share."""
    config.stash[BEGAN_HERE] = postgres.prepare()


def pytest_unconfigure(config: pytest.Config) -> None:
    """It is stopped when all processes of the session have ended."""
    if config.stash.get(BEGAN_HERE, False):
        postgres.finish()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `long` unless SYNCD_LONG=1 (`make test-long`); plays with whole processes come first."""
    for item in items:
        if not LONG and item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long; run by make test-long"))
    # Each of the four processes begins with its quarter of the list. Plays last long and mostly wait, so two of the
    # processes begin with them (the kills last as long as all the others), and the other two do the rest meanwhile.
    kills = [item for item in items if item.path == PLAYS / "test_killed.py"]
    plays = [item for item in items if item.path.parent == PLAYS and item not in kills]
    others = [item for item in items if item.path.parent != PLAYS]
    half = max(0, len(items) // 2 - len(kills))
    items[:] = [*kills, *others[:half], *plays, *others[half:]]


def pytest_collection_finish() -> None:
    """What was imported lives as long as the tests: the garbage collector looks at it no more."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _at_home() -> Iterator[None]:
    """Refuse every connection that leaves this machine: sandboxes are on 127.0.0.1, vendors are never called."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(connect: Any) -> Any:
    """`connect`, for addresses of this machine only."""

    def checked(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not str(address[0]).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {address[0]}: only 127.0.0.1 is allowed")
        return connect(self, address)

    return checked
