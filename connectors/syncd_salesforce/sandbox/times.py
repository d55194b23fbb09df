"""Epoch seconds, the sandbox's one inner form of a moment, to and from Salesforce's texts. Dates stay texts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

DAY = 86_400
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wire(seconds: int) -> str:
    """`2026-11-21T10:00:00.000+0000`, as records carry it."""
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.000+0000"


def iso(seconds: int) -> str:
    """`2026-11-21T10:00:00.000Z`, as CSV results carry it."""
    return wire(seconds).replace("+0000", "Z")


def moment(text: str) -> int:
    """Whole seconds of an ISO 8601 datetime, UTC where it names no zone; ValueError for anything else."""
    if not _ISO.fullmatch(text):
        raise ValueError(text)
    found = datetime.fromisoformat(text.upper())
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (found - _EPOCH) // timedelta(seconds=1)


def day(text: str) -> str:
    """A date, `2026-11-21`; the day of a datetime text is cut out of it. ValueError for anything else."""
    head = text[:10]
    if not _DATE.fullmatch(head) or (len(text) > 10 and not _ISO.fullmatch(text)):
        raise ValueError(text)
    return date.fromisoformat(head).isoformat()


def day_of(seconds: int) -> str:
    """The date of a moment in UTC."""
    return wire(seconds)[:10]


def http_moment(text: str) -> int:
    """Seconds of an HTTP date; ValueError for anything else."""
    found = parsedate_to_datetime(text)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
