"""A toy vendor that serves, and clients to it.

What is not here: real vendors; their tests stand in tests/connectors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from syncd.kit.connector import Timing
from syncd.kit.http import Http
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from tests.kit.toy import ToySandbox

SECRET = "tok-1234567890"


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """The toy vendor on a real socket."""
    with SandboxServer(ToySandbox()) as running:
        yield running


@pytest.fixture
def remote(server: SandboxServer) -> Iterator[Remote]:
    """Its remote control."""
    control = Remote(server.url)
    yield control
    control.close()


@pytest.fixture
def connect(server: SandboxServer) -> Iterator[Callable[..., Http]]:
    """Make clients to it: seconds of `timeout` and `retry_for`, and whatever else `Http` takes."""
    made: list[Http] = []

    def build(*, timeout: float = 2.0, retry_for: float = 1.5, **more: Any) -> Http:
        timing = Timing(timeout=timedelta(seconds=timeout), retry_for=timedelta(seconds=retry_for))
        options = {"limits": {}, "explain": lambda status, headers, body: None, **more}
        headers = {"authorization": f"Bearer {SECRET}"}
        made.append(Http("toy", options.pop("base_url", server.url), headers, timing=timing, **options))
        return made[-1]

    yield build
    for http in made:
        http.close()
