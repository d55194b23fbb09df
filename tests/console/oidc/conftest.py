"""A console with a provider beside it, for every test here."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from syncd.console.ask import Role
from tests.console.oidc.door import Door, opened
from tests.console.oidc.provider import provider
from tests.console.town import Town


@pytest.fixture(scope="module")
def made(town: Town) -> Iterator[Door]:
    """One for all tests of a module; vera@example.com has an account, and no password."""
    with provider() as found, opened(town, found) as door:
        door.console.doors.invite("vera@example.com", Role.VIEWER)
        door.console.doors.invite("ada@example.com", Role.ADMIN)
        yield door


@pytest.fixture
def door(made: Door) -> Door:
    """With a provider that behaves."""
    made.anew()
    return made


@pytest.fixture
def browser(door: Door) -> Iterator[httpx.Client]:
    """One without script, in which nobody is signed in."""
    with door.browser() as found:
        yield found
