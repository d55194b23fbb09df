"""What holds for every test with real processes: nobody is in their logs. Not here: what the tests do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOMEBODY = re.compile(r"[\w.+-]+@[\w.-]+\.example\b|\(?\b\d{3}\)?[ -]555-01\d\d\b")
"""Invented people have mail in `.example`, and phones that are nobody's."""


@pytest.fixture(autouse=True)
def _nobody_is_in_a_log(tmp_path: Path) -> Iterator[None]:
    """Whatever a process logged in a test, no mail or phone of a lead is in it."""
    yield
    for log in tmp_path.rglob("*.log"):
        found = SOMEBODY.findall(log.read_text(encoding="utf-8", errors="replace"))
        assert found == [], f"{log.name} names {found[:3]}"
