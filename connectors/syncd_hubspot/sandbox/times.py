"""Epoch milliseconds, the sandbox's one inner form of time, to and from HubSpot's texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ms: int) -> str:
    """`2024-09-11T13:27:39.356Z`, always with milliseconds, as records carry it."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def day(ms: int) -> str:
    """`2024-09-11`, in UTC."""
    return (_EPOCH + timedelta(milliseconds=ms)).date().isoformat()


def to_ms(moment: datetime) -> int:
    """Whole epoch milliseconds of an aware datetime."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def parse_ms(text: str) -> int:
    """Epoch ms of an ISO date, an ISO datetime, or a number of milliseconds; ValueError for anything else."""
    stripped = text.strip()
    if stripped.lstrip("-").isdigit():
        return int(stripped)
    moment = datetime.fromisoformat(stripped)
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
