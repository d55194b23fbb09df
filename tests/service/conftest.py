"""What is logged while a test runs. Not here: what is tested with it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from syncd.service import log

SECRET = "a-long-secret-0123"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A place to log to, in which SECRET must not show; everything is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    log.setup([SECRET], format="json", level="debug", stream=out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
